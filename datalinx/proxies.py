"""Who really calls, when proxies stand in front: counted from the near end, never read from the far one."""

import ipaddress
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse


class TrustedProxiesMiddleware:
    """Set `REMOTE_ADDR` to the address that the farthest trusted proxy saw.

    Each proxy adds on the right of X-Forwarded-For whom it was called by; what stands further left was written by
    the caller, who can write anything. With `DATALINX_TRUSTED_PROXIES` at 0 the header means nothing.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        count = settings.TRUSTED_PROXIES
        if count:
            seen = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",")]
            if len(seen) >= count and _is_address(seen[-count]):
                request.META["REMOTE_ADDR"] = seen[-count]
        return self.get_response(request)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
