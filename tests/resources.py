"""What every resource of the API must do, said once: list, read, create, change, delete, for everybody.

A test class inherits `ResourceTests` and says where its resource lives and what a good body looks like.
"""

from typing import Any, ClassVar

from rest_framework.response import Response

from tests.world import WORKSPACE, World


def assert_success(response: Response, status: int = 200) -> Any:
    """Return the data of a success in the envelope."""
    body = response.json()
    assert response.status_code == status, body
    assert body["status"] == "success"
    assert set(body) <= {"status", "data", "pagination"}
    assert response["X-Request-Id"]
    assert response["X-RateLimit-Limit"]
    return body["data"]


def assert_failure(response: Response, status: int, code: str) -> dict[str, Any]:
    """Return the body of a failure in the envelope."""
    body = response.json()
    assert (response.status_code, body.get("error_code")) == (status, code), body
    assert body["status"] == "failed"
    assert body["message"].strip()
    assert body["request_id"] == response["X-Request-Id"]
    return body


class ResourceTests:
    """The contract of one resource. `workspace` says whether it lives in one or in the organization."""

    path: ClassVar[str]
    noun: ClassVar[str]
    workspace: ClassVar[bool] = True
    # Who besides Alice and Ed may look: Vera, unless an administrator's right is needed.
    admin_only: ClassVar[bool] = False
    # The method that changes one: PATCH, or PUT for what is replaced whole.
    change_method: ClassVar[str] = "patch"

    def good(self, world: World, number: int = 1) -> dict[str, Any]:
        raise AssertionError("say what a good body looks like")

    def change(self) -> dict[str, Any]:
        raise AssertionError("say what a good change looks like")

    def make(self, world: World, number: int = 1) -> dict[str, Any]:
        response = self.editor(world).post(self.path, self.good(world, number), format="json")
        return dict(assert_success(response, 201))

    def send_change(self, client: Any, world: World, object_id: str) -> Response:
        body = self.change() if self.change_method == "patch" else {**self.good(world), **self.change()}
        return getattr(client, self.change_method)(f"{self.path}/{object_id}", body, format="json")

    def editor(self, world: World) -> Any:
        return world.alice.client() if self.admin_only else world.ed.client()

    def test_create__good_body__is_created_and_can_be_read_and_listed(self, world: World) -> None:
        made = self.make(world)
        client = self.editor(world)
        assert assert_success(client.get(f"{self.path}/{made['id']}"))["id"] == made["id"]
        response = client.get(self.path)
        assert made["id"] in [row["id"] for row in assert_success(response)]
        assert set(response.json()["pagination"]) == {"page", "page_size", "total_items", "total_pages"}

    def test_change__good_body__is_changed(self, world: World) -> None:
        made = self.make(world)
        data = assert_success(self.send_change(self.editor(world), world, made["id"]))
        assert {key: data[key] for key in self.change()} == self.change()

    def test_delete__one__is_gone(self, world: World) -> None:
        made = self.make(world)
        client = self.editor(world)
        data = assert_success(client.delete(f"{self.path}/{made['id']}"))
        assert data == {"id": made["id"], "deleted": True}
        assert_failure(client.get(f"{self.path}/{made['id']}"), 404, f"{self.noun}_NOT_FOUND")

    def test_list__second_page_of_one__holds_one_with_true_totals(self, world: World) -> None:
        self.make(world, 1)
        self.make(world, 2)
        response = self.editor(world).get(self.path, {"page": 2, "page_size": 1})
        assert len(assert_success(response)) == 1
        assert response.json()["pagination"]["total_items"] >= 2

    def test_list__bad_paging_and_unknown_parameters__is_422(self, world: World) -> None:
        client = self.editor(world)
        assert_failure(client.get(self.path, {"page": 0}), 422, "VALIDATION_ERROR")
        assert_failure(client.get(self.path, {"page_size": 201}), 422, "VALIDATION_ERROR")
        assert_failure(client.get(self.path, {"ordering": "password"}), 422, "VALIDATION_ERROR")
        assert_failure(client.get(self.path, {"colour": "red"}), 422, "UNKNOWN_PARAMETER")

    def test_create__unknown_field__is_422_and_names_it(self, world: World) -> None:
        body = {**self.good(world), "colour": "red"}
        failure = assert_failure(
            self.editor(world).post(self.path, body, format="json"), 422, "UNKNOWN_FIELD"
        )
        assert "colour" in [error["field"] for error in failure["errors"]]

    def test_create__broken_json__is_400(self, world: World) -> None:
        response = self.editor(world).post(self.path, b"{", content_type="application/json")
        assert_failure(response, 400, "INVALID_REQUEST")

    def test_create__empty_body__is_422(self, world: World) -> None:
        assert_failure(self.editor(world).post(self.path, {}, format="json"), 422, "VALIDATION_ERROR")

    def test_any__nobody__is_401(self, world: World) -> None:
        made = self.make(world)
        client = world.nobody()
        for response in (
            client.get(self.path),
            client.post(self.path, self.good(world, 2), format="json"),
            client.get(f"{self.path}/{made['id']}"),
            self.send_change(client, world, made["id"]),
            client.delete(f"{self.path}/{made['id']}"),
        ):
            assert_failure(response, 401, "AUTHENTICATION_REQUIRED")
            assert "X-RateLimit-Limit" not in response

    def test_any__stranger__sees_404_and_empty_lists(self, world: World) -> None:
        made = self.make(world)
        client = world.eve.client(WORKSPACE if self.workspace else None)
        assert made["id"] not in [row["id"] for row in assert_success(client.get(self.path))]
        for other in (client, world.eve.client(None)):
            url = f"{self.path}/{made['id']}"
            code = f"{self.noun}_NOT_FOUND"
            assert_failure(other.get(url), 404, code)
            assert_failure(self.send_change(other, world, made["id"]), 404, code)
            assert_failure(other.delete(url), 404, code)
        assert_success(self.editor(world).get(f"{self.path}/{made['id']}"))

    def test_change__too_small_a_role__is_403(self, world: World) -> None:
        made = self.make(world)
        client = world.vera.client()
        url = f"{self.path}/{made['id']}"
        assert_failure(client.post(self.path, self.good(world, 2), format="json"), 403, "PERMISSION_DENIED")
        assert_failure(self.send_change(client, world, made["id"]), 403, "PERMISSION_DENIED")
        assert_failure(client.delete(url), 403, "PERMISSION_DENIED")
        if self.admin_only:
            assert_failure(client.get(url), 403, "PERMISSION_DENIED")
        else:
            assert_success(client.get(url))

    def test_any__workspace_missing_unknown_or_closed__is_400_404_403(self, world: World) -> None:
        if not self.workspace:
            return
        made = self.make(world)
        assert_failure(world.ed.client(None).get(self.path), 400, "WORKSPACE_REQUIRED")
        assert_failure(world.ed.client("nowhere").get(self.path), 404, "WORKSPACE_NOT_FOUND")
        assert_failure(world.max.client().get(self.path), 403, "WORKSPACE_ACCESS_DENIED")
        assert_failure(
            world.max.client(None).get(f"{self.path}/{made['id']}"), 403, "WORKSPACE_ACCESS_DENIED"
        )
        assert_success(world.ed.client(None).get(f"{self.path}/{made['id']}"))

    def test_any__unknown_id_and_wrong_method__answer_in_the_envelope(self, world: World) -> None:
        client = self.editor(world)
        assert_failure(client.get(f"{self.path}/nothing_0"), 404, f"{self.noun}_NOT_FOUND")
        assert_failure(client.delete(self.path), 405, "METHOD_NOT_ALLOWED")

    def test_read__many_rows__costs_as_many_queries_as_one(
        self, world: World, django_assert_max_num_queries: Any
    ) -> None:
        for number in range(3):
            self.make(world, number)
        client = self.editor(world)
        with django_assert_max_num_queries(8):
            client.get(self.path)
