"""Records and what links them, as tables of one DuckDB connection.

* `records`: every record by number `n`, in the order of table `t` and key `k`
* `people<i>`: for table i its records' identifiers, each as a hash of 128 bits and as what may be shown of it
* `links`: the values that two records or more share under a rule, as (`rule`, `h`, `n`)
* `shared`: the values that too many records share, as (`rule`, `h`, `first`, `width`); they link nobody

A hash of 128 bits stands for a value: two of a billion values meet by chance about once in 10^20 times.
"""

from collections.abc import Iterator, Sequence
from itertools import product

import duckdb

from datalinx.engine.identity.model import People
from datalinx.engine.query.tables import quote_name, quote_text, table_select
from datalinx.engine.spec.identity import IdentityDocument, IdentityRule

_HASH, _VALUE = "h{}", "v{}"
_BETWEEN, _SHOWN_BETWEEN = " || ' ' || ", " || ' · ' || "
MAX_SHOWN = 200


def number_records(connection: duckdb.DuckDBPyConnection, people: Sequence[People]) -> int:
    """Make `records` and the tables `people<i>`; return how many records there are."""
    keys = " UNION ALL ".join(
        f"SELECT {quote_text(each.entry.table)} AS t, {_key(each)} AS k FROM ({_source(each)}) "
        f"WHERE {quote_name(each.entry.key)} IS NOT NULL"
        for each in people
    )
    connection.execute(
        "CREATE TABLE records AS SELECT CAST(row_number() OVER (ORDER BY t, k) - 1 AS INTEGER) AS n, t, k "
        f"FROM (SELECT DISTINCT t, k FROM ({keys}))"
    )
    for number, each in enumerate(people):
        columns = ", ".join(
            f"{_hashed(column)} AS {_HASH.format(place)}, {_shown(each, column)} AS {_VALUE.format(place)}"
            for place, column in enumerate(each.entry.identifiers)
        )
        connection.execute(
            f"CREATE TABLE people{number} AS SELECT r.n, {columns} FROM ({_source(each)}) AS s "
            f"JOIN records AS r ON r.t = {quote_text(each.entry.table)} AND r.k = {_key(each)}"
        )
    [[count]] = connection.execute("SELECT count(*) FROM records").fetchall()
    return int(count)


def find_links(
    connection: duckdb.DuckDBPyConnection, document: IdentityDocument, people: Sequence[People]
) -> None:
    """Make `links` and `shared`."""
    connection.execute("CREATE TABLE links (rule INTEGER, h UUID, n INTEGER)")
    for number, rule in enumerate(document.rules):
        values = _values(rule, people)
        # Only of the values that are there twice the records are gone through one by one.
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE twice AS SELECT h FROM ({values}) GROUP BY h HAVING min(n) <> max(n)"
        )
        connection.execute(
            f"INSERT INTO links SELECT DISTINCT {number}, h, n FROM ({values}) SEMI JOIN twice USING (h)"
        )
    connection.execute(
        "CREATE TABLE shared AS SELECT rule, h, min(n) AS first, count(*) AS width FROM links GROUP BY rule, h "
        f"HAVING count(*) > {document.limits.max_value_rows}"
    )
    connection.execute("DELETE FROM links USING shared WHERE links.rule = shared.rule AND links.h = shared.h")


def together_before(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[int, int]]:
    """What links records of one earlier person, as (group, record): `before` has records' earlier ids.

    Linked first, they are one person again: where a limit keeps others out, it is the others who stay outside.
    """
    return _stream(
        connection,
        "SELECT dense_rank() OVER (ORDER BY rule, h, canonical_id) AS g, n "
        "FROM links JOIN before USING (n) ORDER BY g, n",
    )


def all_together(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[int, int]]:
    """Everything that links records, as (group, record), rules in their order."""
    return _stream(
        connection,
        "WITH groups AS (SELECT rule, h, row_number() OVER (ORDER BY rule, min(n), h) AS g "
        "FROM links GROUP BY rule, h) SELECT g, n FROM links JOIN groups USING (rule, h) ORDER BY g, n",
    )


def _stream(
    connection: duckdb.DuckDBPyConnection, sql: str, rows: int = 100_000
) -> Iterator[tuple[int, int]]:
    for batch in connection.sql(sql).to_arrow_reader(rows):
        yield from zip(batch.column(0).to_pylist(), batch.column(1).to_pylist(), strict=True)


def named_values(document: IdentityDocument, people: Sequence[People]) -> str:
    """SQL of every value of every rule as (`rule`, `h`, `n`, `value`), the last as it may be shown."""
    return " UNION ALL ".join(
        f"SELECT {number} AS rule, {_combined(_names(_HASH, places))} AS h, n, "
        f"{_SHOWN_BETWEEN.join(_names(_VALUE, places))} AS value FROM people{table}"
        for number, rule in enumerate(document.rules)
        for table, each in enumerate(people)
        for places in _combinations(rule, each)
    )


def count_identifiers(people: Sequence[People]) -> str:
    """SQL of every identifier of every record as (`n`, `kind`, `h`)."""
    return " UNION ALL ".join(
        f"SELECT n, {quote_text(kind)} AS kind, {_HASH.format(place)} AS h FROM people{number} "
        f"WHERE {_HASH.format(place)} IS NOT NULL"
        for number, each in enumerate(people)
        for place, kind in enumerate(each.entry.identifiers.values())
    )


def _values(rule: IdentityRule, people: Sequence[People]) -> str:
    """SQL of the values of a rule as (`h`, `n`)."""
    parts = " UNION ALL ".join(
        f"SELECT {_combined(_names(_HASH, places))} AS h, n FROM people{table}"
        for table, each in enumerate(people)
        for places in _combinations(rule, each)
    )
    return f"SELECT h, n FROM ({parts or _NOTHING}) WHERE h IS NOT NULL"


_NOTHING = "SELECT CAST(NULL AS UUID) AS h, 0 AS n"


def _combinations(rule: IdentityRule, people: People) -> Iterator[tuple[int, ...]]:
    """The ways in which a table's columns, by position, give the identifiers of a rule."""
    held = list(people.entry.identifiers.values())
    return product(*([place for place, kind in enumerate(held) if kind == wanted] for wanted in rule.match))


def _names(form: str, places: Sequence[int]) -> list[str]:
    return [form.format(place) for place in places]


def _combined(hashes: Sequence[str]) -> str:
    """The hash of a whole value; NULL when a part of it is."""
    if len(hashes) == 1:
        return hashes[0]
    return _hash(_BETWEEN.join(f"CAST({each} AS VARCHAR)" for each in hashes))


def _hashed(column: str) -> str:
    text = f"CAST({quote_name(column)} AS VARCHAR)"
    # A text without anything in it names nobody.
    return _hash(f"CASE WHEN trim({text}) <> '' THEN {text} END")


def _hash(text: str) -> str:
    # A UUID is DuckDB's 128 bits with a quick join; on UHUGEINT one of 10,000 rows took seconds.
    return f"CAST(md5({text}) AS UUID)"


def _shown(people: People, column: str) -> str:
    shown = people.shown.get(column, quote_name(column))
    return f"left(CAST({shown} AS VARCHAR), {MAX_SHOWN})"


def _key(people: People) -> str:
    return f"CAST({quote_name(people.entry.key)} AS VARCHAR)"


def _source(people: People) -> str:
    return table_select(people.files.only({people.entry.key, *people.entry.identifiers}))
