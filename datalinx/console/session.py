"""Who is signed in: the tokens of a person, sealed in the session on the server. The browser never has one."""

import time
from typing import Any

from django.contrib.sessions.backends.base import UpdateError
from django.core.cache import cache
from django.http import HttpRequest

from datalinx.console.api import Api, Refusal
from datalinx.errors import Failed
from datalinx.sealed import seal, unseal

KEY = "console"
_CONTEXT = "console-session"
# While one request trades the refresh token, others keep to the access token that they have.
_LOCK_SECONDS = 60


def sign_in(request: HttpRequest, *, email: str, password: str) -> None:
    """Trade e-mail address and password for tokens and keep them. Raises Refusal."""
    answer = Api(request).send("POST", "auth", "login", data={"email": email, "password": password}).data
    # A session that somebody else may have planted must not become that of this person.
    request.session.cycle_key()
    _keep(request, answer)


def sign_out(request: HttpRequest) -> None:
    """End the session here and its tokens at the API."""
    kept = _kept(request)
    request.session.flush()
    if kept:
        try:
            Api(request, token=kept["access_token"]).send("POST", "auth", "logout")
        except Refusal as refusal:
            # A token that does not hold any more has nothing left to end.
            if refusal.status != 401:
                raise


def find_token(request: HttpRequest) -> str:
    """Return an access token of the person who is signed in, or an empty text.

    In the second half of its life a token is traded for a new one, which keeps a session that is used alive.
    """
    kept = _kept(request)
    if not kept:
        return ""
    now = time.time()
    if now >= kept["renew_at"] and cache.add(
        f"console-renew:{request.session.session_key}", 1, _LOCK_SECONDS
    ):
        _renew(request)
        kept = _kept(request)
    return str(kept["access_token"]) if kept and now < kept["ends_at"] else ""


def _renew(request: HttpRequest) -> None:
    """Trade the refresh token, unless another request has just done it: a token used twice ends the session."""
    stored = type(request.session)(request.session.session_key).get(KEY)
    if stored and stored != request.session.get(KEY):
        request.session[KEY] = stored
        return
    kept = _kept(request)
    try:
        token = {"refresh_token": kept["refresh_token"]}
        _keep(request, Api(request).send("POST", "auth", "refresh", data=token).data)
    except Refusal as refusal:
        if refusal.status != 401:
            return
        request.session.flush()
    except UpdateError:
        # Signed out meanwhile, in another window.
        request.session.flush()


def _keep(request: HttpRequest, answer: dict[str, Any]) -> None:
    now, lifetime = time.time(), float(answer["expires_in"])
    kept = {
        "access_token": answer["access_token"],
        "refresh_token": answer["refresh_token"],
        "renew_at": now + lifetime / 2,
        "ends_at": now + lifetime,
    }
    request.session[KEY] = seal(kept, context=_CONTEXT)
    # At once: a refresh token that was traded and is lost with a page that fails later would end the session.
    request.session.save()


def _kept(request: HttpRequest) -> dict[str, Any]:
    token = request.session.get(KEY)
    if not token:
        return {}
    try:
        return dict(unseal(token, context=_CONTEXT))
    except Failed:
        # Sealed with keys that are gone: whoever it was signs in again.
        return {}
