"""The statistics of a resolution: records, identifiers, people, what linked them and what was not let to."""

from collections.abc import Sequence
from typing import Any

import duckdb

from datalinx.engine.identity.linking import named_values
from datalinx.engine.identity.model import People
from datalinx.engine.spec.identity import IdentityDocument

# Of the values that too many records share, the widest are shown for each rule.
SHOWN_VALUES = 5
# The histogram's bars: up to so many records of one person.
BARS = (1, 2, 3, 5, 10, 20, 50, 100, 1_000, 10_000)


def keep_shared_values(
    connection: duckdb.DuckDBPyConnection, document: IdentityDocument, people: Sequence[People]
) -> None:
    """Make `widest`, of the values that too many records share those that are shown."""
    connection.execute(
        "CREATE TABLE chosen AS SELECT rule, h, first AS n, width FROM shared "
        f"QUALIFY row_number() OVER (PARTITION BY rule ORDER BY width DESC, h) <= {SHOWN_VALUES}"
    )
    values = named_values(document, people) or _NO_VALUES
    connection.execute(
        f"CREATE TABLE widest AS SELECT rule, width, min(value) AS value FROM ({values}) AS v "
        "JOIN chosen USING (rule, h, n) GROUP BY rule, h, width"
    )


_NO_VALUES = "SELECT 0 AS rule, CAST(NULL AS UUID) AS h, 0 AS n, '' AS value WHERE false"


def count_all(
    connection: duckdb.DuckDBPyConnection, document: IdentityDocument, people: Sequence[People]
) -> dict[str, Any]:
    """Return the statistics as JSON values."""
    records, clusters, multiple, largest, limited = _row(
        connection,
        "SELECT coalesce(sum(records), 0), count(*), count(*) FILTER (records > 1), coalesce(max(records), 0), "
        "count(*) FILTER (limited) FROM components",
    )
    (identifiers,) = _row(connection, "SELECT count(*) FROM (SELECT DISTINCT kind, h FROM identifiers)")
    fresh, gone, merged, split = _row(
        connection,
        "SELECT (SELECT count(*) FROM records ANTI JOIN before USING (n)), "
        "(SELECT count(*) FROM now WHERE NOT present), "
        "count(*) FILTER (kind = 'merged'), count(*) FILTER (kind = 'split') FROM happened",
    )
    return {
        "records": int(records),
        "identifiers": identifiers,
        "clusters": clusters,
        "clusters_of_several": multiple,
        "largest_cluster": largest,
        "limited_clusters": limited,
        "average_records": round(int(records) / clusters, 3) if clusters else None,
        "average_identifiers": round(identifiers / clusters, 3) if clusters else None,
        "new_records": fresh,
        "gone_records": gone,
        "merged": merged,
        "split": split,
        "tables": _tables(connection, people),
        "rules": [_rule(connection, number, rule.name) for number, rule in enumerate(document.rules)],
        "histogram": _histogram(connection),
    }


def _tables(connection: duckdb.DuckDBPyConnection, people: Sequence[People]) -> list[dict[str, Any]]:
    counted = dict(connection.execute("SELECT t, count(*) FROM records GROUP BY t").fetchall())
    return [{"table": each.entry.table, "records": counted.get(each.entry.table, 0)} for each in people]


def _rule(connection: duckdb.DuckDBPyConnection, number: int, name: str) -> dict[str, Any]:
    values, records = _row(
        connection,
        f"SELECT count(*), coalesce(sum(c), 0) FROM (SELECT count(*) AS c FROM links WHERE rule = {number} GROUP BY h)",
    )
    shared, sharing = _row(
        connection, f"SELECT count(*), coalesce(sum(width), 0) FROM shared WHERE rule = {number}"
    )
    widest = connection.execute(
        f"SELECT value, width FROM widest WHERE rule = {number} ORDER BY width DESC, value"
    ).fetchall()
    return {
        "name": name,
        "kind": "deterministic",
        "confidence": 1.0,
        "values": values,
        "records": int(records),
        "shared_values": shared,
        "shared_records": int(sharing),
        "widest": [{"value": value, "records": width} for value, width in widest],
    }


def _histogram(connection: duckdb.DuckDBPyConnection) -> list[dict[str, int]]:
    found = connection.execute("SELECT records, count(*) FROM components GROUP BY records").fetchall()
    bars = []
    below = 0
    for bar in BARS:
        count = sum(clusters for records, clusters in found if below < records <= bar)
        if count:
            bars.append({"from": below + 1, "to": bar, "clusters": count})
        below = bar
    return bars


def _row(connection: duckdb.DuckDBPyConnection, sql: str) -> tuple[Any, ...]:
    row = connection.execute(sql).fetchone()
    if row is None:
        raise AssertionError("a count has a row")
    return row
