"""Statements that try to get out, each refused before it runs or stopped by a limit, and nothing leaks."""

import time
from pathlib import Path

import pytest

from datalinx.engine.query.tables import TableFiles
from datalinx.errors import Invalid
from tests.engine.query.conftest import CANARY, Ask

REFUSED = [
    # Files
    "SELECT * FROM read_csv('{other}/secret.csv')",
    "SELECT * FROM read_csv_auto('{other}/secret.csv')",
    "SELECT * FROM read_parquet('{other}/secret.parquet')",
    "SELECT * FROM read_parquet('{lake}/orders-1.parquet')",
    "SELECT * FROM parquet_scan(['{lake}/orders-1.parquet'])",
    "SELECT * FROM parquet_metadata('{lake}/orders-1.parquet')",
    "SELECT * FROM parquet_schema('{lake}/*.parquet')",
    "SELECT * FROM parquet_kv_metadata('{lake}/orders-1.parquet')",
    "SELECT * FROM read_text('{lake}/secret.txt')",
    "SELECT * FROM read_blob('/etc/passwd')",
    "SELECT content FROM read_blob('{lake}/orders-1.parquet')",
    "SELECT * FROM read_json('{other}/secret.csv')",
    "SELECT * FROM read_json_objects('/etc/passwd')",
    "SELECT * FROM read_ndjson('/etc/passwd')",
    "SELECT * FROM read_duckdb('/etc/passwd')",
    "SELECT * FROM glob('/**')",
    "SELECT * FROM sniff_csv('{other}/secret.csv')",
    "SELECT * FROM '{other}/secret.csv'",
    "SELECT * FROM '{other}/secret.parquet'",
    'SELECT * FROM "{other}/secret.csv"',
    "FROM '/etc/passwd'",
    "SELECT * FROM 'file:///etc/passwd'",
    "SELECT * FROM orders, LATERAL (SELECT * FROM read_text('/etc/passwd'))",
    "SELECT (SELECT content FROM read_text('/etc/passwd'))",
    "SELECT * FROM orders WHERE EXISTS (FROM read_csv('/etc/passwd'))",
    "WITH a AS (FROM read_text('/etc/passwd')) FROM a",
    "SELECT * FROM orders UNION ALL SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM main.read_csv('/etc/passwd')",
    # Network
    "SELECT * FROM 'http://127.0.0.1:1/a.parquet'",
    "SELECT * FROM read_parquet('s3://bucket/a.parquet')",
    "SELECT * FROM read_csv('https://example.org/a.csv')",
    "INSTALL httpfs",
    "LOAD httpfs",
    "INSTALL spatial FROM community",
    # Other databases, writing
    "ATTACH '{lake}/new.db' AS x",
    "ATTACH ':memory:' AS x",
    "DETACH memory",
    "USE memory",
    "COPY orders TO '{lake}/stolen.parquet'",
    "COPY (SELECT 1) TO '{lake}/orders-1.parquet' (FORMAT parquet, USE_TMP_FILE false)",
    "COPY orders FROM '{other}/secret.csv'",
    "EXPORT DATABASE '{lake}/export'",
    "IMPORT DATABASE '{lake}/export'",
    "CREATE TABLE x AS SELECT 1",
    "CREATE TEMP VIEW x AS SELECT 1",
    "CREATE MACRO f(a) AS a + 1",
    "CREATE SECRET (TYPE s3, KEY_ID 'a', SECRET 'b')",
    "INSERT INTO orders VALUES (1)",
    "UPDATE orders SET amount = 0",
    "DELETE FROM orders",
    "TRUNCATE orders",
    "MERGE INTO orders USING customers ON true WHEN MATCHED THEN DELETE",
    "DROP VIEW orders",
    "ALTER TABLE orders RENAME TO x",
    "SELECT 1 INTO x",
    "WITH x AS (DELETE FROM orders RETURNING order_id) SELECT * FROM x",
    "WITH x AS (INSERT INTO orders VALUES (1) RETURNING 1) SELECT * FROM x",
    "WITH x AS (UPDATE orders SET amount = 0 RETURNING 1) SELECT * FROM x",
    "VACUUM",
    "CHECKPOINT",
    "BEGIN TRANSACTION",
    "COMMENT ON VIEW orders IS 'x'",
    # Settings and the engine's inside
    "SET memory_limit = '100GB'",
    "SET lock_configuration = false",
    "RESET memory_limit",
    "SET VARIABLE a = 1",
    "PRAGMA version",
    "PRAGMA database_list",
    "PRAGMA enable_profiling",
    "PRAGMA table_info('orders')",
    "SELECT * FROM pragma_table_info('orders')",
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM duckdb_views()",
    "SELECT sql FROM duckdb_tables()",
    "SELECT * FROM duckdb_functions()",
    "SELECT * FROM duckdb_secrets()",
    "SELECT * FROM duckdb_logs()",
    "SELECT * FROM duckdb_databases()",
    "SELECT * FROM information_schema.tables",
    "SELECT * FROM pg_catalog.pg_views",
    "SELECT * FROM sqlite_master",
    "SELECT * FROM memory.main.orders",
    "SELECT current_setting('secret_directory')",
    "SELECT getenv('HOME')",
    "SELECT getvariable('a')",
    "SELECT version()",
    "SELECT pg_get_viewdef(1)",
    "SELECT current_query()",
    "SELECT nextval('s')",
    "SELECT write_log('x')",
    "SELECT sleep_ms(10000)",
    "SELECT pg_sleep(10)",
    "SELECT json_serialize_plan('SELECT 1')",
    "SELECT * FROM enable_logging()",
    "SELECT * FROM test_all_types()",
    "DESCRIBE orders",
    "SUMMARIZE orders",
    "SHOW TABLES",
    "SELECT * FROM (DESCRIBE orders)",
    "SELECT * FROM (SUMMARIZE orders)",
    "EXPLAIN SELECT 1",
    "EXPLAIN ANALYZE SELECT 1",
    "CALL duckdb_settings()",
    # Text that becomes SQL
    "SELECT * FROM query('SELECT * FROM read_text(''/etc/passwd'')')",
    "FROM query_table('orders')",
    "SELECT * FROM json_execute_serialized_sql('{{}}')",
    "PREPARE p AS SELECT 1",
    "EXECUTE p",
    # More than one statement, or none
    "SELECT 1; SELECT 2",
    "SELECT 1; COPY (SELECT 1) TO '{lake}/x.csv'",
    "",
    ";",
    "-- nothing",
    # Series that are tables of their own
    "SELECT count(*) FROM range(1000000000000)",
    "SELECT * FROM range((SELECT max(order_id) FROM orders))",
    "SELECT * FROM generate_series(1, $n)",
    "SELECT * FROM repeat('x', 1000000000)",
    # Other forms
    "PIVOT orders ON customer_id USING sum(amount)",
    "SELECT ?",
    "SELECT * FROM orders AT (VERSION => 1)",
    "SELECT '\x00'",
    "SELECT " + "(" * 3000 + "1" + ")" * 3000,
    "SELECT " + "1 + " * 60_000 + "1",
]  # fmt: skip


@pytest.mark.parametrize("sql", REFUSED, ids=lambda sql: sql[:60])
def test_query__hostile_statement__refused_and_nothing_read_or_written(
    ask: Ask, folder: Path, sql: str
) -> None:
    before = _contents(folder)
    text = sql.format(lake=folder / "lake", other=folder / "other") if "{" in sql else sql

    with pytest.raises(Invalid) as caught:
        ask(text, seconds=3)

    known = caught.value.code in {"SQL_NOT_ALLOWED", "UNKNOWN_TABLE"}
    assert known or (caught.value.code == "SQL_INVALID" and caught.value.details["kind"] == "parser"), (
        caught.value
    )
    said = f"{caught.value.message} {caught.value.details}"
    assert CANARY not in said
    assert "root:" not in said
    assert _contents(folder) == before


EXHAUSTING = [
    "SELECT repeat('a', 2000000000)",
    "SELECT length(repeat(repeat('a', 100000), 100000))",
    "SELECT len(range(500000000))",
    "SELECT list_sort(range(300000000))",
    "SELECT string_agg(repeat('x', 10000), '') FROM orders a, orders b",
    "SELECT array_agg(a.customer_id || b.customer_id || c.customer_id) FROM orders a, orders b, orders c",
    "SELECT DISTINCT a.order_id * 1000000 + b.order_id * 1000 + c.order_id FROM orders a, orders b, orders c",
    "SELECT * FROM orders a, orders b, orders c ORDER BY random()",
    "SELECT lpad('x', 2000000000, 'y')",
    "SELECT to_json(range(100000000))",
    "SELECT printf('%2000000000d', 1)",
    "SELECT bitstring('1', 2000000000)",
    "WITH RECURSIVE r AS (SELECT 'a' AS s UNION ALL SELECT s || s FROM r) SELECT max(length(s)) FROM r",
]

ENDLESS = [
    "SELECT levenshtein(repeat('ab', 100000), repeat('ba', 100000))",
    "SELECT jaro_similarity(repeat('ab', 200000) || customer_id, repeat('ba', 200000)) FROM orders",
    "SELECT count(*) FROM orders a, orders b, orders c, orders d WHERE a.amount + b.amount > c.amount * d.amount",
    "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n > 0) SELECT count(*) FROM r",
    "SELECT sum(list_sum(list_transform(range(a.order_id * b.order_id), lambda x: x * x))) FROM orders a, orders b",
    "SELECT count(*) FROM orders a, orders b WHERE regexp_matches(repeat(a.customer_id, 100000), '(a*)*(c*)*b{500}')",
]


@pytest.mark.parametrize("sql", EXHAUSTING + ENDLESS, ids=lambda sql: sql[:60])
def test_query__without_end__stopped_at_its_limits(ask: Ask, sql: str) -> None:
    started = time.monotonic()

    with pytest.raises(Invalid) as caught:
        ask(sql, seconds=1.5, memory_bytes=128 * 1024**2, limit=10)

    assert caught.value.code in {"QUERY_TIMEOUT", "QUERY_TOO_LARGE", "SQL_INVALID"}, caught.value
    assert time.monotonic() - started < 3.5


@pytest.mark.parametrize("sql", ENDLESS[:1], ids=["levenshtein"])
def test_query__endless__says_timeout_with_its_seconds(ask: Ask, sql: str) -> None:
    with pytest.raises(Invalid) as caught:
        ask(sql, seconds=0.5)

    assert caught.value.code == "QUERY_TIMEOUT"
    assert caught.value.details == {"seconds": 0.5}


def test_query__huge_answer__refused_by_its_bytes(ask: Ask) -> None:
    with pytest.raises(Invalid) as caught:
        ask("SELECT repeat('x', 10000) FROM orders", limit=1000, answer_bytes=1024**2)

    assert caught.value.code == "QUERY_TOO_LARGE"
    assert "1 MB" in caught.value.message


def test_query__wide_union__still_answers(ask: Ask) -> None:
    """Wide is not hostile by itself: 200 branches run, and 20,000 end within the limits."""
    result = ask(" UNION ALL ".join(f"SELECT {number}" for number in range(200)), limit=200)
    assert result.row_count == 200

    with pytest.raises(Invalid):
        ask(" UNION ALL ".join(f"SELECT {number}" for number in range(20_000)), seconds=2)


def test_query__name_of_a_file_as_a_block__never_reads_the_file(ask: Ask, folder: Path) -> None:
    """A WITH block may be called like a file; outside its scope the name must not become the file."""
    path = folder / "other" / "secret.csv"
    hostile = f'SELECT * FROM (WITH "{path}" AS (SELECT 1) SELECT 1) AS a, "{path}" AS b'

    with pytest.raises(Invalid) as caught:
        ask(hostile)

    assert CANARY not in str(caught.value)


def test_query__after_hostile_ones__the_server_still_answers(ask: Ask, tables: dict[str, TableFiles]) -> None:
    assert ask("SELECT count(*) FROM orders").rows == [[1001]]


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
