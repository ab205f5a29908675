"""Who: the caller, organizations, users, roles, service accounts."""

from collections.abc import Mapping, Sequence
from typing import Any

from datalinx.client.endpoints.base import Collection, Endpoints, Where, given
from datalinx.client.models import Caller, Organization, Role, ServiceAccount, User
from datalinx.client.resource import Resource
from datalinx.client.transport import route


class Auth(Endpoints):
    """The session of the caller."""

    def me(self) -> Caller:
        """Return the caller, the organization, roles, permissions and workspaces."""
        return self._get("auth/me", Caller, where=Where.ORGANIZATION)

    def change_password(self, current_password: str, new_password: str) -> Resource:
        """Change the caller's password. All other sessions end."""
        body = {"current_password": current_password, "new_password": new_password}
        return self._send("POST", "auth/password", Resource, where=Where.ORGANIZATION, body=body)

    def log_out(self) -> None:
        """End the session, on the server and here. Does nothing for an API key, which has no session."""
        credentials = self._transport.credentials
        if credentials.has_session:
            try:
                self._send("POST", "auth/logout", Resource, where=Where.ORGANIZATION, body={})
            finally:
                credentials.forget()


class Organizations(Collection[Organization]):
    """Organizations; all of them for an operator, else the caller's own."""

    path = "organizations"
    model = Organization
    collection_where = object_where = Where.ORGANIZATION

    def create(self, name: str, **fields: Any) -> Organization:
        """Make an organization. For operators."""
        return self._create({"name": name, **fields})


class Users(Collection[User]):
    """The people of the organization."""

    path = "users"
    model = User
    collection_where = object_where = Where.ORGANIZATION

    def create(
        self,
        email: str,
        *,
        password: str | None = None,
        display_name: str | None = None,
        role: str | None = None,
    ) -> User:
        """Add a person; `role` by name or id."""
        return self._create(given(email=email, password=password, display_name=display_name, role=role))

    def deactivate(self, user_id: str) -> Resource:
        """Shut a person out, at once."""
        return self._post(user_id, "deactivate")

    def reactivate(self, user_id: str) -> Resource:
        """Let a person in again."""
        return self._post(user_id, "reactivate")

    def set_workspaces(self, user_id: str, workspaces: Mapping[str, str]) -> Resource:
        """Say for each workspace, by name, whether the person is its `editor`, `viewer` or `none`."""
        path = route("users", user_id, "workspaces")
        body = {"workspaces": dict(workspaces)}
        return self._send("PUT", path, Resource, where=Where.ORGANIZATION, body=body)


class Roles(Collection[Role]):
    """Roles: those built in, which cannot be changed, and the organization's own."""

    path = "roles"
    model = Role
    collection_where = object_where = Where.ORGANIZATION

    def create(self, name: str, permissions: Sequence[str], *, description: str | None = None) -> Role:
        """Make a role of these permissions."""
        return self._create(given(name=name, permissions=list(permissions), description=description))

    def replace(self, role_id: str, document: Mapping[str, Any]) -> Role:
        """Replace a role."""
        return self._send("PUT", route("roles", role_id), Role, where=Where.ORGANIZATION, body=document)

    def permissions(self) -> Sequence[str]:
        """Return every permission that there is."""
        found = self._list("permissions", Resource, where=Where.ORGANIZATION, short=True)
        return [str(permission["value"]) for permission in found]


class ServiceAccounts(Collection[ServiceAccount]):
    """Callers that are not people, each with an API key."""

    path = "service-accounts"
    model = ServiceAccount
    collection_where = object_where = Where.ORGANIZATION

    def create(
        self,
        name: str,
        *,
        role: str | None = None,
        workspace: str | None = None,
        expires_at: str | None = None,
        description: str | None = None,
    ) -> ServiceAccount:
        """Make a service account. `api_key` of the answer is shown this once; `role` is by name or id."""
        return self._create(
            given(name=name, role=role, workspace=workspace, expires_at=expires_at, description=description)
        )

    def api_key_info(self, account_id: str) -> Resource:
        """Return the key's prefix, last four characters, and when it was made and last used."""
        path = route("service-accounts", account_id, "api-key-info")
        return self._get(path, Resource, where=Where.ORGANIZATION)

    def rotate_key(self, account_id: str, *, grace_period_seconds: int | None = None) -> Resource:
        """Make a new key, shown this once; the old one holds for the grace period."""
        return self._post(account_id, "rotate-key", given(grace_period_seconds=grace_period_seconds))
