"""Lineage over the API: up to the sources, down to whoever reads a table, and only what one may know."""

from dataclasses import replace
from typing import Any

import jsonschema
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.monitoring.services.lineage import trace_source, trace_target
from apps.sources.models import SourceTable
from datalinx.engine.lineage.graph import Traced
from tests.engine.lineage.openlineage_schema import RUN_EVENT
from tests.journey import MAPPING, SCHEMA, lay_out, run
from tests.resources import assert_failure, assert_success
from tests.world import World

ONE = "/api/mappings/customers/lineage"
SPENDERS = {
    "name": "spenders",
    "columns": [{"name": "id", "type": "integer"}, {"name": "spent", "type": "decimal"}],
}
OWN = {
    "table_name": "spenders",
    "inputs": [{"alias": "c", "target": "customers"}],
    "filter": "c.email is not null",
    "fields": {
        "id": {"type": "direct", "source": "c.customer_id"},
        "spent": {"type": "expression", "expression": "c.spent * 2"},
    },
}
QUERY = {"name": "totals", "sql": "select email, sum(spent) as total from customers group by email"}
AUDIENCE = {
    "name": "big",
    "table": "customers",
    "key": "customer_id",
    "rule": {"field": "spent", "op": "gte", "value": 8},
}
RULE = {"name": "few", "kind": "threshold", "table": "customers", "measure": "rows", "op": "lt", "value": 1}


@pytest.fixture
def chain(world: World) -> str:
    """Contacts become customers, those become spenders; a query, an audience and an alert read customers.

    Return the source's id.
    """
    client, pipeline = world.ed.client(), lay_out(world)
    schema = {**SCHEMA, "tables": [*SCHEMA["tables"], SPENDERS]}
    assert_success(client.put("/api/schemas/workspace", schema, format="json"))
    assert_success(client.put("/api/mappings/spenders", OWN, format="json"), 201)
    run(world, pipeline)
    for path, body in (("queries", QUERY), ("audiences", AUDIENCE), ("alert-rules", RULE)):
        assert_success(client.post(f"/api/{path}", body, format="json"), 201)
    return str(assert_success(client.get("/api/sources"))[0]["id"])


def lines(rows: list[dict[str, Any]]) -> set[tuple[Any, ...]]:
    return {
        (
            row["table"],
            row["column"],
            row["target_table"] or row["consumer"]["name"],
            row["target"],
            row["effect"],
            row["distance"],
        )
        for row in rows
    }


def test_lineage__downstream_of_a_source_column__reaches_tables_queries_and_audiences(
    world: World, chain: str
) -> None:
    url = f"/api/sources/{chain}/tables/contacts/lineage"
    found = assert_success(world.vera.client(None).get(url, {"column": "amount"}))

    assert lines(found) == {
        ("contacts", "amount", "customers", "spent", "values", 1),
        ("customers", "spent", "spenders", "spent", "values", 2),
        ("customers", "spent", "totals", "total", "values", 2),
        ("customers", "spent", "big", None, "rows", 2),
        ("customers", None, "few", None, "rows", 2),
    }
    assert {row["consumer"]["type"] for row in found if row["consumer"]} == {
        "query",
        "audience",
        "alert_rule",
    }
    assert all(row["source"] == "crm" for row in found if row["distance"] == 1)
    assert assert_success(world.vera.client().get(url, {"direction": "upstream"})) == []


def test_lineage__upstream_of_a_table_behind_a_table__reaches_the_source(world: World, chain: str) -> None:
    query = {"direction": "upstream", "column": "spent"}
    found = assert_success(world.vera.client().get("/api/mappings/spenders/lineage", query))

    assert lines(found) == {
        ("customers", "spent", "spenders", "spent", "values", 1),
        ("customers", "email", "spenders", None, "rows", 1),
        ("contacts", "amount", "customers", "spent", "values", 2),
        ("contacts", "joined", "customers", None, "rows", 2),
        ("contacts", "mail", "customers", "email", "rows", 2),
    }
    down = assert_success(world.vera.client().get(ONE, {"direction": "downstream", "column": "customer_id"}))
    assert ("customers", "customer_id", "big", "customer_id", "values", 1) in lines(down)


def test_lineage__of_a_mapping_alone__is_its_own_edges(world: World, chain: str) -> None:
    found = assert_success(world.vera.client().get(ONE))

    assert {row["distance"] for row in found} == {1}
    assert {row["target"] for row in found} == {"customer_id", "email", "spent", "joined_on", None}
    assert {row["target"] for row in assert_success(world.vera.client().get(ONE, {"column": "email"}))} == {
        "email",
        None,
    }
    assert assert_success(world.vera.client().get("/api/mapper/mappings/customers/lineage")) == found


def test_lineage__of_a_mapping_that_broke__still_names_its_inputs(world: World, chain: str) -> None:
    SourceTable.objects.filter(name="contacts").update(columns=[{"name": "other", "type": "VARCHAR"}])
    client = world.vera.client()

    assert_failure(client.get(ONE), 422, "UNKNOWN_COLUMN")
    found = assert_success(client.get("/api/mappings/spenders/lineage", {"direction": "upstream"}))
    assert ("contacts", None, "customers", None, "rows", 2) in lines(found)
    assert {row["kind"] for row in found if row["source"]} == {"broken"}


def test_lineage__asked_wrongly__says_what_is_wrong(world: World, chain: str) -> None:
    client, source = world.vera.client(), f"/api/sources/{chain}/tables"
    assert_failure(client.get(ONE, {"direction": "sideways"}), 422, "VALIDATION_ERROR")
    assert_failure(client.get(ONE, {"way": "up"}), 422, "UNKNOWN_PARAMETER")
    assert_failure(client.get(ONE, {"column": "nothing"}), 404, "COLUMN_NOT_FOUND")
    assert_failure(client.get(ONE, {"column": "no", "direction": "upstream"}), 404, "COLUMN_NOT_FOUND")
    assert_failure(
        client.get("/api/mappings/no/lineage", {"direction": "upstream"}), 404, "MAPPING_NOT_FOUND"
    )
    assert_failure(client.get("/api/mappings/no/lineage"), 404, "MAPPING_NOT_FOUND")
    assert_failure(client.get(f"{source}/nothing/lineage"), 404, "TABLE_NOT_FOUND")
    assert_failure(client.get(f"{source}/contacts/lineage", {"column": "no"}), 404, "COLUMN_NOT_FOUND")
    assert_failure(world.nobody().get(ONE), 401, "AUTHENTICATION_REQUIRED")
    assert_failure(world.eve.client(None).get(f"{source}/contacts/lineage"), 404, "SOURCE_NOT_FOUND")
    assert_failure(world.eve.client().get(ONE), 404, "MAPPING_NOT_FOUND")
    assert_failure(world.max.client().get(ONE), 403, "WORKSPACE_ACCESS_DENIED")


def _names(traced: list[Traced]) -> set[str]:
    return {each.link.target.name for each in traced}


@pytest.mark.parametrize(
    ("permission", "seen"),
    [
        ("queries:view", {"totals"}),
        ("audiences:view", {"big"}),
        ("alerts:view", {"few"}),
        ("monitoring:view", set()),
        ("mappings:view", {"spenders"}),
    ],
)
def test_lineage__without_the_right_to_see_something__does_not_name_it(
    permission: str, seen: set[str], world: World, chain: str
) -> None:
    caller = replace(
        world.vera.caller, permissions=frozenset(), workspaces={world.workspace.pk: frozenset({permission})}
    )
    found = trace_target(
        workspace=world.workspace, actor=caller, table="customers", column="", direction="downstream"
    )
    assert _names(found) == seen

    table = SourceTable.objects.select_related("source").get(name="contacts")
    below = trace_source(workspace=world.workspace, actor=caller, table=table, column="", direction="")
    assert _names(below) == ({"customers", "spenders"} if permission == "mappings:view" else set())


def test_lineage__many_queries__costs_as_many_database_queries_as_one(
    world: World, chain: str, django_assert_num_queries: Any
) -> None:
    client = world.ed.client()
    url = f"/api/sources/{chain}/tables/contacts/lineage"
    with CaptureQueriesContext(connection) as few:
        client.get(url)
    expected = len(few)
    for number in range(5):
        body = {**QUERY, "name": f"more {number}"}
        assert_success(client.post("/api/queries", body, format="json"), 201)
    with django_assert_num_queries(expected):
        found = assert_success(client.get(url, {"page_size": 200}))
    assert len([row for row in found if row["consumer"] and row["target"] == "total"]) == 6


def test_lineage__of_a_run__can_be_asked_for_one_table_and_column(world: World, chain: str) -> None:
    done = assert_success(world.vera.client().get("/api/runs"))[0]
    url = f"/api/runs/{done['id']}/lineage"
    client = world.vera.client(None)
    everything = assert_success(client.get(url))
    assert {edge["target_table"] for edge in everything} == {"customers"}
    some = assert_success(client.get(url, {"table": "customers", "column": "email"}))
    assert {edge["target"] for edge in some} == {"email", None}
    assert len(some) < len(everything)
    assert MAPPING["table_name"] == "customers"
    assert_failure(client.get(url, {"table": "orders"}), 404, "TABLE_NOT_FOUND")
    assert_failure(client.get(url, {"format": "xml"}), 422, "VALIDATION_ERROR")


def test_openlineage__of_a_run__is_an_event_to_hand_on(world: World, chain: str) -> None:
    done = assert_success(world.vera.client().get("/api/runs"))[0]
    url, client = f"/api/runs/{done['id']}/lineage", world.vera.client(None)
    response = client.get(url, {"format": "openlineage"})
    event = response.json()

    jsonschema.validate(event, RUN_EVENT, format_checker=jsonschema.FormatChecker())
    assert event["eventType"] == "COMPLETE"
    assert f"{done['id']}.openlineage.json" in response["Content-Disposition"]
    assert [
        (each["name"], each["inputFacets"]["inputStatistics"]["rowCount"]) for each in event["inputs"]
    ] == [("sources/crm/contacts", 6)]
    (output,) = event["outputs"]
    assert output["name"] == "tables/customers"
    assert output["outputFacets"]["outputStatistics"]["rowCount"] == done["totals"]["inserted"]
    fields = output["facets"]["columnLineage"]["fields"]
    assert [each["field"] for each in fields["spent"]["inputFields"]] == ["amount"]
    part = client.get(url, {"format": "openlineage", "table": "customers"}).json()
    jsonschema.validate(part, RUN_EVENT, format_checker=jsonschema.FormatChecker())
    assert part["run"]["facets"]["parent"]["run"]["runId"] == event["run"]["runId"]
    assert_failure(client.get(url, {"format": "openlineage", "table": "no"}), 404, "TABLE_NOT_FOUND")
    assert_failure(world.eve.client(None).get(url, {"format": "openlineage"}), 404, "RUN_NOT_FOUND")
