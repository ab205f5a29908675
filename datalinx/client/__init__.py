"""The Python SDK: `from datalinx import Datalinx`.

Names are looked up on first use, so that the command line can show its help without loading httpx. Nothing
under this package imports Django or the engine: it speaks HTTP and no more.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datalinx.client.credentials import Tokens, TokenStore
    from datalinx.client.errors import (
        APIError,
        AuthenticationError,
        BadRequest,
        ClientError,
        ConfigurationError,
        ConnectionFailed,
        FieldError,
        NotFound,
        PermissionDenied,
        RateLimited,
        RunFailed,
        ServerError,
        Timeout,
        TooLarge,
        Unavailable,
        ValidationFailed,
        WaitTimedOut,
        WebhookVerificationFailed,
    )
    from datalinx.client.events import Event
    from datalinx.client.pages import Listing, Page
    from datalinx.client.resource import Resource
    from datalinx.client.sdk import Datalinx
    from datalinx.client.signatures import verify_webhook
    from datalinx.client.workspace import WorkspaceClient

_HOMES = {
    "credentials": ("Tokens", "TokenStore"),
    "errors": (
        "APIError",
        "AuthenticationError",
        "BadRequest",
        "ClientError",
        "ConfigurationError",
        "ConnectionFailed",
        "FieldError",
        "NotFound",
        "PermissionDenied",
        "RateLimited",
        "RunFailed",
        "ServerError",
        "Timeout",
        "TooLarge",
        "Unavailable",
        "ValidationFailed",
        "WaitTimedOut",
        "WebhookVerificationFailed",
    ),
    "events": ("Event",),
    "pages": ("Listing", "Page"),
    "resource": ("Resource",),
    "sdk": ("Datalinx",),
    "signatures": ("verify_webhook",),
    "workspace": ("WorkspaceClient",),
}
_MODULES = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "APIError",
    "AuthenticationError",
    "BadRequest",
    "ClientError",
    "ConfigurationError",
    "ConnectionFailed",
    "Datalinx",
    "Event",
    "FieldError",
    "Listing",
    "NotFound",
    "Page",
    "PermissionDenied",
    "RateLimited",
    "Resource",
    "RunFailed",
    "ServerError",
    "Timeout",
    "TokenStore",
    "Tokens",
    "TooLarge",
    "Unavailable",
    "ValidationFailed",
    "WaitTimedOut",
    "WebhookVerificationFailed",
    "WorkspaceClient",
    "verify_webhook",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(import_module(f"datalinx.client.{_MODULES[name]}"), name)
    raise AttributeError(f"module 'datalinx.client' has no attribute {name!r}")
