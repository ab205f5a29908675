"""Workspaces, memberships and service accounts over the API."""

from typing import Any, ClassVar

import pytest

from apps.workspaces.models import Workspace
from tests.resources import ResourceTests, assert_failure, assert_success
from tests.world import World, make_client


class TestServiceAccounts(ResourceTests):
    path: ClassVar = "/api/service-accounts"
    noun: ClassVar = "SERVICE_ACCOUNT"
    workspace: ClassVar = False
    admin_only: ClassVar = True

    def good(self, world: World, number: int = 1) -> dict[str, Any]:
        return {"name": f"loader-{number}"}

    # A service account is not changed: it is rotated or made anew.
    test_change__good_body__is_changed = None
    test_change__too_small_a_role__is_403 = None
    test_any__stranger__sees_404_and_empty_lists = None
    test_any__nobody__is_401 = None

    def test_any__others__is_401_403_404(self, world: World) -> None:
        made = self.make(world)
        url = f"{self.path}/{made['id']}"
        for path, method in (
            (url, "get"),
            (url, "delete"),
            (f"{url}/api-key-info", "get"),
            (f"{url}/rotate-key", "post"),
        ):
            assert_failure(getattr(world.nobody(), method)(path), 401, "AUTHENTICATION_REQUIRED")
            assert_failure(getattr(world.ed.client(), method)(path), 403, "PERMISSION_DENIED")
            assert_failure(getattr(world.eve.client(None), method)(path), 404, "SERVICE_ACCOUNT_NOT_FOUND")

    def test_create__key__is_shown_once_and_works(self, world: World) -> None:
        made = self.make(world)
        assert made["api_key"].startswith("dlx_sk_live_")
        client = world.alice.client(None)
        assert "api_key" not in assert_success(client.get(f"{self.path}/{made['id']}"))
        info = assert_success(client.get(f"{self.path}/{made['id']}/api-key-info"))
        assert (info["last_four"], info["prefix"]) == (made["api_key"][-4:], "dlx_sk_live_")
        key = make_client(None, HTTP_X_API_KEY=made["api_key"])
        assert assert_success(key.get("/api/auth/me"))["role"] == "organization_viewer"

    def test_rotate__without_and_with_grace__ends_the_old_key_then(self, world: World) -> None:
        made = self.make(world)
        client = world.alice.client(None)
        url = f"{self.path}/{made['id']}/rotate-key"
        second = assert_success(client.post(url, {"grace_period_seconds": 60}, format="json"))["api_key"]
        for key in (made["api_key"], second):
            assert_success(make_client(None, HTTP_X_API_KEY=key).get("/api/workspaces"))
        third = assert_success(client.post(url, {}, format="json"))["api_key"]
        for key in (made["api_key"], second):
            response = make_client(None, HTTP_X_API_KEY=key).get("/api/workspaces")
            assert_failure(response, 401, "INVALID_API_KEY")
        assert_success(make_client(None, HTTP_X_API_KEY=third).get("/api/workspaces"))

    def test_delete__one__ends_its_key(self, world: World) -> None:
        made = self.make(world)
        world.alice.client(None).delete(f"{self.path}/{made['id']}")
        response = make_client(None, HTTP_X_API_KEY=made["api_key"]).get("/api/workspaces")
        assert_failure(response, 401, "INVALID_API_KEY")

    def test_create__confined_to_a_workspace__sees_nothing_beside_it(self, world: World) -> None:
        Workspace.objects.create(organization=world.organization, name="staging")
        body = {"name": "confined", "role": "organization_admin", "workspace": "production"}
        made = assert_success(world.alice.client(None).post(self.path, body, format="json"), 201)
        client = make_client(None, HTTP_X_API_KEY=made["api_key"])
        assert [row["name"] for row in assert_success(client.get("/api/workspaces"))] == ["production"]
        assert_failure(client.get("/api/workspaces/staging"), 403, "WORKSPACE_ACCESS_DENIED")
        assert_failure(client.get("/api/users"), 403, "PERMISSION_DENIED")

    def test_create__workspace_of_another_organization__is_422(self, world: World) -> None:
        body = {"name": "confined", "workspace": world.other_workspace.pk}
        assert_failure(
            world.alice.client(None).post(self.path, body, format="json"), 422, "WORKSPACE_NOT_FOUND"
        )


def test_workspace__created__is_found_by_id_and_by_name(world: World) -> None:
    client = world.alice.client(None)
    body = {"name": "my-workspace", "config": {"description": "Production workspace"}}
    made = assert_success(client.post("/api/workspaces", body, format="json"), 201)
    assert {key: made[key] for key in body} == body
    for key in (made["id"], "my-workspace", "My-Workspace"):
        assert assert_success(client.get(f"/api/workspaces/{key}"))["id"] == made["id"]


def test_workspace__what_get_gave__can_be_sent_back(world: World) -> None:
    client = world.alice.client(None)
    before = assert_success(client.get("/api/workspaces/production"))
    assert (
        assert_success(client.patch("/api/workspaces/production", before, format="json"))["id"]
        == before["id"]
    )


@pytest.mark.parametrize("name", ["", "a/b", "naïve", "ws_1", "x" * 64, "tab\tin"])
def test_workspace__name_that_no_header_takes__is_422(world: World, name: str) -> None:
    response = world.alice.client(None).post("/api/workspaces", {"name": name}, format="json")
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == "name"


def test_workspace__name_taken__is_422_with_its_own_code(world: World) -> None:
    response = world.alice.client(None).post("/api/workspaces", {"name": "Production"}, format="json")
    assert_failure(response, 422, "WORKSPACE_NAME_TAKEN")


def test_workspace__delete__asks_for_the_name(world: World) -> None:
    client = world.alice.client(None)
    assert_failure(client.delete("/api/workspaces/production"), 422, "CONFIRMATION_REQUIRED")
    assert_success(client.delete("/api/workspaces/production?confirm=production"))
    assert_failure(client.get("/api/workspaces/production"), 404, "WORKSPACE_NOT_FOUND")
    assert Workspace.objects.filter(pk=world.other_workspace.pk).exists()


def test_workspace__others__is_401_403_404(world: World) -> None:
    body = {"name": "new"}
    assert_failure(
        world.nobody().post("/api/workspaces", body, format="json"), 401, "AUTHENTICATION_REQUIRED"
    )
    assert_failure(world.ed.client().post("/api/workspaces", body, format="json"), 403, "PERMISSION_DENIED")
    assert_failure(world.max.client(None).get("/api/workspaces/production"), 403, "WORKSPACE_ACCESS_DENIED")
    assert_failure(
        world.eve.client(None).get(f"/api/workspaces/{world.workspace.pk}"), 404, "WORKSPACE_NOT_FOUND"
    )
    assert assert_success(world.max.client(None).get("/api/workspaces")) == []


def test_membership__set_and_taken__opens_and_closes_the_workspace(world: World) -> None:
    url = f"/api/users/{world.max.user.pk}/workspaces"
    client = world.alice.client(None)
    given = assert_success(client.put(url, {"workspaces": {"production": "viewer"}}, format="json"))
    assert given == {"workspaces": {"production": "viewer"}}
    assert len(assert_success(world.max.client(None).get("/api/workspaces"))) == 1
    assert_success(client.put(url, {"workspaces": {"production": "none"}}, format="json"))
    assert assert_success(world.max.client(None).get("/api/workspaces")) == []
    other = {"workspaces": {world.other_workspace.pk: "editor"}}
    assert_failure(client.put(url, other, format="json"), 422, "WORKSPACE_NOT_FOUND")
    theirs = f"/api/users/{world.eve.user.pk}/workspaces"
    assert_failure(
        client.put(theirs, {"workspaces": {"production": "viewer"}}, format="json"), 404, "USER_NOT_FOUND"
    )


def test_me__each_kind_of_caller__is_described(world: World) -> None:
    ed = assert_success(world.ed.client(None).get("/api/auth/me"))
    assert (ed["kind"], ed["email"], ed["role"]) == ("user", world.ed.user.email, "organization_member")
    assert [row["name"] for row in ed["workspaces"]] == ["production"]
    assert "sources:manage" in ed["workspaces"][0]["permissions"]
    robot = assert_success(world.robot(None).get("/api/auth/me"))
    assert (robot["kind"], robot["email"]) == ("service_account", None)


def test_idempotency__same_key__answers_the_same_once(world: World) -> None:
    client = world.alice.client(None)
    headers = {"HTTP_IDEMPOTENCY_KEY": "one"}
    first = client.post("/api/workspaces", {"name": "once"}, format="json", **headers)
    again = client.post("/api/workspaces", {"name": "once"}, format="json", **headers)
    assert first.json() == again.json()
    assert (again.status_code, again["Idempotency-Replayed"]) == (201, "true")
    assert Workspace.objects.filter(name="once").count() == 1
    other = client.post("/api/workspaces", {"name": "twice"}, format="json", **headers)
    assert_failure(other, 422, "IDEMPOTENCY_KEY_REUSED")
    # Another caller's key of the same name is another key.
    assert_success(
        world.robot(None).post("/api/workspaces", {"name": "robots"}, format="json", **headers), 201
    )


def test_idempotency__refused_call__is_not_kept(world: World) -> None:
    client = world.alice.client(None)
    headers = {"HTTP_IDEMPOTENCY_KEY": "two"}
    assert_failure(
        client.post("/api/workspaces", {"name": "a/b"}, format="json", **headers), 422, "VALIDATION_ERROR"
    )
    assert_success(client.post("/api/workspaces", {"name": "ab"}, format="json", **headers), 201)
