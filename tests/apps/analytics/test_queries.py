"""Questions in SQL: asked once in each form, refused where they reach out, and kept."""

import io
from typing import Any, ClassVar

import pyarrow as pa
import pytest

from tests.journey import lay_out, run
from tests.resources import ResourceTests, assert_failure, assert_success
from tests.world import World

ASK = "/api/analytics/query"


class TestSavedQueries(ResourceTests):
    path: ClassVar = "/api/queries"
    noun: ClassVar = "QUERY"

    def good(self, world: World, number: int = 1) -> dict[str, Any]:
        return {"name": f"query-{number}", "sql": "SELECT 1 AS one"}

    def change(self) -> dict[str, Any]:
        return {"name": "renamed", "sql": "SELECT 2 AS two"}


def ask(client: Any, sql: str, **body: Any) -> Any:
    return client.post(ASK, {"sql": sql, **body}, format="json")


def test_ask__in_an_empty_workspace__answers_select_1(world: World) -> None:
    data = assert_success(ask(world.vera.client(), "SELECT 1 AS one"))
    assert set(data) == {"columns", "rows", "row_count", "truncated", "seconds"}
    assert (data["columns"][0]["name"], data["rows"], data["row_count"], data["truncated"]) == (
        "one",
        [[1]],
        1,
        False,
    )


def test_ask__in_each_form__gives_the_same_rows(world: World) -> None:
    run(world, lay_out(world))
    client = world.vera.client()
    sql = "SELECT customer_id, email, spent FROM customers ORDER BY customer_id"
    rows = [[1, "ann@example.org", "10.50"], [2, "bob@example.org", "7.00"]]
    assert assert_success(ask(client, sql))["rows"] == rows
    csv = ask(client, sql, format="csv")
    assert csv["Content-Type"].startswith("text/csv")
    assert csv.content.decode().splitlines() == [
        "customer_id,email,spent", "1,ann@example.org,10.50", "2,bob@example.org,7.00"
    ]  # fmt: skip
    arrow = ask(client, sql, format="arrow")
    assert arrow["Content-Type"] == "application/vnd.apache.arrow.stream"
    table = pa.ipc.open_stream(io.BytesIO(arrow.content)).read_all()
    assert table.column("email").to_pylist() == [row[1] for row in rows]
    assert csv["X-RateLimit-Limit"]


def test_ask__of_large_numbers__keeps_them_exact(world: World) -> None:
    sql = "SELECT 9007199254740992 AS a, 9007199254740993 AS b, 1.10::DECIMAL(9,2) AS c"
    assert assert_success(ask(world.vera.client(), sql))["rows"] == [
        [9007199254740992, "9007199254740993", "1.10"]
    ]


def test_ask__with_parameters_and_a_limit__obeys_both(world: World) -> None:
    run(world, lay_out(world))
    client = world.vera.client()
    sql = "SELECT email FROM customers WHERE customer_id = $id"
    hostile = "2 OR 1 = 1"
    assert assert_success(ask(client, sql, parameters={"id": 2}))["rows"] == [["bob@example.org"]]
    assert ask(client, sql, parameters={"id": hostile}).status_code == 422
    assert ask(client, sql).status_code == 422
    data = assert_success(ask(client, "SELECT * FROM range(10)", limit=3))
    assert (data["row_count"], data["truncated"]) == (3, True)
    assert_failure(ask(client, "SELECT 1", limit=0), 422, "VALIDATION_ERROR")
    assert_failure(ask(client, "SELECT 1", format="xml"), 422, "VALIDATION_ERROR")


@pytest.mark.parametrize(
    "sql",
    [
        "DROP TABLE customers", "INSERT INTO customers VALUES (1)", "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'", "COPY customers TO '/tmp/x'", "ATTACH 'x.db'", "SELECT 1; SELECT 2",
        "PRAGMA version", "SET memory_limit = '1TB'", "SELECT * FROM duckdb_settings()", "INSTALL httpfs",
        "SELECT getenv('HOME')", "SELECT * FROM read_parquet('**/*.parquet')",
    ],
)  # fmt: skip
def test_ask__anything_but_a_read_of_the_tables__is_422(world: World, sql: str) -> None:
    run(world, lay_out(world))
    assert_failure(ask(world.ed.client(), sql), 422, "SQL_NOT_ALLOWED")


def test_ask__for_the_tables_of_another_workspace__does_not_find_them(world: World) -> None:
    run(world, lay_out(world))
    response = ask(world.eve.client(), "SELECT * FROM customers")
    assert response.status_code == 422
    assert "example.org" not in response.content.decode()
    assert_success(ask(world.eve.client(), "SELECT 1"))
    assert_failure(ask(world.max.client(), "SELECT 1"), 403, "WORKSPACE_ACCESS_DENIED")
    assert_failure(ask(world.nobody(), "SELECT 1"), 401, "AUTHENTICATION_REQUIRED")
    assert_failure(ask(world.vera.client(None), "SELECT 1"), 400, "WORKSPACE_REQUIRED")


@pytest.mark.parametrize("form", ["json", "csv", "arrow"])
def test_ask__twice_with_one_key__gives_the_same_bytes(world: World, form: str) -> None:
    client = world.vera.client()
    body = {"sql": "SELECT random() AS r", "format": form}
    first = client.post(ASK, body, format="json", HTTP_IDEMPOTENCY_KEY="once")
    again = client.post(ASK, body, format="json", HTTP_IDEMPOTENCY_KEY="once")
    assert (first.status_code, first.content) == (again.status_code, again.content)
    assert first["Content-Type"] == again["Content-Type"]
    assert ("Idempotency-Replayed" in first, again["Idempotency-Replayed"]) == (False, "true")


def test_saved_query__run__keeps_its_results_until_the_sql_changes(world: World) -> None:
    run(world, lay_out(world))
    client = world.ed.client()
    body = {
        "name": "big",
        "sql": "SELECT count(*) AS n FROM customers WHERE spent >= $least",
        "parameters": [{"name": "least", "type": "float", "default": 8.0}],
    }
    made = client.post("/api/queries", body, format="json")
    url = f"/api/queries/{assert_success(made, 201)['id']}"
    assert made["ETag"] == '"1"'
    assert_failure(client.get(f"{url}/results"), 404, "RESULTS_NOT_FOUND")
    ran = assert_success(world.vera.client().post(f"{url}/run", {}, format="json"))
    assert ran["rows"] == [[1]]
    assert assert_success(client.post(f"{url}/run", {"parameters": {"least": 1}}, format="json"))["rows"] == [
        [2]
    ]
    assert assert_success(client.get(f"{url}/results"))["rows"] == [[2]]
    got = assert_success(client.get(url))
    assert assert_success(client.patch(url, got, format="json"))["version"] == 2
    assert_success(client.get(f"{url}/results"))
    stale = client.patch(url, {"name": "x"}, format="json", HTTP_IF_MATCH='"1"')
    assert_failure(stale, 422, "VERSION_CONFLICT")
    assert_success(client.patch(url, {"sql": "SELECT $least"}, format="json"))
    assert_failure(client.get(f"{url}/results"), 404, "RESULTS_NOT_FOUND")
    assert_failure(client.patch(url, {"sql": "DROP TABLE customers"}, format="json"), 422, "SQL_NOT_ALLOWED")
    assert assert_success(client.get(url))["version"] == 3
    assert_failure(client.post("/api/queries", body, format="json"), 422, "QUERY_NAME_TAKEN")
