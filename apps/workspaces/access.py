"""From credentials to a caller: what authentication and scoping ask of the apps."""

from collections.abc import Mapping

from django.contrib.auth.models import AnonymousUser

from apps.accounts.models import User
from apps.accounts.services.keys import find_account_by_key
from apps.accounts.tokens import read_access_token
from apps.workspaces.models import Membership, Workspace
from datalinx.api.permissions import ALL, EDITOR, VIEWER
from datalinx.caller import Caller
from datalinx.errors import Unauthenticated

_MEMBER: Mapping[str, frozenset[str]] = {
    Membership.Role.EDITOR: EDITOR,
    Membership.Role.VIEWER: VIEWER,
}


def authenticate_token(token: str) -> Caller:
    """Return the person whose access token this is. Raises Unauthenticated.

    The user, the version of the user's tokens and the session are read each time, so that what ends them
    ends them at once.
    """
    claims = read_access_token(token)
    user = (
        User.objects.filter(pk=claims.user_id, refresh_tokens__family=claims.session)
        .select_related("organization", "role")
        .first()
    )
    if user is None or not user.is_active or user.token_version != claims.token_version:
        raise Unauthenticated("INVALID_TOKEN", "This token does not hold any more; log in again.")
    return caller_for_user(user, credential_id=claims.session)


def caller_for_user(user: User, *, credential_id: str = "") -> Caller:
    """Return what a person may do and where."""
    permissions = frozenset(user.role.permissions)
    memberships = Membership.objects.filter(user=user).values_list("workspace_id", "role")
    return Caller(
        kind="user",
        id=user.pk,
        name=user.display_name or user.email,
        organization=user.organization,
        permissions=permissions,
        workspaces={workspace_id: _MEMBER[role] for workspace_id, role in memberships},
        sees_all_workspaces=bool(permissions & ALL),
        is_operator=user.is_superuser,
        credential_id=credential_id,
    )


def operator_of(user: User | AnonymousUser) -> Caller:
    """Return the operator who is signed in to the admin. Raises Unauthenticated for nobody."""
    if not isinstance(user, User):
        raise Unauthenticated("AUTHENTICATION_REQUIRED", "Sign in first.")
    return caller_for_user(user)


def authenticate_api_key(key: str) -> Caller:
    """Return the service account whose key this is. Raises Unauthenticated INVALID_API_KEY."""
    found = find_account_by_key(key)
    if found is None:
        raise Unauthenticated("INVALID_API_KEY", "This API key is not known, or does not hold any more.")
    account, row = found
    confined = (
        Membership.objects.filter(service_account=account).values_list("workspace_id", flat=True).first()
    )
    permissions = frozenset(account.role.permissions)
    return Caller(
        kind="service_account",
        id=account.pk,
        name=account.name,
        organization=account.organization,
        permissions=frozenset() if confined else permissions,
        workspaces={confined: permissions & EDITOR} if confined else {},
        sees_all_workspaces=confined is None and bool(permissions),
        credential_id=row.pk,
    )


def find_workspace(*, organization_id: str, name: str) -> Workspace | None:
    """Return the workspace of this name, or None."""
    return Workspace.objects.for_organization(organization_id).filter(name__iexact=name).first()
