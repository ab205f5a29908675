"""Who is asking: one immutable value that authentication makes and that services get as `actor`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

ORGANIZATION_ADMIN = "org.admin"


@dataclass(frozen=True)
class Caller:
    """A person, a service account or the platform itself, with what each may do and where.

    `permissions` hold everywhere in the organization; `workspaces` adds, for single workspaces, the
    permissions held there alone. A caller `confined` to workspaces holds nothing outside of them.
    """

    kind: Literal["user", "service_account", "system"]
    id: str
    name: str
    organization: Any
    permissions: frozenset[str] = frozenset()
    workspaces: Mapping[str, frozenset[str]] = field(default_factory=dict)
    sees_all_workspaces: bool = False
    is_operator: bool = False
    credential_id: str = ""

    @property
    def organization_id(self) -> str:
        return str(self.organization.pk)

    def permissions_in(self, workspace_id: str | None) -> frozenset[str]:
        """Return what the caller may do in this workspace, or in the organization when None."""
        if workspace_id is None:
            return self.permissions
        return self.permissions | self.workspaces.get(workspace_id, frozenset())

    def can(self, permission: str, workspace_id: str | None = None) -> bool:
        held = self.permissions_in(workspace_id)
        return permission in held or ORGANIZATION_ADMIN in held

    def sees(self, workspace_id: str) -> bool:
        """Return whether the workspace is open to the caller at all."""
        return self.sees_all_workspaces or workspace_id in self.workspaces
