"""People in front of the console."""

from collections.abc import Callable, Iterator

import pytest
from django.core.cache import cache
from django.test import Client

from tests.world import PASSWORD, Person


@pytest.fixture(autouse=True)
def _forgotten_attempts() -> Iterator[None]:
    """Each test begins without counted attempts to sign in."""
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def visit() -> Callable[[Person], Client]:
    """Sign somebody in, as the login page does it, and return the browser."""

    def sign_in(person: Person) -> Client:
        client = Client(raise_request_exception=False)
        answer = client.post("/login", {"email": person.user.email, "password": PASSWORD})
        assert answer.status_code == 302, answer.content
        return client

    return sign_in
