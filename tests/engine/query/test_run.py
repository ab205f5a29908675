"""What a user's query answers: rows, types, limits, parameters, errors that say where."""

import base64
import csv
import io
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from datalinx.engine.query.client import QueryServer
from datalinx.engine.query.run import check_query
from datalinx.engine.query.tables import TableFiles
from datalinx.errors import Invalid, Unavailable
from tests.engine.query.conftest import Ask

READABLE = [
    ("SELECT 1", [[1]]),
    ("SELECT count(*) FROM orders", [[1001]]),
    ("SELECT ';' ; ; -- and; that was all;", [[";"]]),
    ("/* first */ SELECT 1 /* last; */", [[1]]),
    ("FROM orders SELECT max(order_id)", [[1000]]),
    ("SELECT sum(amount) FROM orders", [["24505.00"]]),
    ("select order_id from ORDERS where ORDER_ID < 2 order by 1 desc;", [[1], [0]]),
    ("SELECT order_id FROM orders ORDER BY order_id -- last\n", [[0], [1], [2]]),
    ("WITH a AS (SELECT order_id AS i FROM orders LIMIT 2) SELECT sum(i) FROM a", [[1]]),
    ("WITH RECURSIVE r AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM r WHERE i < 3) SELECT * FROM r", [[1], [2], [3]]),
    ("SELECT * FROM range(3)", [[0], [1], [2]]),
    ("SELECT * FROM generate_series(DATE '2026-01-01', DATE '2026-01-02', INTERVAL 1 DAY)",
     [["2026-01-01T00:00:00"], ["2026-01-02T00:00:00"]]),
    ("SELECT u FROM unnest([3, 4]) AS t(u)", [[3], [4]]),
    ("SELECT unnest([customer_id, 'x']) FROM orders WHERE order_id = 0", [["c0"], ["x"]]),
    ("SELECT list_transform([1, 2], lambda x: x + 1)", [[[2, 3]]]),
    ("SELECT [x * 2 for x in [1, 2] if x > 1]", [[[4]]]),
    ("SELECT * EXCLUDE (amount, ordered_at) FROM orders WHERE order_id = 1000", [[1000, "c0"]]),
    ("SELECT customer_id, row_number() OVER (ORDER BY order_id) AS n FROM orders QUALIFY n = 3", [["c2", 3]]),
    ("SELECT count(*) FILTER (WHERE amount > 48) FROM orders GROUP BY ALL", [[20]]),
    ("SELECT date_trunc('month', ordered_at) AS m, count(*) FROM orders WHERE order_id = 1000 GROUP BY m",
     [["2026-06-01T00:00:00Z", 1]]),
    ("SELECT (SELECT max(order_id) FROM orders), EXISTS (FROM customers)", [[1000, False]]),
    ("SELECT CASE WHEN 'abc' LIKE 'a%' AND 'b' SIMILAR TO '[a-c]' AND 'x' IN ('x') THEN 1 END", [[1]]),
    ("SELECT {'a': 1}.a, MAP {'k': 2}['k'], [1, 2, 3][1:2]", [[1, 2, [1, 2]]]),
    ("SELECT o.customer_id FROM orders o ASOF JOIN orders p ON o.ordered_at >= p.ordered_at WHERE o.order_id = 5",
     [["c5"]]),
    ("SELECT x FROM (VALUES (1), (2)) AS t(x) EXCEPT SELECT 1", [[2]]),
    ("SELECT json_extract_string('{\"a\": \"b\"}', '$.a'), CAST('{\"a\":1}' AS JSON)->>'a'", [["b", "1"]]),
    ("SELECT grouping(customer_id), count(*) FROM orders WHERE order_id < 1 GROUP BY ROLLUP (customer_id) ORDER BY 1",
     [[0, 1], [1, 1]]),
    ("SELECT extract(year FROM DATE '2026-02-03'), strftime(DATE '2026-02-03', '%d'), current_date > DATE '2020-01-01'",
     [[2026, "03", True]]),
    ("SELECT a.customer_id FROM orders a SEMI JOIN orders b USING (order_id) WHERE a.order_id = 7", [["c7"]]),
    ("SELECT quantile_cont(order_id, 0.5), arg_max(customer_id, order_id) FROM orders", [[500.0, "c0"]]),
]  # fmt: skip


@pytest.mark.parametrize(("sql", "rows"), READABLE, ids=[sql[:50] for sql, _ in READABLE])
def test_query__harmless_select__answers(ask: Ask, sql: str, rows: list[list[object]]) -> None:
    result = ask(sql, limit=3 if "-- last" in sql else 100)
    assert result.rows == rows


def test_query__workspace_without_tables__answers_select_1(ask: Ask) -> None:
    result = ask("SELECT 1", tables={})

    assert result.rows == [[1]]
    assert result.row_count == 1
    assert result.truncated is False
    assert result.columns == [{"name": "1", "type": "INTEGER"}]


def test_query__table_without_files__has_its_columns_and_no_rows(ask: Ask) -> None:
    result = ask("SELECT * FROM customers")

    assert result.columns == [
        {"name": "customer_id", "type": "VARCHAR"},
        {"name": "joined_on", "type": "DATE"},
        {"name": "score", "type": "DOUBLE"},
    ]
    assert result.rows == []


def test_query__column_that_files_do_not_have__is_null(ask: Ask, tables: dict[str, TableFiles]) -> None:
    wider = TableFiles([*tables["orders"].columns, ("channel", "VARCHAR")], tables["orders"].files)

    result = ask("SELECT count(*), count(channel) FROM orders", tables={"orders": wider})

    assert result.rows == [[1001, 0]]


def test_query__more_rows_than_the_limit__truncated_in_order(ask: Ask) -> None:
    cut = ask("SELECT order_id FROM orders ORDER BY order_id DESC", limit=3)
    whole = ask("SELECT order_id FROM orders ORDER BY order_id DESC", limit=1001)

    assert (cut.rows, cut.row_count, cut.truncated) == ([[1000], [999], [998]], 3, True)
    assert (whole.row_count, whole.truncated) == (1001, False)


def test_query__limit_of_zero__only_columns(ask: Ask) -> None:
    result = ask("SELECT order_id FROM orders", limit=0)
    assert (result.rows, result.truncated) == ([], True)


def test_query__repeated_and_empty_names__kept_as_written(ask: Ask) -> None:
    result = ask('SELECT 1 AS a, 2 AS a, 3 AS "odd ""name"""')
    assert [column["name"] for column in result.columns] == ["a", "a", 'odd "name"']
    assert result.rows == [[1, 2, 3]]


PARAMETERS = [
    ("SELECT $x", 5, 5),
    ("SELECT $x", "O'Brien; DROP TABLE x --", "O'Brien; DROP TABLE x --"),
    ("SELECT $x IS NULL", None, True),
    ("SELECT count(*) FROM orders WHERE ordered_at >= $x", datetime(2026, 6, 1, tzinfo=UTC), 1),
    ("SELECT count(*) FROM orders WHERE ordered_at >= $x", {"type": "timestamp", "value": "2026-06-01T00:00:00Z"}, 1),
    ("SELECT count(*) FROM orders WHERE ordered_at::DATE = $x", date(2026, 6, 1), 1),
    ("SELECT count(*) FROM orders WHERE amount = $x", Decimal("49.00"), 20),
    ("SELECT count(*) FROM orders WHERE order_id IN $x", [1, 2, 5000], 2),
    ("SELECT count(*) FROM orders WHERE list_contains($x, customer_id)", {"type": "string", "value": ["c1"]}, 10),
    ("SELECT $x + INTERVAL 1 DAY", {"type": "datetime", "value": "2026-01-31T10:00:00"}, "2026-02-01T10:00:00"),
    ("SELECT $x", {"type": "uuid", "value": "3F2504E0-4F89-11D3-9A0C-0305E82C3301"},
     "3f2504e0-4f89-11d3-9a0c-0305e82c3301"),
    ("SELECT $x", b"\xff\x00", base64.b64encode(b"\xff\x00").decode()),
    ("SELECT $x", {"type": "boolean", "value": "false"}, False),
    ("SELECT $x", {"type": "time", "value": "23:59:59.5"}, "23:59:59.5"),
    ("SELECT $x", {"type": "bigint", "value": "9223372036854775807"}, "9223372036854775807"),
]  # fmt: skip


@pytest.mark.parametrize(("sql", "value", "answer"), PARAMETERS)
def test_query__parameter__bound_by_name_with_its_type(
    ask: Ask, sql: str, value: object, answer: object
) -> None:
    assert ask(sql, parameters={"x": value}).rows == [[answer]]


def test_query__wrong_parameters__each_named(ask: Ask) -> None:
    given = {"extra": 1, "day": {"type": "date", "value": "31/01/2026"}, "odd": {"type": "money", "value": 1}}

    with pytest.raises(Invalid) as caught:
        ask("SELECT $missing, $day, $odd", parameters=given)

    assert caught.value.code == "INVALID_PARAMETERS"
    assert {(error.field, error.code) for error in caught.value.errors} == {
        ("parameters.missing", "required"),
        ("parameters.extra", "unknown_parameter"),
        ("parameters.day", "invalid_value"),
        ("parameters.odd", "invalid_value"),
    }
    assert "`31/01/2026` is not a date" in str([error.message for error in caught.value.errors])


ERRORS = [
    ("SELECT nam FROM orders", "SQL_INVALID", (1, 8), 'Referenced column "nam" not found'),
    ("SELECT\n  order_id,\n  nox\nFROM orders", "SQL_INVALID", (3, 3), "nox"),
    ("SELECT 'é', nam FROM orders", "SQL_INVALID", (1, 13), "nam"),
    ("SELECT * FORM orders", "SQL_INVALID", (1, 15), "syntax error"),
    ("SELECT * FROM orders WHERE", "SQL_INVALID", None, "syntax error"),
    ("SELECT CAST(customer_id AS INTEGER) FROM orders", "SQL_INVALID", None, "Could not convert string 'c"),
    ("SELECT 9223372036854775807 + 1", "SQL_INVALID", None, "Overflow"),
    ("SELECT sum(order_id) FROM orders WHERE sum(order_id) > 1", "SQL_INVALID", (1, 40), "aggregates"),
    ("SELECT * FROM order", "SQL_INVALID", None, "syntax error"),
    ("SELECT * FROM ordes", "UNKNOWN_TABLE", (1, 15), "Did you mean `orders`?"),
    (
        "SELECT *\nFROM orders o JOIN zebra z USING (order_id)",
        "UNKNOWN_TABLE",
        (2, 20),
        "`customers`, `orders`",
    ),
    ("SELECT * FROM main.orders", "SQL_NOT_ALLOWED", (1, 20), "without a schema"),
    ("SELECT lenght('a')", "SQL_NOT_ALLOWED", None, "Did you mean `length`?"),
    ("COPY orders TO 'x'", "SQL_NOT_ALLOWED", None, "COPY"),
]


@pytest.mark.parametrize(("sql", "code", "place", "words"), ERRORS, ids=[sql[:40] for sql, *_ in ERRORS])
def test_query__fault__named_with_its_place(
    ask: Ask, sql: str, code: str, place: tuple[int, int] | None, words: str
) -> None:
    with pytest.raises(Invalid) as caught:
        ask(sql)

    assert caught.value.code == code
    assert words in caught.value.message
    if place is not None:
        assert (caught.value.details["line"], caught.value.details["column"]) == place
    assert "lake" not in caught.value.message
    assert "parquet" not in caught.value.message


def test_query__table_error_in_empty_workspace__says_that_there_are_none(ask: Ask) -> None:
    with pytest.raises(Invalid, match="no tables yet"):
        ask("SELECT * FROM orders", tables={})


def test_query__damaged_file__its_path_is_not_told(ask: Ask, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.parquet"
    damaged.write_bytes(b"PAR1 not really PAR1")

    with pytest.raises(Invalid) as caught:
        ask("SELECT * FROM t", tables={"t": TableFiles([("a", "INTEGER")], [damaged])})

    assert str(tmp_path) not in str(caught.value)
    assert "<t>" in caught.value.message


def test_query__file_gone__asks_to_ask_again(ask: Ask, tmp_path: Path) -> None:
    gone = {"t": TableFiles([("a", "INTEGER")], [tmp_path / "gone.parquet"])}

    with pytest.raises(Unavailable) as caught:
        ask("SELECT * FROM t", tables=gone)

    assert caught.value.code == "TABLE_FILES_MISSING"
    assert caught.value.transient


def test_csv_answer__formulas_and_nulls__safe_and_readable_again(ask: Ask) -> None:
    sql = """SELECT * FROM (VALUES
        (1, '=1+1', -1.50::DECIMAL(9,2), true, '', DATE '2026-01-31'),
        (2, 'a "b", c', -2.00, NULL, NULL, NULL),
        (3, '@x', NULL, false, E'two\\nlines', NULL)) AS t(id, "=name", amount, yes, note, day)"""

    result = ask(sql, answer="csv")

    assert result.rows == []
    assert result.body.decode() == (
        "id,'=name,amount,yes,note,day\r\n"
        '1,\'=1+1,-1.50,true,"",2026-01-31\r\n'
        '2,"a ""b"", c",-2.00,,,\r\n'
        '3,\'@x,,false,"two\nlines",\r\n'
    )
    assert len(list(csv.reader(io.StringIO(result.body.decode(), newline="")))) == 4


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_csv_answer__text_that_a_spreadsheet_would_run__gets_an_apostrophe(ask: Ask, start: str) -> None:
    result = ask("SELECT $x AS x", parameters={"x": f"{start}cmd"}, answer="csv")
    [_, record] = list(csv.reader(io.StringIO(result.body.decode(), newline="")))
    assert record == [f"'{start}cmd"]


def test_arrow_answer__limit__rows_and_types_kept(ask: Ask) -> None:
    result = ask("SELECT order_id, amount, ordered_at FROM orders ORDER BY order_id", answer="arrow", limit=5)

    table = pa.ipc.open_stream(result.body).read_all()
    assert table.num_rows == result.row_count == 5
    assert result.truncated
    assert table.schema.types == [pa.int64(), pa.decimal128(10, 2), pa.timestamp("us", "UTC")]
    assert table.column("order_id").to_pylist() == [0, 1, 2, 3, 4]


def test_check_query__valid__columns_without_running(
    tables: dict[str, TableFiles], server: QueryServer
) -> None:
    columns = check_query(
        "SELECT customer_id, error FROM (SELECT customer_id, 1 / 0 AS error FROM orders)",
        tables=tables,
        server=server,
    )
    assert [column["name"] for column in columns] == ["customer_id", "error"]


def test_check_query__forbidden__refused_as_when_run(
    tables: dict[str, TableFiles], server: QueryServer
) -> None:
    with pytest.raises(Invalid) as caught:
        check_query("SELECT * FROM read_text('/etc/passwd')", tables=tables, server=server)
    assert caught.value.code == "SQL_NOT_ALLOWED"


def test_query__answers_equal_plain_duckdb(ask: Ask, folder: Path) -> None:
    sql = "SELECT customer_id, count(*) AS n, sum(order_id) AS s FROM orders GROUP BY 1 ORDER BY 1"
    connection = duckdb.connect()
    connection.execute(f"CREATE VIEW orders AS FROM '{folder}/lake/orders-*.parquet'")
    assert ask(sql).rows == [list(row) for row in connection.execute(sql).fetchall()]
