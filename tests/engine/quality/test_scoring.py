"""Scores of a small table whose every flaw is known, dimension by dimension."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from datalinx.engine.quality import LastRun, QualityOptions, TableScore, grade_of, score_table
from datalinx.engine.quality.model import share
from datalinx.engine.query.tables import TableFiles
from datalinx.engine.spec.base import parse_document
from datalinx.engine.spec.schema import TargetTable
from datalinx.engine.types.registry import TypeRegistry
from datalinx.errors import Invalid

NOW = datetime(2026, 3, 31, 12, 0, tzinfo=UTC)
TYPES = TypeRegistry()

CUSTOMERS = parse_document(
    TargetTable,
    {
        "name": "customers",
        "primary_key": ["customer_id"],
        "columns": [
            {"name": "customer_id", "type": "string", "nullable": False},
            {"name": "email", "type": "email", "tests": [{"test": "unique"}]},
            {"name": "city", "type": "string"},
            {"name": "score", "type": "integer", "tests": [{"test": "range", "min": 0, "max": 100}]},
            {"name": "tier", "type": "string", "tests": [
                {"test": "accepted_values", "values": ["gold", "silver"]}, {"test": "regex", "pattern": "^[a-z]+$"}]},
            {"name": "seen_at", "type": "timestamp"},
            {"name": "household_id", "type": "bigint"},
        ],
        "relationships": [
            {"name": "household", "columns": ["household_id"],
             "references": {"table": "households", "columns": ["household_id"]}},
        ],
    },
)  # fmt: skip
COLUMNS = [
    ("customer_id", "VARCHAR"),
    ("email", "VARCHAR"),
    ("city", "VARCHAR"),
    ("score", "INTEGER"),
    ("tier", "VARCHAR"),
    ("seen_at", "TIMESTAMP WITH TIME ZONE"),
    ("household_id", "BIGINT"),
]
ROWS: list[tuple[Any, ...]] = [
    ("c1", "a@example.org", "Paris", 10, "gold", "2026-03-31T00:00:00Z", 1),
    ("c2", "B@Example.org", " Paris", 101, "silver", "2026-03-30T12:00:00Z", 2),
    ("c3", "not an address", "New  York", None, "Bronze", "2030-01-01T00:00:00Z", 3),
    ("c4", "a@example.org", "  ", 0, None, None, None),
]


def write(path: Path, columns: list[tuple[str, str]], rows: list[tuple[Any, ...]]) -> TableFiles:
    connection = duckdb.connect()
    declared = ", ".join(f'"{name}" {kind}' for name, kind in columns)
    connection.execute(f"CREATE TABLE t ({declared})")
    if rows:
        connection.executemany(f"INSERT INTO t VALUES ({', '.join('?' for _ in columns)})", rows)
    connection.execute(f"COPY t TO '{path}' (FORMAT parquet)")
    connection.close()
    return TableFiles(columns, [path])


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, TableFiles]:
    folder = tmp_path_factory.mktemp("quality")
    return {
        "customers": write(folder / "customers.parquet", COLUMNS, ROWS),
        "households": write(folder / "households.parquet", [("household_id", "BIGINT")], [(1,), (2,)]),
    }


def scored(stored: Mapping[str, TableFiles], table: TargetTable = CUSTOMERS, **given: Any) -> TableScore:
    files = given.pop("files", stored.get(table.name, TableFiles(COLUMNS)))
    related = given.pop("related", stored)
    return score_table(table, files, related=related, types=TYPES, now=NOW, options=QualityOptions(**given))


def test_completeness__blank_and_null__are_not_filled(stored: Mapping[str, TableFiles]) -> None:
    found = scored(stored).dimensions["completeness"]
    # 28 cells; empty are one city, one score, one tier, one moment, one household.
    assert (found.passed, found.checked, found.score) == (23, 28, 82.14)


def test_uniqueness__key_and_unique_tests__distinct_of_all(stored: Mapping[str, TableFiles]) -> None:
    found = scored(stored).dimensions["uniqueness"]
    # 4 keys of 4, 3 addresses of 4.
    assert (found.passed, found.checked, found.score) == (7, 8, 87.5)


def test_consistency__texts_in_normal_form__by_type(stored: Mapping[str, TableFiles]) -> None:
    result = scored(stored)
    by_column = {column.name: column.dimensions["consistency"] for column in result.columns}
    # Two of four addresses are in lower case and valid; of four cities one is written plainly.
    assert by_column["email"] == 50.0
    assert by_column["city"] == 25.0
    assert by_column["tier"] == 100.0
    assert by_column["score"] is None


def test_accuracy__declared_facts__range_and_accepted_values(stored: Mapping[str, TableFiles]) -> None:
    found = scored(stored).dimensions["accuracy"]
    # Scores: 10 and 0 of three; tiers: gold and silver of three.
    assert (found.passed, found.checked) == (4, 6)


def test_validity__checks_and_patterns__and_what_was_rejected(stored: Mapping[str, TableFiles]) -> None:
    # Three of four addresses are valid, two of three tiers match the pattern.
    assert scored(stored).dimensions["validity"].score == share(5, 7)

    found = scored(stored, last_run=LastRun(read=10, rejected=1)).dimensions["validity"]
    assert found.score == pytest.approx(0.9 * 71.43, abs=0.01)
    assert found.note == "1 of 10 rows of the last run were rejected."


@pytest.mark.parametrize(("allowed", "score"), [(12, 100.0), (24, 100.0), (6, 50.0), (3, 25.0)])
def test_timeliness__newest_moment_up_to_now__against_the_allowed_age(
    stored: Mapping[str, TableFiles], allowed: float, score: float
) -> None:
    found = scored(stored, timestamp_column="seen_at", fresh_within_hours=allowed).dimensions["timeliness"]
    assert found.score == score
    assert found.checked == 12.0


def test_timeliness__without_what_it_takes__not_measured(stored: Mapping[str, TableFiles]) -> None:
    for given in ({}, {"timestamp_column": "seen_at"}, {"fresh_within_hours": 5.0},
                  {"timestamp_column": "city", "fresh_within_hours": 5.0}):  # fmt: skip
        found = scored(stored, **given).dimensions["timeliness"]
        assert found.score is None
        assert found.note


def test_relevance__used_columns__share_of_all(stored: Mapping[str, TableFiles]) -> None:
    assert scored(stored).dimensions["relevance"].score is None
    found = scored(stored, used_columns={"email", "customer_id", "elsewhere"}).dimensions["relevance"]
    assert (found.passed, found.checked) == (2, 7)


def test_integrity__references__found_of_those_given(stored: Mapping[str, TableFiles]) -> None:
    found = scored(stored).dimensions["integrity"]
    assert (found.passed, found.checked, found.score) == (2, 3, 66.67)


def test_integrity__other_table_not_stored__not_measured(stored: Mapping[str, TableFiles]) -> None:
    found = scored(stored, related={}).dimensions["integrity"]
    assert found.score is None
    assert "not stored" in found.note


def test_integrity__types_differ__compared_by_value(stored: Mapping[str, TableFiles], tmp_path: Path) -> None:
    other = {"households": write(tmp_path / "h.parquet", [("household_id", "VARCHAR")], [("1",), ("3",)])}
    assert scored(stored, related=other).dimensions["integrity"].passed == 2


def test_score__overall__mean_of_what_counts_and_was_measured(stored: Mapping[str, TableFiles]) -> None:
    result = scored(stored, dimensions=["completeness", "uniqueness", "timeliness"])
    assert set(result.dimensions) == {"completeness", "uniqueness", "timeliness"}
    assert result.score == pytest.approx((82.14 + 87.5) / 2, abs=0.01)
    assert result.grade == "C"
    assert result.rows == 4


def test_score__columns__worst_first_for_attention(stored: Mapping[str, TableFiles]) -> None:
    result = scored(stored)
    scores = {column.name: column.score for column in result.columns}
    worst = sorted((name for name in scores if scores[name] != 100.0), key=lambda name: scores[name] or 0)
    assert result.attention(3) == worst[:3]
    assert scores["customer_id"] == 100.0
    assert result.as_dict()["attention"] == result.attention()


def test_score__no_rows__nothing_is_invented() -> None:
    result = scored({}, used_columns={"email"}, last_run=LastRun(10, 10), related={})
    assert (result.rows, result.score, result.grade) == (0, None, None)
    assert {found.score for found in result.dimensions.values()} == {None}
    assert all(found.note for found in result.dimensions.values())


def test_score__column_not_stored__is_empty(stored: Mapping[str, TableFiles], tmp_path: Path) -> None:
    files = write(tmp_path / "old.parquet", COLUMNS[:1], [("c1",), ("c2",)])
    result = scored(stored, files=files)
    assert result.dimensions["completeness"].score == share(2, 14)
    assert {column.name: column.dimensions["completeness"] for column in result.columns}["email"] == 0.0


def test_score__composite_key_with_gaps__counts_whole_keys(tmp_path: Path) -> None:
    table = parse_document(
        TargetTable,
        {"name": "t", "primary_key": ["a", "b"],
         "columns": [{"name": "a", "type": "integer"}, {"name": "b", "type": "string"}]},
    )  # fmt: skip
    rows = [(1, "x"), (1, "x"), (1, "y"), (None, "x"), (2, None)]
    files = write(tmp_path / "t.parquet", [("a", "INTEGER"), ("b", "VARCHAR")], rows)
    found = scored({}, table, files=files).dimensions["uniqueness"]
    assert (found.passed, found.checked) == (2, 3)


def test_score__tests_that_cannot_be_asked__are_not_measured(tmp_path: Path) -> None:
    table = parse_document(
        TargetTable,
        {"name": "t", "columns": [
            {"name": "a", "type": "integer", "tests": [
                {"test": "range", "min": "low"}, {"test": "regex", "pattern": "1"}]},
            {"name": "b", "type": "string", "tests": [{"test": "regex", "pattern": "(unclosed"}]}]},
    )  # fmt: skip
    files = write(tmp_path / "t.parquet", [("a", "INTEGER"), ("b", "VARCHAR")], [(1, "x")])
    result = scored({}, table, files=files)
    assert result.dimensions["accuracy"].score is None
    assert result.dimensions["validity"].score is None


def test_score__relationship_test__counts_as_a_reference(tmp_path: Path) -> None:
    table = parse_document(
        TargetTable,
        {"name": "t", "columns": [{"name": "a", "type": "integer", "tests": [
            {"test": "relationship", "table": "t", "column": "b"}]}, {"name": "b", "type": "integer"}]},
    )  # fmt: skip
    files = write(tmp_path / "t.parquet", [("a", "INTEGER"), ("b", "INTEGER")], [(1, 1), (2, 1), (None, 3)])
    found = scored({"t": files}, table).dimensions["integrity"]
    assert (found.passed, found.checked) == (1, 2)


def test_score__every_base_and_semantic_type__can_be_scored(tmp_path: Path) -> None:
    names = TYPES.names()
    table = parse_document(
        TargetTable,
        {"name": "t", "primary_key": ["string"], "columns": [{"name": name, "type": name} for name in names]},
    )
    columns = [(name, TYPES.resolve(name).duckdb) for name in names]
    row = tuple(_example(TYPES.resolve(name).base, name) for name in names)
    result = scored({}, table, files=write(tmp_path / "t.parquet", columns, [row]))
    assert result.rows == 1
    assert result.dimensions["completeness"].score is not None
    assert result.dimensions["validity"].checked == len(TYPES.semantic_types())


def _example(base: str, name: str) -> Any:
    semantic = TYPES.semantic(name)
    if semantic is not None:
        return semantic.examples[0] if base in {"string", "text"} or base != "binary" else None
    return {"json": "{}", "binary": b"x", "uuid": "3f2504e0-4f89-11d3-9a0c-0305e82c3301", "boolean": True,
            "date": "2026-01-01", "datetime": "2026-01-01T00:00:00", "timestamp": "2026-01-01T00:00:00Z",
            "time": "10:00:00"}.get(base, "1")  # fmt: skip


def test_score__over_its_memory__says_too_large(tmp_path: Path) -> None:
    path = tmp_path / "big.parquet"
    duckdb.execute(f"COPY (SELECT 'key' || i AS a FROM range(3000000) t(i)) TO '{path}' (FORMAT parquet)")
    table = parse_document(
        TargetTable, {"name": "t", "primary_key": ["a"], "columns": [{"name": "a", "type": "string"}]}
    )
    with pytest.raises(Invalid) as caught:
        score_table(
            table, TableFiles([("a", "VARCHAR")], [path]), related={}, types=TYPES, now=NOW,
            memory_bytes=40 * 1024**2,
        )  # fmt: skip
    assert caught.value.code == "QUERY_TOO_LARGE"


@pytest.mark.parametrize(
    ("score", "grade"),
    [
        (100, "A"),
        (95, "A"),
        (94.99, "B"),
        (85, "B"),
        (70, "C"),
        (50, "D"),
        (49.9, "F"),
        (0, "F"),
        (None, None),
    ],
)
def test_grade__thresholds__first_one_reached(score: float | None, grade: str | None) -> None:
    assert grade_of(score) == grade


def test_grade__own_thresholds__are_used() -> None:
    assert grade_of(60, [(60, "A"), (30, "B")]) == "A"
    assert grade_of(10, [(60, "A"), (30, "B")]) == "F"


def test_share__nearly_all__is_not_all() -> None:
    assert share(10**9 - 1, 10**9) == 99.99
    assert share(10**9, 10**9) == 100.0
    assert share(0, 0) is None
