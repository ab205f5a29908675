"""Trusted reads: pages, filters with bound values, counts."""

from pathlib import Path

import pytest

from datalinx.engine.query.rows import Where, count_rows, read_rows
from datalinx.engine.query.tables import TableFiles, quote_name, quote_text
from datalinx.errors import Invalid


@pytest.fixture
def orders(tables: dict[str, TableFiles]) -> TableFiles:
    return tables["orders"]


def test_read_rows__first_page__values_as_in_queries(orders: TableFiles) -> None:
    page = read_rows(orders, limit=1)

    assert page.columns[0] == {"name": "order_id", "type": "BIGINT"}
    assert page.rows == [[0, "c0", "0.00", "2026-01-01T00:00:00Z"]]
    assert (page.row_count, page.truncated) == (1, True)


def test_read_rows__all_pages__every_row_once(orders: TableFiles) -> None:
    seen = [
        row[0]
        for offset in range(0, 1200, 100)
        for row in read_rows(orders, columns=["order_id"], offset=offset, limit=100).rows
    ]
    assert sorted(seen) == list(range(1001))


def test_read_rows__order_and_columns__as_asked(orders: TableFiles) -> None:
    page = read_rows(orders, columns=["amount", "order_id"], order_by=["-amount", "order_id"], limit=2)
    assert page.rows == [["49.00", 49], ["49.00", 99]]


FILTERS = [
    ([Where("order_id", "eq", 5)], 1),
    ([Where("order_id", "ne", 5)], 1000),
    ([Where("amount", "gte", "49")], 20),
    ([Where("amount", "lt", 1), Where("order_id", "lte", 100)], 3),
    ([Where("customer_id", "in", ["c1", "c2"])], 20),
    ([Where("customer_id", "in", [])], 0),
    ([Where("customer_id", "contains", "C99")], 10),
    ([Where("customer_id", "eq", "' OR true --")], 0),
    ([Where("ordered_at", "gt", "2026-05-31T00:00:00Z")], 1),
    ([Where("amount", "is_null")], 0),
    ([Where("amount", "not_null")], 1001),
]


@pytest.mark.parametrize(("where", "count"), FILTERS)
def test_count_rows__conditions__all_must_hold(orders: TableFiles, where: list[Where], count: int) -> None:
    assert count_rows(orders, where=where) == count
    assert read_rows(orders, where=where, limit=2000).row_count == count


def test_read_rows__unknown_column__named_with_the_nearest(orders: TableFiles) -> None:
    for given in ({"columns": ["amout"]}, {"order_by": ["-amout"]}, {"where": [Where("amout", "eq", 1)]}):
        with pytest.raises(Invalid, match="Did you mean `amount`") as caught:
            read_rows(orders, **given)  # type: ignore[arg-type]  # one keyword at a time
        assert caught.value.code == "UNKNOWN_COLUMN"


def test_read_rows__value_of_another_type__refused(orders: TableFiles) -> None:
    with pytest.raises(Invalid) as caught:
        read_rows(orders, where=[Where("order_id", "eq", "many")])
    assert caught.value.code == "INVALID_VALUE"


def test_read_rows__no_files__no_rows(tables: dict[str, TableFiles]) -> None:
    page = read_rows(tables["customers"])
    assert (page.rows, page.truncated) == ([], False)
    assert count_rows(tables["customers"]) == 0


def test_read_rows__odd_names__mean_exactly_themselves(tmp_path: Path) -> None:
    import duckdb

    odd = """a "b" 'c'; --"""
    path = tmp_path / "it's.parquet"
    duckdb.execute(f"COPY (SELECT 1 AS {quote_name(odd)}) TO {quote_text(str(path))} (FORMAT parquet)")
    table = TableFiles([(odd, "INTEGER")], [path])
    assert read_rows(table, order_by=[odd]).rows == [[1]]


@pytest.mark.parametrize("kind", ["INTEGER; DROP", "INTEGER)", "", "1", "DECIMAL(a,b)"])
def test_table_files__type_that_is_not_one__refused(kind: str) -> None:
    with pytest.raises(Invalid):
        TableFiles([("a", kind)])
