"""The one-time link of a first start: works once, for a day, and makes nothing but the organization."""

from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.test import Client

from datalinx.registry import registered
from datalinx.up import setup

GIVEN = {
    "organization": "Example",
    "email": "owner@example.com",
    "password": "correct horse battery",
    "password_again": "correct horse battery",
}

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _clean_cache() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def link() -> str:
    return f"/setup/{setup.make_token()}"


def test_setup_page__of_the_link__asks_for_the_organization(client: Client, link: str) -> None:
    answer = client.get(link)
    assert answer.status_code == 200
    assert 'name="organization"' in answer.text
    assert 'autocomplete="new-password"' in answer.text
    assert "no-store" in answer["Cache-Control"]


def test_setup_page__filled_in__makes_the_administrator_once(client: Client, link: str) -> None:
    answer = client.post(link, GIVEN)
    assert (answer.status_code, answer["Location"]) == (302, "/")
    user = get_user_model().objects.get()
    assert user.email == GIVEN["email"]  # type: ignore[attr-defined]
    assert user.check_password(GIVEN["password"])
    assert client.get(link).status_code == 404
    assert client.post(link, {**GIVEN, "email": "second@example.com"}).status_code == 404
    assert get_user_model().objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"password": "short", "password_again": "short"}, "at least 12 characters"),
        ({"password_again": "something else"}, "The two passwords differ."),
        ({"email": "nobody"}, "valid email address"),
        ({"organization": ""}, "required"),
        ({"organization": "x" * 201}, "at most 200"),
    ],
)
def test_setup_page__filled_in_wrongly__says_what_is_wrong_and_stays(
    client: Client, link: str, changes: dict[str, str], sentence: str
) -> None:
    answer = client.post(link, GIVEN | changes)
    assert answer.status_code == 422
    assert sentence in answer.text
    assert GIVEN["password"] not in answer.text
    assert not get_user_model().objects.exists()
    assert client.post(link, GIVEN).status_code == 302


@pytest.mark.parametrize("token", ["wrong", "x" * 43, "%00", "ключ"])
def test_setup_page__of_another_token__is_not_there(client: Client, link: str, token: str) -> None:
    assert client.get(f"/setup/{token}").status_code == 404
    assert client.post(f"/setup/{token}", GIVEN).status_code == 404
    assert not get_user_model().objects.exists()


def test_setup_page__without_a_link_made__is_not_there(client: Client) -> None:
    assert client.get("/setup/anything").status_code == 404
    assert client.get("/setup/").status_code == 404


def test_setup_page__after_a_day__is_over(client: Client) -> None:
    with time_machine.travel(1_700_000_000, tick=False) as clock:
        link = f"/setup/{setup.make_token()}"
        clock.shift(setup.TOKEN_SECONDS - 1)
        assert client.get(link).status_code == 200
        clock.shift(2)
        assert client.get(link).status_code == 404


def test_setup_page__of_an_older_link__is_over(client: Client, link: str) -> None:
    newer = f"/setup/{setup.make_token()}"
    assert client.get(link).status_code == 404
    assert client.get(newer).status_code == 200


def test_setup_page__once_there_is_an_organization__is_over(client: Client, link: str) -> None:
    registered("create_first_organization")(
        email="other@example.com", password="correct horse battery", organization="Other"
    )
    assert client.get(link).status_code == 404


def test_setup_page__without_its_csrf_token__is_refused(link: str) -> None:
    assert Client(enforce_csrf_checks=True).post(link, GIVEN).status_code == 403


def test_setup_token__kept__is_only_a_hash(link: str) -> None:
    stored: Any = cache.get("setup-token")
    assert stored
    assert stored not in link
    assert link.rpartition("/")[2] not in stored
