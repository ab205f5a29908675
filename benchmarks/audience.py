"""B7: the size of an audience over stored customers and orders, against SQL by hand over the same files."""

import time
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.home import Home
from benchmarks.measure import Comparison, Reach, Taken, interleave, over, require_equal
from benchmarks.orders import CACHE, OURS

CUSTOMERS, ORDERS, ROUNDS = 200_000, 1_000_000, 5
BY_HAND = "hand-written DuckDB SQL"

RULE: dict[str, Any] = {
    "all": [
        {"field": "country", "op": "in", "value": ["DE", "FR", "IT"]},
        {"field": "email", "op": "not_null"},
        {
            "related": "orders",
            "via": "customer_id",
            "count": {"op": "gte", "value": 2},
            "where": {"all": [{"field": "amount", "op": "gte", "value": 50}]},
        },
        {
            "not": {
                "related": "orders",
                "via": "customer_id",
                "where": {"all": [{"field": "ordered_on", "op": "gte", "value": "2024-10-01"}]},
            }
        },
    ]
}

_SQL = """
SELECT count(*) FROM read_parquet({customers}) c
WHERE country IN ('DE', 'FR', 'IT') AND email IS NOT NULL
  AND customer_id IN (SELECT customer_id FROM read_parquet({orders}) WHERE amount >= 50 GROUP BY 1 HAVING count(*) >= 2)
  AND NOT EXISTS (SELECT 1 FROM read_parquet({orders}) o
                  WHERE o.customer_id = c.customer_id AND ordered_on >= DATE '2024-10-01')
"""

_TABLES: dict[str, dict[str, str]] = {
    "customers": {"customer_id": "bigint", "email": "string", "country": "string"},
    "orders": {"order_id": "bigint", "customer_id": "bigint", "amount": "double", "ordered_on": "date"},
}


def compare(home: Home) -> Comparison:
    """Measure B7."""
    from apps.analytics.services.audiences import preview_audience

    _furnish(home)
    files = {table: home.files(table) for table in _TABLES}
    found: dict[str, int] = {}

    def ours() -> Taken:
        document = {"table": "customers", "key": "customer_id", "rule": RULE}
        started = time.perf_counter()
        counted = preview_audience(workspace=home.workspace, document=document)
        seconds = time.perf_counter() - started
        found[OURS] = int(counted["total"])
        return Taken(seconds)

    def by_hand() -> Taken:
        started = time.perf_counter()
        with duckdb.connect(config={"threads": _threads()}) as connection:
            found[BY_HAND] = int(connection.execute(_SQL.format(**files)).fetchall()[0][0])
        return Taken(time.perf_counter() - started)

    taken = interleave({OURS: ours, BY_HAND: by_hand}, rounds=ROUNDS)
    require_equal("the size of the audience", found)
    return Comparison(
        id="B7",
        title=f"the size of an audience, {CUSTOMERS:,} customers and {ORDERS:,} orders",
        taken=taken,
        limit=BY_HAND,
        reaches=[Reach(f"{OURS} over the {BY_HAND}", over(taken, OURS, BY_HAND), 1.2)],
        notes={
            "size": found[OURS],
            "ours counts more": "a number for every block of the rule, the SQL by hand only the whole",
        },
    )


def _threads() -> int:
    from django.conf import settings

    return int(settings.ENGINE_THREADS)


def _furnish(home: Home) -> None:
    schema = {
        "name": "audience",
        "tables": [
            {
                "name": table,
                "primary_key": [next(iter(columns))],
                "columns": [
                    {"name": name, "type": kind, "nullable": name != next(iter(columns))}
                    for name, kind in columns.items()
                ],
            }
            for table, columns in _TABLES.items()
        ],
    }
    mappings = [
        {
            "table_name": table,
            "inputs": [{"alias": "s", "source": "warehouse", "table": table}],
            "fields": {name: {"type": "direct", "source": f"s.{name}"} for name in columns},
        }
        for table, columns in _TABLES.items()
    ]
    home.add_source("warehouse", _generate(CACHE / f"audience-{CUSTOMERS}-{ORDERS}"))
    home.put(schema, mappings)
    home.run()


def _generate(folder: Path) -> list[Path]:
    """Customers and their orders; a few customers buy much, most little, and a fifth nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    draw = "md5_number_lower('7:' || i)"
    selects = {
        "customers": "SELECT i AS customer_id, "
        f"CASE WHEN {draw} % 20 > 0 THEN 'c' || i || '@example.org' END AS email, "
        f"['DE', 'FR', 'IT', 'ES', 'GB', 'NL'][CAST({draw} % 6 AS INTEGER) + 1] AS country "
        f"FROM range({CUSTOMERS}) AS r(i)",
        "orders": "SELECT i AS order_id, "
        f"CAST(floor(power(CAST({draw} % 1000003 AS DOUBLE) / 1000003, 2) * {CUSTOMERS} * 0.8) AS BIGINT) "
        "AS customer_id, "
        f"CAST(({draw} >> 20) % 20000 AS DOUBLE) / 100 AS amount, "
        f"DATE '2023-01-01' + CAST(({draw} >> 40) % 730 AS INTEGER) AS ordered_on FROM range({ORDERS}) AS r(i)",
    }
    files = [folder / f"{table}.parquet" for table in selects]
    with duckdb.connect() as connection:
        for path, select in zip(files, selects.values(), strict=True):
            connection.execute(f"COPY ({select}) TO '{path}' (FORMAT parquet)")
    return files
