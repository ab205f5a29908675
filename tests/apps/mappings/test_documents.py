"""Schemas, mappings and CTEs as documents: who may, what is refused, what is kept."""

import json
from typing import Any, ClassVar

import pytest

from tests.journey import MAPPING, SCHEMA, lay_out
from tests.resources import assert_failure, assert_success
from tests.world import World

CTE = {"name": "recent", "sql": 'SELECT contact_id, mail FROM "crm"."contacts"'}


def put(client: Any, path: str, body: Any, **headers: str) -> Any:
    return client.put(path, body, format="json", **headers)


class DocumentTests:
    """The contract of a document that is addressed by its name."""

    path: ClassVar[str]
    collection: ClassVar[str] = ""
    body: ClassVar[dict[str, Any]]
    missing: ClassVar[str] = ""

    def test_put__what_get_gave__is_kept_and_counted(self, world: World) -> None:
        lay_out(world)
        client = world.ed.client()
        put(client, self.path, self.body)
        first = client.get(self.path)
        document = assert_success(first)
        assert first["ETag"] == f'"{document["version"]}"'
        again = assert_success(put(client, self.path, document))
        assert again["version"] == document["version"] + 1
        changed = {"version", "updated_at"}
        assert {key: value for key, value in again.items() if key not in changed} == {
            key: value for key, value in document.items() if key not in changed
        }

    def test_put__on_top_of_an_old_version__is_a_conflict_and_changes_nothing(self, world: World) -> None:
        lay_out(world)
        client = world.ed.client()
        put(client, self.path, self.body)
        old = client.get(self.path)["ETag"]
        assert_success(put(client, self.path, self.body, HTTP_IF_MATCH=old))
        failure = assert_failure(
            put(client, self.path, self.body, HTTP_IF_MATCH=old), 422, "VERSION_CONFLICT"
        )
        assert failure["details"]["version"] == assert_success(client.get(self.path))["version"]

    def test_put__unknown_key__is_422_with_its_path_and_the_old_one_stays(self, world: World) -> None:
        lay_out(world)
        client = world.ed.client()
        put(client, self.path, self.body)
        before = assert_success(client.get(self.path))
        failure = assert_failure(put(client, self.path, {**self.body, "colour": 1}), 422, "UNKNOWN_FIELD")
        assert failure["errors"][0]["field"] == "colour"
        assert assert_success(client.get(self.path)) == before

    @pytest.mark.parametrize("body", [[], "text", 1, None, {}])
    def test_put__no_document__is_422(self, world: World, body: Any) -> None:
        lay_out(world)
        assert put(world.ed.client(), self.path, body).status_code == 422

    def test_put__broken_json__is_400(self, world: World) -> None:
        response = world.ed.client().put(self.path, b'{"a":', content_type="application/json")
        assert_failure(response, 400, "INVALID_REQUEST")

    def test_any__who_may_not__is_401_403_404(self, world: World) -> None:
        lay_out(world)
        put(world.ed.client(), self.path, self.body)
        assert_failure(world.nobody().get(self.path), 401, "AUTHENTICATION_REQUIRED")
        assert_success(world.vera.client().get(self.path))
        assert_failure(put(world.vera.client(), self.path, self.body), 403, "PERMISSION_DENIED")
        assert_failure(world.max.client().get(self.path), 403, "WORKSPACE_ACCESS_DENIED")
        assert_failure(world.ed.client(None).get(self.path), 400, "WORKSPACE_REQUIRED")
        if self.missing:
            assert_failure(world.eve.client().get(self.path), 404, self.missing)
            assert_failure(world.eve.client().delete(self.path), 404, self.missing)
            assert_failure(world.vera.client().delete(self.path), 403, "PERMISSION_DENIED")

    def test_delete__one__is_gone(self, world: World) -> None:
        if not self.missing:
            assert_failure(world.ed.client().delete(self.path), 405, "METHOD_NOT_ALLOWED")
            return
        lay_out(world)
        client = world.ed.client()
        put(client, self.path, self.body)
        name = self.path.rpartition("/")[2]
        assert assert_success(client.delete(self.path)) == {"id": name, "deleted": True}
        assert_failure(client.get(self.path), 404, self.missing)


class TestSchema(DocumentTests):
    path: ClassVar = "/api/schemas/workspace"
    body: ClassVar = SCHEMA


class TestMapping(DocumentTests):
    path: ClassVar = "/api/mappings/customers"
    body: ClassVar = MAPPING
    missing: ClassVar = "MAPPING_NOT_FOUND"


class TestMappingAlias(TestMapping):
    path: ClassVar = "/api/mapper/mappings/customers"


class TestCte(DocumentTests):
    path: ClassVar = "/api/ctes/recent"
    body: ClassVar = CTE
    missing: ClassVar = "CTE_NOT_FOUND"


def test_schema__before_its_first_put__is_empty_with_version_0(world: World) -> None:
    client = world.vera.client()
    assert assert_success(client.get("/api/schemas/workspace")) == {
        "name": "",
        "description": "",
        "tables": [],
        "version": 0,
    }
    assert assert_success(client.get("/api/schemas")) == []
    assert assert_success(client.get("/api/schemas/workspace/versions")) == []
    assert_failure(client.get("/api/schemas/workspace/diff"), 404, "VERSION_NOT_FOUND")


def test_post__of_a_mapping_and_a_cte__makes_it_once(world: World) -> None:
    lay_out(world)
    client = world.ed.client()
    assert_failure(client.post("/api/mappings", MAPPING, format="json"), 422, "MAPPING_EXISTS")
    assert_success(client.delete("/api/mappings/customers"))
    made = client.post("/api/mappings", MAPPING, format="json")
    # Versions go on where the deleted one ended: none is ever given twice.
    assert assert_success(made, 201)["version"] == 2
    assert_success(client.post("/api/ctes", CTE, format="json"), 201)
    assert_failure(client.post("/api/ctes", CTE, format="json"), 422, "CTE_EXISTS")
    assert_failure(put(client, "/api/ctes/other", CTE), 422, "NAME_MISMATCH")
    assert_failure(put(client, "/api/mappings/other", MAPPING), 422, "NAME_MISMATCH")
    listed = client.get("/api/ctes", {"search": "rec"})
    assert [each["name"] for each in assert_success(listed)] == ["recent"]
    assert listed.json()["pagination"]["total_items"] == 1


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"table_name": "customers", "inputs": [{"alias": "c", "source": "cmr", "table": "contacts"}]},
         "VALIDATION_ERROR", "inputs[0].source"),
        ({"inputs": [{"alias": "c", "source": "crm", "table": "contcts"}]}, "VALIDATION_ERROR",
         "inputs[0].table"),
        ({"inputs": [{"alias": "c", "cte": "nothing"}]}, "VALIDATION_ERROR", "inputs[0].cte"),
        ({"fields": {"customer_id": {"type": "direct", "source": "c.contct_id"}}}, "UNKNOWN_COLUMN",
         "fields.customer_id"),
        ({"fields": {"email": {"type": "expression", "expression": "read_csv('x')"}}}, None,
         "fields.email"),
        ({"fields": {"email": {"type": "expression", "expression": "(SELECT 1)"}}}, None,
         "fields.email"),
        ({"fields": {"nothing": {"type": "direct", "source": "c.mail"}}}, None, "fields.nothing"),
        ({"filter": "c.nothing IS NULL"}, None, "filter"),
    ],
)  # fmt: skip
def test_put__mapping_that_cannot_hold__is_422_with_place_and_the_old_one_stays(
    world: World, change: dict[str, Any], code: str | None, field: str
) -> None:
    lay_out(world)
    client = world.ed.client()
    before = assert_success(client.get("/api/mappings/customers"))
    response = put(client, "/api/mappings/customers", {**MAPPING, **change})
    body = response.json()
    assert response.status_code == 422, body
    assert code is None or body["error_code"] == code
    assert field in [error["field"] for error in body["errors"]], body
    assert assert_success(client.get("/api/mappings/customers")) == before


def test_put__unknown_source_nearly_right__names_the_nearest(world: World) -> None:
    lay_out(world)
    body = {**MAPPING, "inputs": [{"alias": "c", "source": "crmm", "table": "contacts"}]}
    assert "'crm'" in put(world.ed.client(), "/api/mappings/customers", body).json()["message"]


def test_put__huge_document__is_refused(world: World) -> None:
    lay_out(world)
    body = json.dumps({**SCHEMA, "description": "x" * 20_000}).encode()
    response = world.ed.client().put("/api/schemas/workspace", body, content_type="application/json")
    assert_failure(response, 422, "VALIDATION_ERROR")


def test_cte__cycle_or_in_use__is_refused(world: World) -> None:
    lay_out(world)
    client = world.ed.client()
    assert_success(put(client, "/api/ctes/recent", CTE), 201)
    second = {"name": "second", "sql": "SELECT * FROM recent"}
    assert_success(put(client, "/api/ctes/second", second), 201)
    cycle = {"name": "recent", "sql": "SELECT * FROM second"}
    failure = assert_failure(put(client, "/api/ctes/recent", cycle), 422, "CTE_CYCLE")
    assert "recent" in failure["message"]
    assert "second" in failure["message"]
    assert assert_success(client.get("/api/ctes/recent"))["version"] == 1
    reading = {**MAPPING, "inputs": [{"alias": "c", "cte": "second"}],
               "fields": {"customer_id": {"type": "direct", "source": "c.contact_id"}}}  # fmt: skip
    reading.pop("filter")
    assert_success(put(client, "/api/mappings/customers", reading))
    assert_failure(client.delete("/api/ctes/second"), 422, "CTE_IN_USE")
    assert client.delete("/api/ctes/recent").status_code == 422
    assert_success(client.get("/api/ctes/recent"))
    broken = {"name": "second", "sql": "SELECT mail FROM recent"}
    assert_failure(put(client, "/api/ctes/second", broken), 422, "CTE_BREAKS_MAPPING")
    assert assert_success(client.get("/api/ctes/second"))["sql"] == second["sql"]


@pytest.mark.parametrize("sql", ["DROP TABLE x", "SELECT * FROM read_csv('/etc/passwd')", "SELEC", ""])
def test_cte__sql_that_is_not_allowed__is_422(world: World, sql: str) -> None:
    lay_out(world)
    response = put(world.ed.client(), "/api/ctes/bad", {"name": "bad", "sql": sql})
    assert response.status_code == 422, response.json()
