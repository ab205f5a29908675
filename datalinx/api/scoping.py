"""Where: the workspace of a request, from the `X-Workspace` header or from the object that the URL names."""

from typing import Any
from urllib.parse import unquote

from rest_framework.request import Request

from datalinx.caller import Caller
from datalinx.errors import BadRequest, Forbidden, NotFound
from datalinx.registry import registered

HEADER = "X-Workspace"


def workspace_named(request: Request, caller: Caller) -> Any | None:
    """Return the workspace that the header names, or None without a header.

    Raises NotFound for a name that the organization does not have, Forbidden for one not open to the caller.
    """
    # Header values travel as Latin-1; a client may percent-encode what does not fit.
    name = unquote(request.headers.get(HEADER, "").strip())
    if not name:
        return None
    workspace = registered("find_workspace")(organization_id=caller.organization_id, name=name)
    if workspace is None:
        raise NotFound("WORKSPACE_NOT_FOUND", "Workspace not found")
    require_open(caller, workspace.pk)
    return workspace


def workspace_required() -> BadRequest:
    """Return the error for a call that needs the header and has none."""
    return BadRequest("WORKSPACE_REQUIRED", f"Name the workspace in the header {HEADER}.")


def require_open(caller: Caller, workspace_id: str) -> None:
    """Refuse a workspace of the caller's own organization that is not open to the caller."""
    if not caller.sees(workspace_id):
        raise Forbidden("WORKSPACE_ACCESS_DENIED", "This workspace is not open to you; ask an administrator.")
