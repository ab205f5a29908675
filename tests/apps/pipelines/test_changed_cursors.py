"""A cursor belongs to its column: another one begins from the beginning, or is refused where that would double rows."""

from typing import Any

import pytest

from apps.pipelines.models import StoredTable
from tests.apps.pipelines.test_restoring import HEAD, done, give, ids, line
from tests.journey import MAPPING, lay_out, run
from tests.resources import assert_success
from tests.world import World


def order_by(world: World, mode: str, cursor: str) -> None:
    load = {"mode": mode, "keys": ["customer_id"], "cursor": cursor}
    assert_success(world.ed.client().put("/api/mappings/customers", {**MAPPING, "load": load}, format="json"))


def lay(world: World, mode: str) -> dict[str, Any]:
    pipeline = lay_out(world, HEAD + line(1, 1) + line(2, 20))
    order_by(world, mode, "c.joined")
    done(world, pipeline)
    # Newer by its number, and not by its day.
    give(world, line(1, 1), line(2, 20), line(3, 3))
    return pipeline


@pytest.mark.parametrize("mode", ["merge", "history"])
def test_cursor__of_another_column_than_before__reads_from_the_beginning(world: World, mode: str) -> None:
    pipeline = lay(world, mode)
    order_by(world, mode, "c.contact_id")
    made = done(world, pipeline)
    assert (made["totals"]["read"], made["totals"]["inserted"], made["totals"]["unchanged"]) == (3, 1, 2)
    assert ids(world) == [1, 2, 3]
    assert StoredTable.objects.get().cursor == "3"
    assert done(world, pipeline)["totals"]["read"] == 0
    verified = world.ed.client().post(f"/api/runs/{made['id']}/verify")
    assert assert_success(verified, 201)["verify_of"] == made["id"]


def test_cursor__of_another_column_than_before__is_refused_of_an_append(world: World) -> None:
    pipeline = lay(world, "append")
    order_by(world, "append", "c.contact_id")
    made = run(world, pipeline)
    assert made["error"]["code"] == "INVALID_CURSOR"
    assert "full_refresh" in made["error"]["message"]
    assert ids(world) == [1, 2]
    made = run(world, pipeline, full_refresh=True)
    assert made["status"] == "success", made["error"]
    assert ids(world) == [1, 2, 3]


def retype(world: World, kind: str) -> None:
    client = world.ed.client()
    schema = assert_success(client.get("/api/schemas/workspace"))
    for table in schema["tables"]:
        for column in table["columns"]:
            if table["name"] == "customers" and column["name"] == "number":
                column["type"] = kind
    assert_success(client.put("/api/schemas/workspace", schema, format="json"))


def lay_numbered(world: World, mode: str, kind: str) -> dict[str, Any]:
    pipeline = lay_out(world, HEAD + line(1, 1) + line(2, 20))
    client = world.ed.client()
    column = {"name": "number", "type": kind}
    assert_success(client.post("/api/schemas/workspace/tables/customers/columns", column, format="json"), 201)
    number = {"number": {"type": "direct", "source": "c.joined"}}
    load = {"mode": mode, "keys": ["customer_id"], "cursor": "c.joined"}
    body = {**MAPPING, "fields": {**MAPPING["fields"], **number}, "load": load}
    assert_success(client.put("/api/mappings/customers", body, format="json"))
    done(world, pipeline)
    return pipeline


def test_cursor__of_text_yesterday_and_of_times_today__begins_again_with_a_full_refresh(world: World) -> None:
    pipeline = lay_numbered(world, "merge", "string")
    retype(world, "date")
    made = run(world, pipeline)
    assert made["error"]["code"] != "ENGINE_ERROR"
    assert "full_refresh" in made["error"]["message"]
    made = run(world, pipeline, full_refresh=True)
    assert made["status"] == "success", made["error"]
    assert StoredTable.objects.get().cursor_type == "DATE"
    give(world, line(1, 1), line(2, 20), line(3, 25))
    assert done(world, pipeline)["totals"]["read"] == 1


@pytest.mark.parametrize("mode", ["merge", "append"])
def test_cursor__stored_as_another_type__is_read_from_the_beginning_or_refused(
    world: World, mode: str
) -> None:
    pipeline = lay_numbered(world, mode, "date")
    StoredTable.objects.update(cursor="17", cursor_type="INTEGER")
    made = run(world, pipeline)
    if mode == "append":
        assert made["error"]["code"] == "INVALID_CURSOR"
        assert "another type" in made["error"]["message"]
    else:
        assert (made["totals"]["read"], made["totals"]["unchanged"]) == (2, 2)
        assert StoredTable.objects.get().cursor_type == "DATE"
