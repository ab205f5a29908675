"""The small world that every test of the API knows: two organizations and the people in them.

Alice owns the first organization and administers it; Ed may edit its workspace `production`, Vera may look at
it, Max is a member without any workspace. `robot` is a service account of an administrator's power. Eve owns
the second organization, with a workspace of the same name: the stranger in every test.
"""

from dataclasses import dataclass
from typing import Any

from rest_framework.test import APIClient

from apps.accounts.models import Organization, User
from apps.accounts.roles import ADMIN, MEMBER
from apps.accounts.services.keys import create_service_account
from apps.accounts.services.sessions import login
from apps.accounts.services.setup import ensure_built_in_roles, get_built_in_role
from apps.workspaces.access import caller_for_user
from apps.workspaces.models import Membership, Workspace
from datalinx.caller import Caller

PASSWORD = "correct horse battery"  # of people who do not exist
WORKSPACE = "production"


@dataclass
class Person:
    """Somebody with credentials, who can call the API."""

    user: User

    @property
    def caller(self) -> Caller:
        return caller_for_user(User.objects.get(pk=self.user.pk))

    def client(self, workspace: str | None = WORKSPACE) -> APIClient:
        """Return a client that is logged in and names this workspace."""
        token = login(email=self.user.email, password=PASSWORD)["access_token"]
        return make_client(workspace, HTTP_AUTHORIZATION=f"Bearer {token}")


def make_client(workspace: str | None = WORKSPACE, **headers: Any) -> APIClient:
    """Return a client with these headers and, unless None, this workspace's name."""
    client = APIClient(raise_request_exception=False)
    client.credentials(**headers, **({"HTTP_X_WORKSPACE": workspace} if workspace else {}))
    return client


@dataclass
class World:
    """Everybody, and the two workspaces."""

    organization: Organization
    workspace: Workspace
    alice: Person
    ed: Person
    vera: Person
    max: Person
    api_key: str
    other_organization: Organization
    other_workspace: Workspace
    eve: Person

    def robot(self, workspace: str | None = WORKSPACE) -> APIClient:
        """Return a client of the service account."""
        return make_client(workspace, HTTP_X_API_KEY=self.api_key)

    def nobody(self, workspace: str | None = WORKSPACE) -> APIClient:
        """Return a client without credentials."""
        return make_client(workspace)


def _person(organization: Organization, name: str, role: str) -> Person:
    user = User(
        organization=organization,
        email=f"{name}@{organization.slug}.example",
        display_name=name.capitalize(),
        role=get_built_in_role(role),
    )
    user.set_password(PASSWORD)
    user.save()
    return Person(user)


def make_world() -> World:
    """Make the world. It is the same every time."""
    ensure_built_in_roles()
    organization = Organization.objects.create(
        name="First", slug="first", requests_per_minute=100_000, burst=50_000
    )
    other = Organization.objects.create(
        name="Second", slug="second", requests_per_minute=100_000, burst=50_000
    )
    workspace = Workspace.objects.create(organization=organization, name=WORKSPACE)
    alice = _person(organization, "alice", ADMIN)
    ed, vera = _person(organization, "ed", MEMBER), _person(organization, "vera", MEMBER)
    Membership.objects.create(workspace=workspace, user=ed.user, role="editor")
    Membership.objects.create(workspace=workspace, user=vera.user, role="viewer")
    _, key = create_service_account(actor=alice.caller, name="robot", role=ADMIN)
    return World(
        organization=organization,
        workspace=workspace,
        alice=alice,
        ed=ed,
        vera=vera,
        max=_person(organization, "max", MEMBER),
        api_key=key,
        other_organization=other,
        other_workspace=Workspace.objects.create(organization=other, name=WORKSPACE),
        eve=_person(other, "eve", ADMIN),
    )
