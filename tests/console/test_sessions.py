"""Signing in and out, and where the tokens are meanwhile."""

import re
from collections.abc import Callable
from datetime import timedelta
from threading import Thread

import pytest
import time_machine
from django.conf import LazySettings
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from apps.accounts.models import RefreshToken
from datalinx.console import session as sessions
from tests.world import PASSWORD, World

Visit = Callable[..., Client]


def _sign_in(client: Client, email: str, password: str = PASSWORD, **more: str) -> object:
    return client.post("/login", {"email": email, "password": password, **more})


def test_login__of_a_person__leads_to_the_workspace_and_gives_the_browser_no_token(world: World) -> None:
    client = Client()
    answer = client.post("/login", {"email": world.ed.user.email, "password": PASSWORD})
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert client.get("/")["Location"] == "/w/production/"
    page = client.get("/w/production/")
    shown = page.content.decode() + str(client.cookies)
    assert "eyJ" not in shown
    assert set(client.cookies) <= {"sessionid", "csrftoken", "messages"}
    # Sealed in the database too.
    stored = Session.objects.get(session_key=client.cookies["sessionid"].value).get_decoded()
    assert set(stored) == {sessions.KEY}
    assert "eyJ" not in stored[sessions.KEY]


def test_login__cookie__is_for_this_site_and_no_script(world: World, settings: LazySettings) -> None:
    settings.SESSION_COOKIE_SECURE = True
    client = Client()
    _sign_in(client, world.ed.user.email)
    cookie = client.cookies["sessionid"]
    assert (cookie["httponly"], cookie["secure"], cookie["samesite"]) == (True, True, "Strict")


def test_login__with_a_wrong_password__says_so_and_keeps_the_address(world: World) -> None:
    client = Client()
    answer = client.post("/login", {"email": world.ed.user.email, "password": "wrong"})
    page = answer.content.decode()
    assert answer.status_code == 401
    assert "The e-mail address or the password is wrong." in page
    assert f'value="{world.ed.user.email}"' in page
    assert "wrong&quot;" not in page
    assert client.get("/w/production/").status_code == 302


def test_login__of_nobody__fails_in_the_same_words(world: World) -> None:
    known = Client().post("/login", {"email": world.ed.user.email, "password": "wrong"}).content.decode()
    unknown = Client().post("/login", {"email": "x@y.example", "password": "wrong"}).content.decode()
    sentence = re.compile(r'role="alert">([^<]+)<')
    assert sentence.findall(known) == sentence.findall(unknown)


def test_login__many_attempts__are_limited_by_the_address_of_the_person(
    world: World, settings: LazySettings
) -> None:
    settings.LOGIN_RATE = "3/15m"
    client = Client(REMOTE_ADDR="203.0.113.7")
    statuses = [
        client.post("/login", {"email": f"{number}@x.example", "password": "wrong"}).status_code
        for number in range(5)
    ]
    assert statuses == [401, 401, 401, 429, 429]
    elsewhere = Client(REMOTE_ADDR="203.0.113.8")
    assert elsewhere.post("/login", {"email": "9@x.example", "password": "wrong"}).status_code == 401


def test_login__without_a_csrf_token__is_refused(world: World) -> None:
    client = Client(enforce_csrf_checks=True)
    answer = client.post("/login", {"email": world.ed.user.email, "password": PASSWORD})
    assert answer.status_code == 403
    assert "This form is too old" in answer.content.decode()


@pytest.mark.parametrize("path", ["/workspaces", "/w/production/run", "/w/production/query", "/logout"])
def test_forms__without_a_csrf_token__are_refused(world: World, visit: Visit, path: str) -> None:
    client = Client(enforce_csrf_checks=True)
    client.cookies = visit(world.ed).cookies
    assert client.post(path, {"name": "x"}).status_code == 403


@pytest.mark.parametrize(
    ("target", "goes_to"),
    [
        ("/w/production/runs?status=failed", "/w/production/runs?status=failed"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("javascript:alert(1)", "/"),
        ("/\\evil.example", "/"),
    ],
)
def test_login__afterwards__leads_to_a_page_of_this_instance_only(
    world: World, target: str, goes_to: str
) -> None:
    answer = Client().post("/login", {"email": world.ed.user.email, "password": PASSWORD, "next": target})
    assert answer["Location"] == goes_to


def test_page__of_nobody__leads_to_the_login_and_back(world: World) -> None:
    answer = Client().get("/w/production/runs?page=2")
    assert answer["Location"] == "/login?next=%2Fw%2Fproduction%2Fruns%3Fpage%3D2"
    assert Client().post("/w/production/run")["Location"] == "/login"


def test_login__keeps_no_session_that_was_planted(world: World) -> None:
    client = Client()
    _sign_in(client, world.ed.user.email)
    first = client.cookies["sessionid"].value
    _sign_in(client, world.ed.user.email)
    assert client.cookies["sessionid"].value != first
    assert not Session.objects.filter(session_key=first).exists()


def test_logout__of_a_person__ends_the_tokens_too(world: World, visit: Visit) -> None:
    client = visit(world.ed)
    assert RefreshToken.objects.filter(user=world.ed.user).exists()
    assert client.post("/logout")["Location"] == "/login"
    assert not RefreshToken.objects.filter(user=world.ed.user).exists()
    assert client.get("/w/production/").status_code == 302
    assert client.get("/logout").status_code == 405


def test_logout__of_nobody__leads_to_the_login(world: World) -> None:
    assert Client().post("/logout")["Location"] == "/login"


def test_session__of_somebody_deactivated__ends_at_once(world: World, visit: Visit) -> None:
    client = visit(world.ed)
    world.alice.client().post(f"/api/users/{world.ed.user.pk}/deactivate")
    assert client.get("/w/production/")["Location"].startswith("/login")


def test_session__that_is_used__is_renewed_in_its_second_half(world: World, visit: Visit) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        client = visit(world.ed)
        kept = dict(client.session)
        clock.shift(timedelta(minutes=20))
        assert client.get("/w/production/").status_code == 200
        assert dict(client.session) == kept
        for _ in range(4):
            clock.shift(timedelta(minutes=35))
            assert client.get("/w/production/").status_code == 200
        assert dict(client.session) != kept


def test_session__that_rests_for_an_hour__ends(world: World, visit: Visit) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        client = visit(world.ed)
        clock.shift(timedelta(minutes=61))
        assert client.get("/w/production/")["Location"].startswith("/login")


def test_session__renewed_by_another_request__takes_the_new_token(world: World, visit: Visit) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        client = visit(world.ed)
        clock.shift(timedelta(minutes=40))
        request = client.get("/w/production/runs").wsgi_request
        stale = type(request.session)(request.session.session_key)
        stale[sessions.KEY] = "an older one"
        request.session = stale
        # The lock is free again, and this request still holds what was traded already.
        sessions._renew(request)
        assert request.session[sessions.KEY] == client.session[sessions.KEY]
        assert client.get("/w/production/").status_code == 200


def test_session__sealed_with_lost_keys__signs_out(
    world: World, visit: Visit, settings: LazySettings
) -> None:
    from datalinx.secrets import new_key

    client = visit(world.ed)
    settings.ENCRYPTION_KEYS = (new_key(),)
    assert client.get("/w/production/")["Location"].startswith("/login")


@pytest.mark.django_db(transaction=True)
def test_session__many_requests_at_its_renewal__stay_signed_in(world: World, visit: Visit) -> None:
    with time_machine.travel(timezone.now(), tick=True) as clock:
        client = visit(world.ed)
        clock.shift(timedelta(minutes=40))
        statuses: list[int] = []

        def look() -> None:
            other = Client()
            other.cookies = client.cookies
            statuses.append(other.get("/w/production/runs").status_code)

        threads = [Thread(target=look) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert statuses == [200] * 4
        assert client.get("/w/production/runs").status_code == 200
