"""People, roles and organizations over the API."""

from typing import Any, ClassVar

import pytest
from rest_framework.test import APIClient

from tests.resources import ResourceTests, assert_failure, assert_success
from tests.world import PASSWORD, World, make_client


class TestUsers(ResourceTests):
    path: ClassVar = "/api/users"
    noun: ClassVar = "USER"
    workspace: ClassVar = False
    admin_only: ClassVar = True

    def good(self, world: World, number: int = 1) -> dict[str, Any]:
        return {"email": f"new{number}@first.example", "password": PASSWORD, "display_name": "New"}

    def change(self) -> dict[str, Any]:
        return {"display_name": "Changed", "role": "organization_viewer"}


class TestRoles(ResourceTests):
    path: ClassVar = "/api/roles"
    noun: ClassVar = "ROLE"
    change_method: ClassVar = "put"
    workspace: ClassVar = False
    admin_only: ClassVar = True

    def good(self, world: World, number: int = 1) -> dict[str, Any]:
        return {"name": f"data_admin_{number}", "permissions": ["sources:view", "mappings:edit"]}

    def change(self) -> dict[str, Any]:
        return {"description": "Changed."}

    def test_replace__custom_role__has_the_new_permissions(self, world: World) -> None:
        made = self.make(world)
        body = {"name": made["name"], "permissions": ["queries:run"]}
        data = assert_success(world.alice.client(None).put(f"/api/roles/{made['id']}", body, format="json"))
        assert data["permissions"] == ["queries:run"]

    def test_change__built_in_role__is_refused(self, world: World) -> None:
        client = world.alice.client(None)
        roles = assert_success(client.get("/api/roles"))
        built_in = next(row for row in roles if row["name"] == "organization_admin")
        response = client.put(f"/api/roles/{built_in['id']}", self.good(world), format="json")
        assert_failure(response, 422, "ROLE_IS_BUILT_IN")

    def test_create__permission_that_does_not_exist__is_422(self, world: World) -> None:
        body = {"name": "odd", "permissions": ["moon:land"]}
        assert_failure(
            world.alice.client(None).post("/api/roles", body, format="json"), 422, "UNKNOWN_PERMISSION"
        )

    def test_delete__role_that_somebody_has__is_422(self, world: World) -> None:
        made = self.make(world)
        client = world.alice.client(None)
        body = {"email": "n@first.example", "password": PASSWORD, "role": made["name"]}
        assert_success(client.post("/api/users", body, format="json"), 201)
        assert_failure(client.delete(f"/api/roles/{made['id']}"), 422, "ROLE_IN_USE")


def test_user__made_with_a_password__can_log_in(world: World) -> None:
    body = {"email": "New@First.example", "password": PASSWORD}
    assert_success(world.alice.client(None).post("/api/users", body, format="json"), 201)
    answer = APIClient().post("/api/auth/login", {**body, "email": "new@first.example"}, format="json")
    assert answer.status_code == 200


def test_user__weak_password__is_422(world: World) -> None:
    body = {"email": "new@first.example", "password": "short"}
    assert_failure(world.alice.client(None).post("/api/users", body, format="json"), 422, "PASSWORD_TOO_WEAK")


def test_user__address_of_another_organizations_person__says_nothing_of_them(world: World) -> None:
    body = {"email": world.eve.user.email, "password": PASSWORD}
    theirs = assert_failure(
        world.alice.client(None).post("/api/users", body, format="json"), 422, "USER_EMAIL_TAKEN"
    )
    body["email"] = world.ed.user.email
    own = assert_failure(
        world.alice.client(None).post("/api/users", body, format="json"), 422, "USER_EMAIL_TAKEN"
    )
    assert theirs["message"] == own["message"]


@pytest.mark.parametrize("act", ["delete", "deactivate", "demote"])
def test_user__last_administrator__stays(world: World, act: str) -> None:
    client = world.alice.client(None)
    url = f"/api/users/{world.alice.user.pk}"
    if act == "delete":
        response = client.delete(url)
    elif act == "deactivate":
        response = client.post(f"{url}/deactivate")
    else:
        response = client.patch(url, {"role": "organization_member"}, format="json")
    assert_failure(response, 422, "LAST_ADMIN")


def test_user__deactivated__is_out_at_once_and_back_after_reactivation(world: World) -> None:
    client = world.ed.client(None)
    url = f"/api/users/{world.ed.user.pk}"
    assert_success(world.alice.client(None).post(f"{url}/deactivate"))
    assert_failure(client.get("/api/auth/me"), 401, "INVALID_TOKEN")
    assert_success(world.alice.client(None).post(f"{url}/reactivate"))
    assert_success(world.ed.client(None).get("/api/auth/me"))


def test_organization__own__is_seen_and_changed_but_not_its_tier_or_slug(world: World) -> None:
    client = world.alice.client(None)
    url = f"/api/organizations/{world.organization.pk}"
    assert [row["id"] for row in assert_success(client.get("/api/organizations"))] == [world.organization.pk]
    assert assert_success(client.patch(url, {"name": "Renamed"}, format="json"))["name"] == "Renamed"
    assert_failure(client.patch(url, {"tier": "pro"}, format="json"), 403, "PERMISSION_DENIED")
    assert_failure(client.patch(url, {"slug": "other"}, format="json"), 422, "SLUG_IS_FIXED")
    other = f"/api/organizations/{world.other_organization.pk}"
    assert_failure(client.get(other), 404, "ORGANIZATION_NOT_FOUND")
    assert_failure(
        client.post("/api/organizations", {"name": "Third"}, format="json"), 403, "PERMISSION_DENIED"
    )


def test_organization__operator__makes_and_sees_all(world: World) -> None:
    user = world.alice.user
    user.is_superuser = True
    user.save()
    client = world.alice.client(None)
    body = {"name": "Third one", "admin_email": "Owner@third.example", "admin_password": PASSWORD}
    made = assert_success(client.post("/api/organizations", body, format="json"), 201)
    assert made["slug"] == "third-one"
    assert len(assert_success(client.get("/api/organizations"))) == 3
    answer = APIClient().post(
        "/api/auth/login", {"email": "owner@third.example", "password": PASSWORD}, format="json"
    )
    owner = make_client(None, HTTP_AUTHORIZATION=f"Bearer {answer.json()['access_token']}")
    me = assert_success(owner.get("/api/auth/me"))
    assert (me["organization"]["slug"], me["role"], me["is_operator"]) == (
        "third-one",
        "organization_admin",
        False,
    )
    assert assert_success(owner.get("/api/workspaces")) == []


def test_organization__made_with_half_an_administrator_or_a_weak_password__is_422_and_not_made(
    world: World,
) -> None:
    user = world.alice.user
    user.is_superuser = True
    user.save()
    client = world.alice.client(None)
    half = {"name": "Fourth", "admin_email": "owner@fourth.example"}
    assert_failure(client.post("/api/organizations", half, format="json"), 422, "VALIDATION_ERROR")
    weak = {**half, "admin_password": "short"}
    assert_failure(client.post("/api/organizations", weak, format="json"), 422, "PASSWORD_TOO_WEAK")
    assert "fourth" not in {row["slug"] for row in assert_success(client.get("/api/organizations"))}


def test_permissions__list__needs_an_administrator(world: World) -> None:
    assert "org.admin" in assert_success(world.alice.client(None).get("/api/permissions"))
    assert_failure(world.ed.client(None).get("/api/permissions"), 403, "PERMISSION_DENIED")
