"""What the plan reads as relations of one statement, and where a row of the first input stands in it.

A row's *place* is its number in the first input, from 1. It names the row in a rejection, breaks ties, and
tells rows of the input from rows that a join made of them. Numbering the rows of a text file needs all of
them to pass one thread, so it is avoided: where the staged table keeps the order its rows tell the place, and
where joins lose the order, the input is first kept as a table in its order, which threads can fill together.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from datalinx import errors
from datalinx.engine.compile.plan import CompiledInput, CompiledMapping, SourceColumn
from datalinx.engine.connectors.base import FILE_COLUMN, RECORD_COLUMN, Scan
from datalinx.engine.execute.text import duckdb_sql, free_name, literal, quoted

MAX_COLUMNS = 4_096

# Names of the executor's own hold a sign that no alias and no name of the compiler has. A column of an input may be
# called anything: beside those `free_name` gives the name, and tables of the session have them by position.
PLACE = quoted("=place")
_FIRST = quoted("=first")
_PARTS = quoted("=parts")
KEPT = quoted("=kept")

Numbering = Literal["order", "column", "none"]
"""`order`: the n-th staged row is the n-th row read; `column`: the place is a column; `none`: there is none."""


@dataclass(frozen=True)
class Relations:
    """The relations of a plan as entries of a WITH clause; `first` is what the FROM clause begins with.

    `keeps_order` says that a statement over them has to keep the order of rows for their places to be right.
    `place` is the column of `first` that numbers its rows, where `numbering` is `column`. `kept` is a SELECT that has
    to be kept as the table `KEPT` before, in a statement that keeps the order.
    """

    entries: tuple[str, ...]
    first: str
    numbering: Numbering
    scan: Scan | None
    place: str
    keeps_order: bool
    kept: str | None = None

    def statement(self, select: str, *more: str) -> str:
        """A whole SELECT over the relations, with further entries before it."""
        entries = ",\n".join((*self.entries, *more))
        return f"WITH {entries}\n{select}" if entries else select


def build_relations(
    compiled: CompiledMapping,
    scans: Mapping[str, Scan],
    *,
    since: str | None = None,
    sample: int | None = None,
) -> Relations:
    """Return the plan's relations. `since` is a condition on the first input, `sample` its number of rows.

    Raise `Failed` with `INPUT_MISSING` or `TOO_MANY_COLUMNS`.
    """
    first = compiled.input(compiled.first)
    scan = _scan_of(first, scans)
    numbering = _numbering(compiled, scan, since)
    entries = input_entries(compiled, scans)
    place = place_among((scan or first).columns)
    source, extra = _first_source(first, scan, numbering, place)
    if sample is not None:
        source = f"SELECT * FROM ({source}) LIMIT {sample}"
    entries += [_entry(join.alias, duckdb_sql(join.query)) for join in compiled.joins if join.query]
    is_serial = numbering == "column" and (scan is None or scan.numbering == "serial" or not scan.parts)
    alias = quoted(compiled.first)
    chosen = f"SELECT * FROM ({source}) AS {alias} WHERE {since}" if since is not None else source
    if is_serial and scan is not None and sample is None:
        kept, chosen = (
            (chosen, f"SELECT * FROM {KEPT}") if since is not None else _numbered_table(scan, place)
        )
        entries += [*extra, f"{_FIRST} AS ({chosen})"]
        return Relations(
            tuple(entries), f"{_FIRST} AS {alias}", numbering, scan, place, keeps_order=False, kept=kept
        )
    # Behind a running number everything would be done in one thread, so numbered rows are set aside first.
    hint = "MATERIALIZED " if is_serial else ""
    entries += [*extra, f"{_FIRST} AS {hint}({chosen})"]
    keeps_order = numbering == "order" or sample is not None
    return Relations(tuple(entries), f"{_FIRST} AS {alias}", numbering, scan, place, keeps_order)


def input_entries(compiled: CompiledMapping, scans: Mapping[str, Scan]) -> list[str]:
    """The inputs other than the first, as entries of a WITH clause."""
    first = compiled.input(compiled.first)
    entries = [
        _entry(read.relation, _checked(scans, read.relation).sql)
        for read in compiled.reads
        if read != first.read
    ]
    return entries + [
        _entry(entry.alias, duckdb_sql(entry.query)) for entry in compiled.inputs if entry.query
    ]


def place_among(columns: Iterable[SourceColumn]) -> str:
    """The name of the column of places beside columns of an input."""
    return quoted(free_name("=place", (column.name for column in columns)))


def _numbered_table(scan: Scan, place: str) -> tuple[str, str]:
    """What to keep of a scan, and a SELECT of it with the place of each row."""
    kept = [f"c{position}" for position in range(len(scan.columns))]
    named = (f"{each} AS {quoted(column.name)}" for each, column in zip(kept, scan.columns, strict=True))
    return (
        f"SELECT * FROM ({scan.sql}) AS k({', '.join(kept)})",
        f"SELECT {', '.join(named)}, rowid + 1 AS {place} FROM {KEPT}",
    )


def numbered_rows(scan: Scan, place: str) -> str:
    """A SELECT of all rows of a scan with their place, for a statement that keeps the order."""
    return f"SELECT *, row_number() OVER () AS {place} FROM ({scan.sql})"


def _scan_of(first: CompiledInput, scans: Mapping[str, Scan]) -> Scan | None:
    return _checked(scans, first.read.relation) if first.read else None


def _checked(scans: Mapping[str, Scan], relation: str) -> Scan:
    scan = scans.get(relation)
    if scan is None:
        raise errors.Failed("INPUT_MISSING", f"The input `{relation}` was not there to be read.")
    if len(scan.columns) > MAX_COLUMNS:
        message = (
            f"The input `{relation}` has {len(scan.columns)} columns, and a run reads at most {MAX_COLUMNS}; "
            "leave out those that no mapping needs at the source."
        )
        raise errors.Failed("TOO_MANY_COLUMNS", message)
    return scan


def _numbering(compiled: CompiledMapping, scan: Scan | None, since: str | None) -> Numbering:
    if compiled.joins or since is not None:
        return "column"
    if compiled.group_by or scan is None:
        return "none"
    return "order"


def _first_source(
    first: CompiledInput, scan: Scan | None, numbering: Numbering, place: str
) -> tuple[str, tuple[str, ...]]:
    """The first input's SELECT and the WITH entries that it needs."""
    if scan is None:
        number = f", row_number() OVER () AS {place}" if numbering == "column" else ""
        return f"SELECT *{number} FROM {quoted(first.alias)}", ()
    if numbering != "column":
        return scan.sql, ()
    if scan.numbering == "serial" or not scan.parts:
        return numbered_rows(scan, place), ()
    if len(scan.parts) == 1:
        return f"SELECT *, {RECORD_COLUMN} AS {place} FROM ({scan.numbered_sql})", ()
    columns = ", ".join(f"n.{quoted(column.name)}" for column in scan.columns)
    source = (
        f"SELECT {columns}, n.{RECORD_COLUMN} + p.skip AS {place} FROM ({scan.numbered_sql}) AS n "
        f"JOIN {_PARTS} AS p ON p.label = n.{FILE_COLUMN}"
    )
    return source, (f"{_PARTS} AS ({parts_select(scan)})",)


def parts_select(scan: Scan) -> str:
    """The files of a scan as rows of `label` and `skip`, the number of rows in the files before."""
    skip, rows = 0, []
    for part in scan.parts:
        rows.append(f"({literal(part.label)}, CAST({skip} AS BIGINT))")
        skip += part.rows
    return f"SELECT * FROM (VALUES {', '.join(rows)}) AS parts(label, skip)"


def _entry(name: str, sql: str) -> str:
    return f"{quoted(name)} AS ({sql})"
