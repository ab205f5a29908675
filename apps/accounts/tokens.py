"""The tokens of a login: the only file that knows simplejwt."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.tokens import Token

from datalinx.errors import Unauthenticated

ACCESS_LIFETIME = timedelta(seconds=3600)
REFRESH_LIFETIME = timedelta(days=7)


class _AccessToken(Token):
    token_type = "access"  # noqa: S105  # the name of a kind of token, not a secret
    lifetime = ACCESS_LIFETIME


class _RefreshToken(Token):
    token_type = "refresh"  # noqa: S105  # the name of a kind of token, not a secret
    lifetime = REFRESH_LIFETIME


@dataclass(frozen=True)
class Claims:
    """What a token says: the user, the version of the user's tokens, the session, and the token's own id."""

    user_id: str
    token_version: int
    session: str
    token_id: str


def make_access_token(*, user_id: str, token_version: int, session: str) -> str:
    """Return a JWT that lives for an hour."""
    token = _AccessToken()
    token["sub"], token["tv"], token["sid"] = user_id, token_version, session
    return str(token)


def make_refresh_token(
    *, user_id: str, token_version: int, session: str, token_id: str
) -> tuple[str, datetime]:
    """Return a JWT that lives for a week and that one row remembers, and when it ends."""
    token = _RefreshToken()
    token["sub"], token["tv"], token["sid"], token["rid"] = user_id, token_version, session, token_id
    return str(token), timezone.now() + REFRESH_LIFETIME


def read_access_token(text: str) -> Claims:
    """Return the claims of an access token. Raises Unauthenticated INVALID_TOKEN or TOKEN_EXPIRED."""
    return _read(_AccessToken, text)


def read_refresh_token(text: str) -> Claims:
    """Return the claims of a refresh token. Raises Unauthenticated INVALID_TOKEN or TOKEN_EXPIRED."""
    return _read(_RefreshToken, text)


def _read(kind: type[Token], text: str) -> Claims:
    try:
        token = kind(text)  # type: ignore[arg-type]  # the stubs ask for a Token where the library takes a text
        return Claims(
            str(token["sub"]), int(token["tv"]), str(token["sid"]), str(token.payload.get("rid", ""))
        )
    except TokenError as error:
        if "expired" in str(error).lower():
            raise Unauthenticated(
                "TOKEN_EXPIRED", "This token has expired; log in again or refresh it."
            ) from error
        raise Unauthenticated("INVALID_TOKEN", "This token does not hold; log in again.") from error
    except (KeyError, TypeError, ValueError) as error:
        raise Unauthenticated("INVALID_TOKEN", "This token does not hold; log in again.") from error
