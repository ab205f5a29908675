"""One order in a hundred, changed: in a tenth of the range of the keys, or anywhere; and again in every round."""

from pathlib import Path

import duckdb

from benchmarks.data import FIRST_ORDER, Orders

ONE_IN = 100
# Changes that lie together lie in this part of the keys' range.
ONE_PART_OF = 10


def change(orders: Orders, path: Path, *, together: bool, version: int) -> int:
    """Write new versions of some orders as CSV and return how many.

    The orders are the same for every version. Each new version is newer than any before it, right in every
    column, and differs from the last in name and amount.
    """
    draw = "md5_number_lower('changed:' || order_id)"
    within = f"order_id < {FIRST_ORDER + orders.rows // ONE_PART_OF} AND {draw} % {ONE_IN // ONE_PART_OF} = 0"
    chosen = within if together else f"{draw} % {ONE_IN} = 0"
    select = (
        "SELECT order_id, 'changed' || order_id || '@example.org' AS email, '+44 20 7946 0123' AS phone, "
        f"CAST(order_id % 9000 + {version} AS VARCHAR) || '.50' AS amount, '2024-05-06' AS ordered_on, "
        f"'Ann Changed {version}' AS name, 'DE' AS country, "
        f"CAST(TIMESTAMP '2031-01-01' + to_days({version}) AS VARCHAR) AS updated_at "
        f"FROM (SELECT DISTINCT order_id FROM read_parquet('{orders.planted}')) WHERE {chosen} ORDER BY order_id"
    )
    with duckdb.connect(config={"threads": 2}) as connection:
        return int(connection.execute(f"COPY ({select}) TO '{path}' (FORMAT csv, HEADER)").fetchall()[0][0])
