"""What is read of workspaces."""

from typing import Any

from apps.accounts.models import ServiceAccount, User
from apps.workspaces.models import Workspace
from datalinx.api.permissions import EDITOR
from datalinx.caller import Caller


def list_open_workspaces(caller: Caller) -> list[Workspace]:
    """Return the workspaces that the caller may enter, by name."""
    rows = Workspace.objects.for_organization(caller.organization_id).order_by("name")
    return [row for row in rows if caller.sees(row.pk)]


def describe_caller(caller: Caller) -> dict[str, Any]:
    """Return who the caller is and what the caller may do where."""
    owner: User | ServiceAccount = (
        User.objects.get(pk=caller.id) if caller.kind == "user" else ServiceAccount.objects.get(pk=caller.id)
    )
    organization = caller.organization
    return {
        "id": caller.id,
        "kind": caller.kind,
        "name": caller.name,
        "email": owner.email if isinstance(owner, User) else None,
        "is_operator": caller.is_operator,
        "organization": {
            "id": organization.pk,
            "name": organization.name,
            "slug": organization.slug,
            "tier": organization.tier,
        },
        "role": owner.role.name,
        "permissions": sorted(caller.permissions),
        "workspaces": [
            {
                "id": workspace.pk,
                "name": workspace.name,
                "permissions": sorted(p for p in EDITOR if caller.can(p, workspace.pk)),
            }
            for workspace in list_open_workspaces(caller)
        ],
    }
