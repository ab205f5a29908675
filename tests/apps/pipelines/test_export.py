"""A stored table as a file over the API: all of it, as of any version, for those who may ask questions."""

import csv
import io
import json
from typing import Any

import duckdb
import pytest

from apps.pipelines.models import StoredTable
from datalinx.files import storage
from tests.journey import CONTACTS, lay_out, run, upload
from tests.resources import assert_failure, assert_success
from tests.world import World

URL = "/api/tables/customers"


@pytest.fixture
def stored(world: World) -> World:
    pipeline = lay_out(world)
    run(world, pipeline)
    source = assert_success(world.ed.client().get("/api/sources"))[0]["id"]
    upload(world, source, CONTACTS.replace(b"10.50", b"11.50"))
    run(world, pipeline)
    return world


def export(world: World, **query: Any) -> Any:
    return world.vera.client().get(f"{URL}/export", query)


def body(response: Any) -> bytes:
    assert response.status_code == 200
    return b"".join(response.streaming_content)


def test_export__without_a_format__is_a_csv_outside_the_envelope(stored: World) -> None:
    response = export(stored)
    rows = list(csv.reader(io.StringIO(body(response).decode(), newline="")))
    assert rows[0] == ["customer_id", "email", "spent", "joined_on"]
    assert sorted(rows[1:]) == [
        ["1", "ann@example.org", "11.50", "2024-01-31"],
        ["2", "bob@example.org", "7.00", "2024-02-01"],
    ]
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    expected = "attachment; filename=\"customers.csv\"; filename*=UTF-8''customers.csv"
    assert response["Content-Disposition"] == expected


def test_export__as_of_a_version__is_the_table_as_it_was(stored: World) -> None:
    rows = [json.loads(line) for line in body(export(stored, format="jsonl", as_of="1")).splitlines()]
    assert {row["customer_id"]: row["spent"] for row in rows} == {1: "10.50", 2: "7.00"}


def test_export__as_parquet__opens_in_duckdb(stored: World, tmp_path: Any) -> None:
    path = tmp_path / "customers.parquet"
    path.write_bytes(body(export(stored, format="parquet")))
    with duckdb.connect() as connection:
        rows = connection.execute(f"SELECT customer_id, spent FROM '{path}' ORDER BY 1").fetchall()
    assert [(number, str(spent)) for number, spent in rows] == [(1, "11.50"), (2, "7.00")]


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"format": "xml"}, 422, "VALIDATION_ERROR"),
        ({"as_of": "yesterday"}, 422, "VALIDATION_ERROR"),
        ({"as_of": "9"}, 404, "SNAPSHOT_NOT_FOUND"),
        ({"limit": "9"}, 422, "UNKNOWN_PARAMETER"),
    ],
)
def test_export__that_cannot_be__is_refused_in_the_envelope(
    stored: World, query: dict[str, str], status: int, code: str
) -> None:
    assert_failure(export(stored, **query), status, code)


def test_export__of_files_that_are_gone__is_an_answer_and_no_broken_file(stored: World) -> None:
    table = StoredTable.objects.get()
    for file in list(storage().list(f"{stored.organization.pk}/{stored.workspace.pk}/lake/{table.pk}/data")):
        storage().delete(file.key)
    assert_failure(export(stored), 404, "FILE_NOT_FOUND")


def test_export__by_a_stranger_or_nobody__is_refused(stored: World) -> None:
    assert_failure(stored.eve.client().get(f"{URL}/export"), 404, "TABLE_NOT_FOUND")
    assert_failure(stored.nobody().get(f"{URL}/export"), 401, "AUTHENTICATION_REQUIRED")


def test_table__shown__names_its_present_metadata(stored: World) -> None:
    shown = assert_success(stored.vera.client().get(URL))
    table = StoredTable.objects.get()
    place = f"{stored.organization.pk}/{stored.workspace.pk}/lake/{table.pk}"
    assert shown["metadata_location"] == storage().uri(f"{place}/{table.metadata_key}")
