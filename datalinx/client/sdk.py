"""The client of an organization: `Datalinx`."""

import os
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from datalinx.client.credentials import ApiKey, Credentials, MemoryStore, Session, Tokens, TokenStore
from datalinx.client.endpoints.accounts import Auth, Organizations, Roles, ServiceAccounts, Users
from datalinx.client.endpoints.base import Scope
from datalinx.client.endpoints.schemas import SemanticTypes
from datalinx.client.endpoints.sources import Connectors
from datalinx.client.endpoints.workspaces import Workspaces
from datalinx.client.errors import ConfigurationError
from datalinx.client.http import Http, HttpTransport
from datalinx.client.resource import Resource
from datalinx.client.retries import Retries
from datalinx.client.transport import Transport
from datalinx.client.workspace import WorkspaceClient

DEFAULT_URL = "http://127.0.0.1:8000"


class Datalinx(WorkspaceClient):
    """A client of one Datalinx server.

    client = Datalinx(api_key="dlx_sk_live_…")
    for workspace in client.workspaces.list():
        print(workspace.name)

    Sign in with the `api_key` of a service account, with `email` and `password`, or with an `access_token` (and its
    `refresh_token`, so that it can be renewed). What is not given comes from DATALINX_URL, DATALINX_API_KEY and
    DATALINX_WORKSPACE. `timeout` limits each wait for the server, in seconds; a call that failed in passing is
    tried again up to `max_retries` times. May be used from many threads, and in a `with`.
    """

    def __init__(
        self,
        api_key: str | None = None,
        *,
        base_url: str | None = None,
        email: str | None = None,
        password: str | None = None,
        mfa_code: str | None = None,
        access_token: str | None = None,
        refresh_token: str | None = None,
        token_store: TokenStore | None = None,
        workspace: str | None = None,
        timeout: float = 30.0,
        max_retries: int = 5,
        http_transport: HttpTransport | None = None,
        sleep: Callable[[float], None] | None = None,
    ) -> None:
        if access_token or refresh_token:
            # A refresh token alone is enough: the first call trades it in.
            ends = None if access_token else 0.0
            token_store = token_store or MemoryStore(Tokens(access_token or "", refresh_token, ends))
        transport = Transport(
            base_url=api_address(base_url or os.environ.get("DATALINX_URL") or DEFAULT_URL),
            http=Http(http_transport),
            credentials=_credentials(api_key, email, password, mfa_code, token_store),
            seconds=timeout,
            retries=Retries(times=max_retries),
            sleep=sleep or time.sleep,
        )
        scope = Scope(workspace or os.environ.get("DATALINX_WORKSPACE") or None)
        super().__init__(transport, scope)
        self.auth = Auth(transport, scope)
        self.organizations = Organizations(transport, scope)
        self.users = Users(transport, scope)
        self.roles = Roles(transport, scope)
        self.service_accounts = ServiceAccounts(transport, scope)
        self.workspaces = Workspaces(transport, scope)
        self.connectors = Connectors(transport, scope)
        self.semantic_types = SemanticTypes(transport, scope)

    def workspace(self, name: str) -> WorkspaceClient:
        """Return a client bound to one workspace, by its name: objects of another one are not found through it."""
        if not name:
            raise ConfigurationError("Give the name of a workspace.")
        return WorkspaceClient(self._transport, Scope(name, bound=True))

    def system_info(self) -> Resource:
        """Return versions, database, broker, engine, storage and queue depth. For operators."""
        return self.request("GET", "system-info")

    def close(self) -> None:
        """Close the connections. The client cannot be used any more."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def api_address(url: str) -> str:
    """Return the address of the API for that of a server, with or without `/api` at its end."""
    parts = urlsplit(url.strip())
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ConfigurationError(f"{url!r} is not the address of a server; write one such as {DEFAULT_URL}.")
    if parts.username or parts.password:
        raise ConfigurationError("Give the credentials as api_key or email and password, not in the address.")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/').removesuffix('/api')}/api"


def _credentials(
    api_key: str | None,
    email: str | None,
    password: str | None,
    mfa_code: str | None,
    store: TokenStore | None,
) -> Credentials:
    if api_key and (email or password or store):
        raise ConfigurationError("Give either an api_key or a person's credentials, not both.")
    if bool(email) != bool(password):
        raise ConfigurationError("Give both email and password.")
    if email or store:
        return Session(store=store, email=email, password=password, mfa_code=mfa_code)
    found = api_key or os.environ.get("DATALINX_API_KEY")
    if not found:
        raise ConfigurationError(
            "Nothing to sign in with: give api_key, or email and password, or set DATALINX_API_KEY."
        )
    return ApiKey(found)
