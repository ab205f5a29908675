"""The caller's address behind proxies: only what a trusted one wrote counts."""

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from django.test.utils import override_settings

from datalinx.proxies import TrustedProxiesMiddleware


def address_of(header: str | None, *, trusted: int) -> str:
    """Return the address that the application sees of a call from 10.0.0.1 with this header."""
    seen: list[str] = []

    def view(request: HttpRequest) -> HttpResponse:
        seen.append(request.META["REMOTE_ADDR"])
        return HttpResponse()

    headers = {} if header is None else {"X-Forwarded-For": header}
    with override_settings(TRUSTED_PROXIES=trusted):
        TrustedProxiesMiddleware(view)(RequestFactory().get("/", headers=headers, REMOTE_ADDR="10.0.0.1"))
    return seen[0]


@pytest.mark.parametrize(
    ("header", "trusted", "address"),
    [
        (None, 0, "10.0.0.1"),
        ("203.0.113.5", 0, "10.0.0.1"),
        (None, 1, "10.0.0.1"),
        ("203.0.113.5", 1, "203.0.113.5"),
        ("2001:db8::1", 1, "2001:db8::1"),
        # What the caller wrote himself stands to the left of what the proxy wrote.
        ("127.0.0.1, 203.0.113.5", 1, "203.0.113.5"),
        ("127.0.0.1, 203.0.113.5, 10.0.0.9", 2, "203.0.113.5"),
        # Fewer entries than proxies: it did not come through all of them.
        ("203.0.113.5", 2, "10.0.0.1"),
        ("unknown", 1, "10.0.0.1"),
        ("", 1, "10.0.0.1"),
    ],
)
def test_address__behind_so_many_proxies__is_what_the_farthest_of_them_saw(
    header: str | None, trusted: int, address: str
) -> None:
    assert address_of(header, trusted=trusted) == address
