"""May they: which permission an action of a view needs, and the refusal when the caller lacks it."""

from collections.abc import Mapping

from datalinx.caller import ORGANIZATION_ADMIN, Caller
from datalinx.errors import Forbidden

PUBLIC = "public"
ANY = "any"
OPERATOR = "operator"

WORKSPACE_VIEW = (
    "sources:view",
    "schemas:view",
    "mappings:view",
    "pipelines:view",
    "queries:view",
    "audiences:view",
    "monitoring:view",
    "alerts:view",
    "webhooks:view",
)
WORKSPACE_CHANGE = (
    "sources:manage",
    "schemas:edit",
    "mappings:create",
    "mappings:edit",
    "pipelines:edit",
    "pipelines:run",
    "queries:edit",
    "audiences:edit",
    "audiences:activate",
    "monitoring:edit",
    "alerts:manage",
    "webhooks:manage",
)
VIEWER = frozenset((*WORKSPACE_VIEW, "queries:run"))
EDITOR = VIEWER | frozenset(WORKSPACE_CHANGE)
ORGANIZATION = (ORGANIZATION_ADMIN, "users:manage", "audit:view", "workspaces:create", "workspaces:delete")
ALL = frozenset(ORGANIZATION) | EDITOR

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def permission_for(permissions: Mapping[str, str], *, action: str, method: str) -> str:
    """Return what an action needs: its own entry, else `view` for a reading method and `change` otherwise."""
    if action in permissions:
        return permissions[action]
    return permissions["view" if method in SAFE_METHODS else "change"]


def require(caller: Caller, permission: str, workspace_id: str | None = None) -> None:
    """Refuse a caller without the permission. Raises Forbidden PERMISSION_DENIED naming what is missing."""
    if permission == ANY:
        return
    allowed = caller.is_operator if permission == OPERATOR else caller.can(permission, workspace_id)
    if not allowed:
        raise Forbidden(
            "PERMISSION_DENIED",
            f"This needs the permission {permission}, which your role does not hold here.",
            details={"permission": permission},
        )
