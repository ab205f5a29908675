"""A table whose columns changed over files that stayed: every reader sees NULL, never what was dropped."""

from typing import Any

import pytest

from apps.pipelines.services.reading import stored_scan
from apps.pipelines.services.tables import get_stored_table
from datalinx.engine.compile.plan import InputShape, SourceColumn
from datalinx.engine.query.trusted import open_connection
from tests.journey import CONTACTS, MAPPING, SCHEMA, lay_out, run, upload
from tests.resources import assert_success
from tests.world import World

NOTE = {"name": "note", "type": "string"}
MERGE = {"load": {"mode": "merge", "keys": ["customer_id"]}}


def shape(world: World, *, columns: list[dict[str, Any]], fields: dict[str, Any]) -> None:
    """Let the target table and its mapping have these columns beside their own."""
    client = world.ed.client()
    table = {**SCHEMA["tables"][0], "columns": [*SCHEMA["tables"][0]["columns"], *columns]}
    assert_success(client.put("/api/schemas/workspace", {**SCHEMA, "tables": [table]}, format="json"))
    body = {**MAPPING, **MERGE, "fields": {**MAPPING["fields"], **fields}}
    assert_success(client.put("/api/mappings/customers", body, format="json"))


@pytest.fixture
def renamed(world: World) -> World:
    """`note` held e-mail addresses, was dropped, and came again for amounts; the first rows kept their file."""
    pipeline = lay_out(world)
    source = assert_success(world.ed.client().get("/api/sources"))[0]["id"]
    with_note = {"note": {"type": "direct", "source": "c.mail"}}
    shape(world, columns=[NOTE], fields=with_note)
    assert run(world, pipeline)["status"] == "success"
    shape(world, columns=[], fields={})
    upload(world, source, b"contact_id,mail,amount,joined\n7,g@example.org,1,2024-05-01\n")
    assert run(world, pipeline)["status"] == "success"
    again = {"note": {"type": "direct", "source": "c.amount"}}
    shape(world, columns=[NOTE], fields=again)
    upload(world, source, b"contact_id,mail,amount,joined\n8,h@example.org,42,2024-05-01\n")
    done = run(world, pipeline)
    assert done["status"] == "success", done["error"]
    return world


EXPECTED = [[1, None], [2, None], [7, None], [8, "42"]]


def test_rows__of_a_column_that_came_again__are_null_where_it_is_older(renamed: World) -> None:
    rows = assert_success(
        renamed.vera.client().get("/api/tables/customers/rows", {"ordering": "customer_id"})
    )
    assert [[row["customer_id"], row["note"]] for row in rows] == EXPECTED


def test_sql__of_a_column_that_came_again__does_not_see_the_old_values(renamed: World) -> None:
    body = {"sql": "SELECT customer_id, note FROM customers ORDER BY customer_id"}
    answer = assert_success(renamed.vera.client().post("/api/analytics/query", body, format="json"))
    assert answer["rows"] == EXPECTED


def test_scan__of_a_mapping_that_reads_the_table__does_not_see_the_old_values(renamed: World) -> None:
    wanted = InputShape((SourceColumn("note", "VARCHAR"), SourceColumn("customer_id", "BIGINT")))
    scan = stored_scan(get_stored_table(renamed.workspace.pk, "customers"), wanted)
    with open_connection(memory_bytes=2**28, threads=1) as connection:
        rows = connection.execute(f"SELECT customer_id, note FROM ({scan.sql}) ORDER BY 1").fetchall()
    assert [list(row) for row in rows] == EXPECTED


def test_rows__as_of_the_first_version__show_the_column_as_it_was(renamed: World) -> None:
    rows = assert_success(renamed.vera.client().get("/api/tables/customers/rows", {"as_of": "1"}))
    assert {row["note"] for row in rows} == {" Ann@Example.org ", "bob@example.org"}
    assert CONTACTS.count(b"example.org") > 2
