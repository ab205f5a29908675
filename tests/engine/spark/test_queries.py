"""The queries of CTEs give on Spark the rows, the names and the types that they have in DuckDB."""

from decimal import Decimal
from typing import Any

import duckdb
import pytest
import sqlglot

from datalinx.engine.compile.spark import lower_query, spark_text
from datalinx.errors import Invalid

ORDERS = {"Id": "INTEGER", "person": "VARCHAR", "amount": "DECIMAL(18,2)", "day": "DATE"}
PEOPLE = {"person": "VARCHAR", "town": "VARCHAR"}
RELATIONS = {"orders": ORDERS, "people": PEOPLE}
ROWS: dict[str, list[tuple[Any, ...]]] = {
    "orders": [
        (1, "ada", Decimal("10.50"), "2024-01-01"),
        (2, "bob", Decimal("3.25"), "2024-01-02"),
        (3, "ada", None, "2024-02-01"),
        (4, None, Decimal("7.00"), "2024-02-29"),
        (5, "eve", Decimal("-1.00"), None),
    ],
    "people": [("ada", "London"), ("bob", None), (None, "Nowhere"), ("zoe", "Paris")],
}

QUERIES = {
    "star": "SELECT * FROM orders",
    "case does not count": "SELECT ID, Orders.PERSON AS p FROM ORDERS WHERE Amount > 3",
    "unnamed columns": "SELECT count(*), sum(amount), max(day) FROM orders",
    "group by name": "SELECT coalesce(person, '-') AS who, count(*) AS n FROM orders GROUP BY who HAVING n > 0",
    "group by all": "SELECT person, sum(id) / count(*) AS mean FROM orders GROUP BY ALL",
    "join": "SELECT o.id, p.town FROM orders AS o LEFT JOIN people AS p ON o.person = p.person",
    "using": "SELECT * FROM orders JOIN people USING (person)",
    "full": "SELECT person, id, town FROM orders FULL JOIN people USING (person)",
    "semi": "SELECT id FROM orders SEMI JOIN people ON orders.person = people.person",
    "anti": "SELECT o.* FROM orders AS o ANTI JOIN people AS p ON o.person IS NOT DISTINCT FROM p.person",
    "window": "SELECT id, row_number() OVER (PARTITION BY person ORDER BY amount DESC, id) AS r, "
    "sum(amount) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS s FROM orders",
    "qualify": "SELECT person, id FROM orders QUALIFY row_number() OVER (PARTITION BY person ORDER BY id DESC) = 1",
    "lag": "SELECT id, lag(amount, 1, 0) OVER (ORDER BY id) AS before, "
    "first_value(person) OVER (ORDER BY id) AS f FROM orders",
    "order": "SELECT id FROM orders ORDER BY person DESC, amount LIMIT 3 OFFSET 1",
    "in": "SELECT id FROM orders WHERE person IN (SELECT person FROM people WHERE town = 'London')",
    "exists": "SELECT id FROM orders AS o WHERE EXISTS (SELECT 1 FROM people AS p WHERE p.person = o.person)",
    "scalar": "SELECT id, (SELECT max(amount) FROM orders) AS most FROM orders",
    "union": "SELECT id FROM orders UNION ALL SELECT amount FROM orders",
    "except": "SELECT person FROM orders EXCEPT SELECT person FROM people",
    "with": "WITH big AS (SELECT * FROM orders WHERE amount > 5) SELECT b.id, 'x' || b.amount AS t FROM big AS b",
    "nested": "SELECT q.n + 1 AS m FROM (SELECT count(*) AS n FROM orders GROUP BY person) AS q",
    "distinct": "SELECT DISTINCT person FROM orders",
    "values": "SELECT e.key, e.value FROM (SELECT key, value FROM (VALUES ('a', '1'), ('b', NULL)) "
    "AS entries(key, value)) AS e",
}


@pytest.fixture(scope="module")
def database() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(config={"threads": 1})
    for name, columns in RELATIONS.items():
        listed = ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
        connection.execute(f"CREATE TABLE {name} ({listed})")
        marks = ", ".join("?" for _ in columns)
        connection.executemany(f"INSERT INTO {name} VALUES ({marks})", ROWS[name])
    return connection


@pytest.fixture(scope="module")
def tables(spark: Any, database: duckdb.DuckDBPyConnection, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("queries")
    for name in RELATIONS:
        database.execute(f"COPY {name} TO '{folder}/{name}.parquet' (FORMAT parquet)")
        spark.read.parquet(f"{folder}/{name}.parquet").createOrReplaceTempView(name)
    return spark


def _lowered(sql: str, *, strict: bool = True) -> str:
    tree = sqlglot.parse_one(sql, dialect="duckdb")
    return spark_text(lower_query(tree, relations=RELATIONS, strict=strict))


@pytest.mark.spark
@pytest.mark.parametrize("name", QUERIES)
def test_query__of_any_shape__is_equal(tables: Any, database: duckdb.DuckDBPyConnection, name: str) -> None:
    relation = database.execute(QUERIES[name])
    names = [column[0] for column in relation.description or []]

    frame = tables.sql(_lowered(QUERIES[name]))

    expected, given = relation.fetchall(), [tuple(row) for row in frame.collect()]
    assert frame.columns == names
    if "ORDER BY person" not in QUERIES[name]:
        expected, given = sorted(expected, key=repr), sorted(given, key=repr)
    assert given == expected


@pytest.mark.spark
def test_query__value_that_does_not_fit__fails_as_in_duckdb(tables: Any) -> None:
    with pytest.raises(Exception, match="does not fit"):
        tables.sql(_lowered("SELECT cast(person AS INTEGER) AS n FROM orders")).collect()


@pytest.mark.spark
def test_query__that_is_not_strict__gives_null_for_what_does_not_fit(tables: Any) -> None:
    text = _lowered("SELECT cast(person AS INTEGER) AS n FROM orders", strict=False)

    assert {row.n for row in tables.sql(text).collect()} == {None}


def test_query__function_that_spark_computes_otherwise__is_refused() -> None:
    with pytest.raises(Invalid) as caught:
        _lowered("SELECT approx_count_distinct(person) FROM orders")

    assert caught.value.code == "ENGINE_CANNOT"
