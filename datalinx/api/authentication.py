"""Who is asking: a person by JWT, a service account by key; never both, and what does not hold says why."""

from typing import Any

from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from datalinx.caller import Caller
from datalinx.errors import BadRequest, Unauthenticated
from datalinx.registry import registered

API_KEY_PREFIX = "dlx_sk_"


class CallerAuthentication(BaseAuthentication):
    """Read the credentials of a request. `request.user` becomes a `Caller`."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        bearer = _bearer(request)
        key = request.headers.get("X-API-Key", "").strip()
        if bearer and key:
            message = "Send either Authorization or X-API-Key, not both."
            raise BadRequest("AMBIGUOUS_CREDENTIALS", message)
        if bearer.startswith(API_KEY_PREFIX):
            bearer, key = "", bearer
        if key:
            return registered("authenticate_api_key")(key), None
        if bearer:
            return registered("authenticate_token")(bearer), None
        return None

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


def _bearer(request: Request) -> str:
    header = request.headers.get("Authorization", "").strip()
    if not header:
        return ""
    scheme, _, value = header.partition(" ")
    if scheme.lower() != "bearer" or not value.strip():
        raise Unauthenticated("INVALID_TOKEN", "Write the header as `Authorization: Bearer <token>`.")
    return value.strip()


def caller_of(request: Request) -> Caller:
    """Return who is asking. Raises Unauthenticated when nobody is known."""
    caller: Any = request.user
    if not isinstance(caller, Caller):
        message = "Send `Authorization: Bearer <token>` or `X-API-Key: <key>`."
        raise Unauthenticated("AUTHENTICATION_REQUIRED", message)
    return caller
