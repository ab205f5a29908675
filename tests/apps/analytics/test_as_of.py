"""Questions about tables as they were: by version, by run, by time, and where there was none."""

from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine

from apps.analytics.models import SavedQuery
from tests.apps.pipelines.ground import add_orders
from tests.apps.pipelines.test_runs import source_of
from tests.journey import CONTACTS, lay_out, run, upload
from tests.resources import assert_failure, assert_success
from tests.world import World

ASK = "/api/analytics/query"
SQL = "SELECT spent FROM customers ORDER BY customer_id"
OLD, NEW = [["10.50"], ["7.00"]], [["10.50"], ["8.00"]]


def lay_out_twice(world: World) -> tuple[dict[str, Any], dict[str, Any]]:
    """Load the contacts and then other ones, a day apart; return both runs."""
    with time_machine.travel(datetime(2026, 3, 1, 12, tzinfo=UTC), tick=True):
        pipeline = lay_out(world)
        first = run(world, pipeline)
    with time_machine.travel(datetime(2026, 3, 2, 12, tzinfo=UTC), tick=True):
        upload(world, source_of(world), CONTACTS.replace(b"bob@example.org,7,", b"bob@example.org,8,"))
        return first, run(world, pipeline)


def ask(client: Any, as_of: Any, sql: str = SQL, **body: Any) -> Any:
    return client.post(ASK, {"sql": sql, "as_of": as_of, **body}, format="json")


def test_as_of__by_version_run_and_time__reads_the_table_as_it_was(world: World) -> None:
    first, second = lay_out_twice(world)
    client = world.vera.client()
    for then in (1, "1", first["id"], "2026-03-01T13:00:00Z", "2026-03-02T00:00:00+05:00", "2026-03-02"):
        assert assert_success(ask(client, then))["rows"] == OLD, then
    for then in (2, second["id"], "2026-03-02T13:00:00Z", "2100-01-01"):
        assert assert_success(ask(client, then))["rows"] == NEW, then
    assert assert_success(client.post(ASK, {"sql": SQL}, format="json"))["rows"] == NEW
    csv = ask(client, 1, format="csv").content.decode().splitlines()
    assert csv == ["spent", "10.50", "7.00"]


@pytest.mark.parametrize(
    ("as_of", "code"),
    [
        (3, "SNAPSHOT_NOT_FOUND"),
        (0, "SNAPSHOT_NOT_FOUND"),
        ("run_01jd3x0000000000000000000", "SNAPSHOT_NOT_FOUND"),
        ("2026-02-28T00:00:00Z", "SNAPSHOT_NOT_FOUND"),
    ],
)
def test_as_of__where_the_table_had_no_version__is_404_and_names_it(
    world: World, as_of: Any, code: str
) -> None:
    lay_out_twice(world)
    client = world.vera.client()
    failure = assert_failure(ask(client, as_of, 'SELECT * FROM "Customers"'), 404, code)
    assert "`customers`" in failure["message"]
    assert str(as_of) in failure["message"]
    # A query that does not name it is answered, and a name that nobody has is still unknown.
    assert assert_success(ask(client, as_of, "SELECT 1"))["rows"] == [[1]]
    assert assert_success(ask(client, as_of, "WITH customers AS (SELECT 2) FROM customers SELECT *"))[
        "rows"
    ] == [[2]]
    assert_failure(ask(client, as_of, "SELECT * FROM nothing"), 422, "UNKNOWN_TABLE")


def test_as_of__of_several_tables__is_one_value_for_all_of_them(world: World) -> None:
    with time_machine.travel(datetime(2026, 3, 1, 12, tzinfo=UTC), tick=True):
        pipeline = lay_out(world)
        first = run(world, pipeline)
    with time_machine.travel(datetime(2026, 3, 2, 12, tzinfo=UTC), tick=True):
        both = run(world, add_orders(world, pipeline))
    client = world.vera.client()
    sql = "SELECT count(*) FROM customers JOIN spenders USING (customer_id)"
    assert assert_success(ask(client, both["id"], sql))["rows"] == [[2]]
    assert assert_success(ask(client, "2026-03-03", sql))["rows"] == [[2]]
    failure = assert_failure(ask(client, first["id"], sql), 404, "SNAPSHOT_NOT_FOUND")
    assert "`spenders`" in failure["message"]
    failure = assert_failure(ask(client, 2, sql), 404, "SNAPSHOT_NOT_FOUND")
    assert "`spenders`" in failure["message"]


@pytest.mark.parametrize(
    "as_of", ["yesterday", "", None, True, 1.5, ["1"], {"run": "1"}, "1e3", "0001-01-01T00:00:00+14:00", -1]
)
def test_as_of__that_names_no_moment__is_422_with_its_field(world: World, as_of: Any) -> None:
    failure = assert_failure(ask(world.vera.client(), as_of, "SELECT 1"), 422, "VALIDATION_ERROR")
    assert [each["field"] for each in failure["errors"]] == ["as_of"]


def test_as_of__asked_by_others__shows_them_nothing(world: World) -> None:
    first, _ = lay_out_twice(world)
    assert_failure(ask(world.eve.client(), first["id"]), 422, "UNKNOWN_TABLE")
    assert_failure(ask(world.max.client(), 1), 403, "WORKSPACE_ACCESS_DENIED")
    assert_failure(ask(world.nobody(), 1), 401, "AUTHENTICATION_REQUIRED")


def test_as_of__with_a_used_idempotency_key__is_not_answered_from_another_moment(world: World) -> None:
    lay_out_twice(world)
    client = world.vera.client()
    body = {"sql": SQL, "as_of": 1}
    first = client.post(ASK, body, format="json", HTTP_IDEMPOTENCY_KEY="once")
    assert assert_success(first)["rows"] == OLD
    other = client.post(ASK, {**body, "as_of": 2}, format="json", HTTP_IDEMPOTENCY_KEY="once")
    assert other.status_code == 422
    assert "7.00" not in other.content.decode()


def test_as_of__of_a_saved_query__answers_and_keeps_the_results_of_the_present(world: World) -> None:
    first, _ = lay_out_twice(world)
    client = world.ed.client()
    made = assert_success(client.post("/api/queries", {"name": "spent", "sql": SQL}, format="json"), 201)
    url = f"/api/queries/{made['id']}"
    then = assert_success(client.post(f"{url}/run", {"as_of": first["id"]}, format="json"))
    assert then["rows"] == OLD
    assert_failure(client.get(f"{url}/results"), 404, "RESULTS_NOT_FOUND")
    assert SavedQuery.objects.get().last_run_at is None
    assert assert_success(client.post(f"{url}/run", {}, format="json"))["rows"] == NEW
    assert_success(client.post(f"{url}/run", {"as_of": 1}, format="json"))
    assert assert_success(client.get(f"{url}/results"))["rows"] == NEW
    failure = client.post(f"{url}/run", {"as_of": 9}, format="json")
    assert_failure(failure, 404, "SNAPSHOT_NOT_FOUND")
    assert_failure(client.post(f"{url}/run", {"as_of": "soon"}, format="json"), 422, "VALIDATION_ERROR")
    stranger = world.eve.client().post(f"{url}/run", {"as_of": 1}, format="json")
    assert_failure(stranger, 404, "QUERY_NOT_FOUND")
