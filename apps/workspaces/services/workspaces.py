"""Workspaces and memberships: made, changed, taken away."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from apps.accounts.models import ServiceAccount, User
from apps.accounts.roles import READER
from apps.accounts.services.keys import create_service_account
from apps.workspaces.models import Membership, Workspace
from datalinx.caller import Caller
from datalinx.errors import FieldError, Forbidden, Invalid
from datalinx.files import storage

# What may stand in an HTTP header and in a file's name alike.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,61}[A-Za-z0-9]|[A-Za-z0-9]")


def check_name(name: str) -> str:
    """Return a workspace's name. Raises Invalid."""
    # A name that looks like an id could be mistaken for one where paths take both.
    if not _NAME.fullmatch(name) or name.lower().startswith("ws_"):
        message = (
            "A name has 1 to 63 letters, digits, spaces, dots, dashes or underscores; ws_ does not begin it."
        )
        raise Invalid("VALIDATION_ERROR", message, errors=[FieldError("name", "invalid", message)])
    return name


def create_workspace(*, actor: Caller, name: str, config: dict[str, Any] | None = None) -> Workspace:
    """Make a workspace; a person who makes one may edit it. Raises Invalid WORKSPACE_NAME_TAKEN."""
    workspace = Workspace(organization_id=actor.organization_id, created_by=actor.id, config=config or {})
    _save(workspace, name=name)
    if actor.kind == "user":
        Membership.objects.create(workspace=workspace, user_id=actor.id, role=Membership.Role.EDITOR)
    return workspace


def update_workspace(
    *, actor: Caller, workspace: Workspace, name: str | None = None, config: dict[str, Any] | None = None
) -> Workspace:
    """Change a workspace's name or settings. Raises Invalid WORKSPACE_NAME_TAKEN."""
    if config is not None:
        workspace.config = config
    return _save(workspace, name=name or workspace.name)


def _save(workspace: Workspace, *, name: str) -> Workspace:
    workspace.name = check_name(name)
    try:
        with transaction.atomic():
            workspace.save()
    except IntegrityError as error:
        message = f"There is a workspace named {name!r} already; choose another name."
        errors = [FieldError("name", "taken", message)]
        raise Invalid("WORKSPACE_NAME_TAKEN", message, errors=errors) from error
    return workspace


def delete_workspace(*, actor: Caller, workspace: Workspace, confirm: str) -> None:
    """Delete a workspace and all that is in it. Raises Invalid CONFIRMATION_REQUIRED."""
    if confirm != workspace.name:
        message = f"Deleting a workspace deletes all that is in it: repeat with ?confirm={workspace.name}"
        raise Invalid("CONFIRMATION_REQUIRED", message, errors=[FieldError("confirm", "required", message)])
    place = f"{workspace.organization_id}/{workspace.pk}"
    with transaction.atomic():
        workspace.delete()
        # What a run writes after this, or a storage that is away now leaves, the daily sweep takes.
        transaction.on_commit(lambda: storage().delete_prefix(place), robust=True)


@transaction.atomic
def set_user_workspaces(*, actor: Caller, user: User, roles: dict[str, str]) -> User:
    """Set a person's role in each named workspace: editor, viewer or none. Raises Invalid WORKSPACE_NOT_FOUND."""
    workspaces = find_workspaces(organization_id=actor.organization_id, names_or_ids=list(roles))
    for given, role in roles.items():
        row: dict[str, Any] = {"workspace": workspaces[given], "user": user}
        if role == "none":
            Membership.objects.filter(**row).delete()
        else:
            Membership.objects.update_or_create(**row, defaults={"role": role})
    return user


def find_workspaces(*, organization_id: str, names_or_ids: Sequence[str]) -> dict[str, Workspace]:
    """Return the workspaces by what they were called: an id or a name. Raises Invalid WORKSPACE_NOT_FOUND."""
    own = list(Workspace.objects.for_organization(organization_id))
    known = {workspace.name.lower(): workspace for workspace in own} | {item.pk: item for item in own}
    found = {}
    for given in names_or_ids:
        workspace = known.get(given) or known.get(given.lower())
        if workspace is None:
            message = f"There is no workspace {given!r} in this organization."
            raise Invalid(
                "WORKSPACE_NOT_FOUND", message, errors=[FieldError("workspace", "not_found", message)]
            )
        found[given] = workspace
    return found


@transaction.atomic
def create_confined_service_account(
    *,
    actor: Caller,
    name: str,
    role: str = READER,
    workspace: str = "",
    description: str = "",
    expires_at: datetime | None = None,
) -> tuple[ServiceAccount, str]:
    """Make a service account, confined to a workspace when one is named, and return it with its key."""
    confined = find_workspaces(
        organization_id=actor.organization_id, names_or_ids=[workspace] if workspace else []
    )
    account, key = create_service_account(
        actor=actor, name=name, role=role, description=description, expires_at=expires_at
    )
    if not actor.is_operator and not all(actor.can(permission) for permission in account.role.permissions):
        raise Forbidden("PERMISSION_DENIED", "You cannot give a key permissions that you lack.")
    for room in confined.values():
        Membership.objects.create(workspace=room, service_account=account)
    return account, key
