"""The tests of columns as a gate: nothing that fails one is published."""

from typing import Any

import pytest

from apps.pipelines.models import StoredTable
from tests.apps.pipelines.ground import add_orders
from tests.apps.pipelines.test_runs import rows
from tests.journey import MAPPING, SCHEMA, lay_out, run
from tests.resources import assert_success
from tests.world import World


def give_tests(world: World, **tests: list[dict[str, Any]]) -> None:
    """Give columns of `customers` these tests."""
    client = world.ed.client()
    schema = assert_success(client.get("/api/schemas/workspace"))
    (table,) = [each for each in schema["tables"] if each["name"] == "customers"]
    for column in table["columns"]:
        column["tests"] = tests.get(column["name"], [])
    assert_success(client.put("/api/schemas/workspace", schema, format="json"))


@pytest.mark.parametrize(
    ("column", "test", "failing"),
    [
        ("spent", {"test": "range", "min": 8}, 1),
        ("spent", {"test": "range", "min": 7, "max": 10.5}, 0),
        ("joined_on", {"test": "range", "max": "2024-01-31"}, 1),
        ("email", {"test": "regex", "pattern": "^a"}, 1),
        ("email", {"test": "accepted_values", "values": ["ann@example.org", None]}, 1),
        ("email", {"test": "accepted_values", "values": [None]}, 2),
        ("customer_id", {"test": "unique"}, 0),
        ("spent", {"test": "not_null"}, 0),
        ("customer_id", {"test": "relationship", "table": "customers", "column": "customer_id"}, 0),
    ],
    ids=lambda value: str(value) if not isinstance(value, dict) else value["test"],
)
def test_gate__of_one_test__publishes_exactly_when_no_row_fails(
    world: World, column: str, test: dict[str, Any], failing: int
) -> None:
    pipeline = lay_out(world)
    give_tests(world, **{column: [test]})
    done = run(world, pipeline)
    (step,) = done["steps"]
    (found,) = step["tests"]
    assert (found["column"], found["test"], found["rows"]) == (column, test["test"], failing)
    assert (found["passed"], StoredTable.objects.exists()) == (not failing, not failing)
    if failing:
        assert (done["status"], step["error"]["code"]) == ("failed", "TESTS_FAILED")
        assert f"{failing} rows of `{column}` fail `{test['test']}`" in step["error"]["message"]
        assert (step["counts"]["read"], step["counts"]["rejected"]) == (6, 3)


@pytest.mark.parametrize(("mode", "asked"), [("warn", 1), ("off", 0)])
def test_tests__that_are_no_gate__let_the_table_through(world: World, mode: str, asked: int) -> None:
    pipeline = lay_out(world)
    give_tests(world, spent=[{"test": "range", "min": 8}])
    client = world.ed.client()
    assert_success(client.patch(f"/api/pipelines/{pipeline['id']}", {"tests": mode}, format="json"))
    done = run(world, pipeline)
    assert done["status"] == "success"
    assert len(done["steps"][0]["tests"]) == asked
    lines = assert_success(client.get(f"/api/runs/{done['id']}/logs", {"level": "warning"}))
    assert [line["message"] for line in lines] == ["1 rows of `spent` fail `range`."] * asked


def test_gate__of_what_is_stored_already__asks_the_whole_table(world: World) -> None:
    pipeline = lay_out(world)
    client = world.ed.client()
    tables = [{**SCHEMA["tables"][0], "primary_key": []}]
    assert_success(client.put("/api/schemas/workspace", {**SCHEMA, "tables": tables}, format="json"))
    body = {**MAPPING, "load": {"mode": "append"}}
    assert_success(client.put("/api/mappings/customers", body, format="json"))
    give_tests(world, customer_id=[{"test": "unique"}])
    assert run(world, pipeline)["status"] == "success"
    again = run(world, pipeline)
    assert again["error"]["code"] == "TESTS_FAILED"
    assert again["steps"][0]["tests"][0]["rows"] == 4
    assert len(rows(world)) == 2


def test_gate__of_a_test_that_does_not_fit__fails_and_says_why(world: World) -> None:
    pipeline = lay_out(world)
    give_tests(world, spent=[{"test": "regex", "pattern": "x"}])
    done = run(world, pipeline)
    assert done["error"]["code"] == "TESTS_FAILED"
    assert "cannot be asked of `spent`: its type is DECIMAL" in done["error"]["message"]


def test_gate__of_a_relationship__runs_the_other_table_first(world: World) -> None:
    pipeline = add_orders(world, lay_out(world))
    give_tests(world, joined_on=[{"test": "relationship", "table": "dates", "column": "joined"}])
    done = run(world, pipeline)
    names = [step["table"] for step in done["steps"]]
    assert names.index("dates") < names.index("customers")
    assert done["status"] == "success"


def test_gate__of_a_run_in_test_mode__fails_it_and_leaves_the_report(world: World) -> None:
    pipeline = lay_out(world)
    give_tests(world, spent=[{"test": "range", "min": 8}])
    done = run(world, pipeline, test_mode=True)
    (step,) = done["steps"]
    assert (done["status"], step["error"]["code"]) == ("failed", "TESTS_FAILED")
    assert step["report"]["rows"] == {"before": 0, "after": 2}
    assert step["report"]["counts"] == step["counts"]
    assert (step["counts"]["inserted"], step["tests"][0]["rows"]) == (2, 1)
    assert sum(step["rejected_by_reason"].values()) == 3
    assert not StoredTable.objects.exists()
