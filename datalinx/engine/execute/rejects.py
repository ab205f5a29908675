"""The rejected rows as one Parquet file: where each came from, what is wrong with it, and its source values."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from datalinx import errors
from datalinx.engine.compile.plan import CompiledMapping
from datalinx.engine.connectors.base import FILE_COLUMN, RECORD_COLUMN, Scan
from datalinx.engine.execute.duplicates import Key
from datalinx.engine.execute.faults import SHOWN_CHARACTERS
from datalinx.engine.execute.json_rows import row_json
from datalinx.engine.execute.relations import numbered_rows, parts_select, place_among
from datalinx.engine.execute.session import Session
from datalinx.engine.execute.stage import FAULT_TYPE, REJECTED
from datalinx.engine.execute.staged import Staged
from datalinx.engine.execute.text import listed, literal, quoted

DUPLICATE_KEY = "duplicate_key"
MALFORMED_RECORD = "malformed_record"

REJECT_COLUMNS: tuple[tuple[str, str], ...] = (
    ("row", "VARCHAR"),
    ("source", "VARCHAR"),
    ("table", "VARCHAR"),
    ("locator", "VARCHAR"),
    ("field", "VARCHAR"),
    ("reason", "VARCHAR"),
    ("reasons", f"{FAULT_TYPE}[]"),
    ("message", "VARCHAR"),
    ("value", "VARCHAR"),
    ("mapping_version", "BIGINT"),
)
"""The columns of a file of rejected rows. `row` is JSON text, `reasons` are all faults in column order."""


def rejects_select(
    staged: Staged, scan: Scan | None, repeated: Mapping[Key, str], *, keeps_rows: bool
) -> str:
    """Return a SELECT of every rejected row, in `REJECT_COLUMNS`, as they stand in the input.

    `repeated` are tables of `rid` by key.

    Makes the temporary tables that it needs, so it is to be asked for once.
    """
    compiled = staged.compiled
    rows = [f"SELECT {staged.place} AS place, s.row, s.faults FROM staged AS s WHERE s.kind = {REJECTED}"]
    if repeated and not keeps_rows and scan is not None:
        _read_again(staged, scan, list(repeated.values()))
    rows += [_repeated_rows(staged, key, table, keeps_rows=keeps_rows) for key, table in repeated.items()]
    place = None if staged.numbering == "none" else scan
    located = [
        f"SELECT place, row, faults, locator FROM ({located_rows(staged.session, place, ' UNION ALL '.join(rows))})"
    ]
    if scan is not None and scan.malformed is not None and scan.malformed.count:
        located.append(_malformed_rows(scan.malformed.sql))
    columns = ", ".join(
        f"CAST({expression} AS {kind}) AS {quoted(name)}"
        for (name, kind), expression in zip(REJECT_COLUMNS, _expressions(compiled), strict=True)
    )
    return f"SELECT {columns} FROM ({' UNION ALL '.join(located)}) ORDER BY place NULLS LAST, locator"


def count_by_reason(session: Session, path: Path) -> dict[str, int]:
    """The rows of a file of rejected rows by their first reason, the most frequent first."""
    found = session.rows(
        f"SELECT reason, count(*) FROM read_parquet({literal(path)}) GROUP BY ALL ORDER BY 2 DESC, 1"
    )
    return {reason: int(count) for reason, count in found}


def require_no_fatal(session: Session, compiled: CompiledMapping, path: Path) -> None:
    """Raise `Failed` `VALUE_INVALID` for the first rejected row that the mapping does not put up with."""
    fields = [field.name for field in compiled.fields if field.on_invalid == "fail"]
    fatal = f"list_contains({listed(fields)}, f.field)" if fields else "FALSE"
    if compiled.on_invalid == "fail":
        fatal += f" OR f.reason IN ({literal(DUPLICATE_KEY)}, {literal(MALFORMED_RECORD)})"
    if fatal == "FALSE":
        return
    found = session.rows(
        f"SELECT locator, found[1], count(*) OVER () FROM (SELECT locator, file_row_number AS place, "
        f"list_filter(reasons, lambda f: {fatal}) AS found FROM read_parquet({literal(path)})) "
        "WHERE len(found) > 0 ORDER BY place LIMIT 1"
    )
    if not found:
        return
    locator, fault, count = found[0]
    what = f"{fault['message']} ({fault['reason']})"
    message = (
        f"{count} rows of the input of `{compiled.table}` are invalid and its mapping says `on_invalid: fail`, so "
        f"nothing was published. The first stands at {locator or 'an unknown place'}: {what}"
    )
    details = {
        **{name: fault[name] for name in ("field", "reason", "value")},
        "locator": locator,
        "rows": count,
    }
    raise errors.Failed("VALUE_INVALID", message, details=details)


def _expressions(compiled: CompiledMapping) -> Iterator[str]:
    """The values of `REJECT_COLUMNS`, in order, over `row`, `faults` and `locator`."""
    read = compiled.input(compiled.first).read
    yield "row"
    yield literal(read.source if read else None)
    yield literal((read.table or read.target) if read else compiled.first)
    yield "locator"
    yield "faults[1].field"
    yield "faults[1].reason"
    yield "faults"
    yield "faults[1].message"
    yield "faults[1].value"
    yield str(compiled.version)


def _read_again(staged: Staged, scan: Scan, tables: list[str]) -> None:
    """Make the table `again` of the source values of rows that turned out to be rejected after the pass."""
    first = staged.compiled.input(staged.compiled.first)
    row = row_json((column.name, quoted(column.name), column.type) for column in first.columns)
    place = place_among(scan.columns)
    rids = " UNION ALL ".join(f"SELECT rid FROM {table}" for table in tables)
    places = f"SELECT {staged.place} FROM staged AS s SEMI JOIN ({rids}) AS r ON r.rid = s.rowid"
    staged.session.keep_order(True)
    staged.session.run(
        f"CREATE TEMP TABLE again AS SELECT {place} AS place, {row} AS row FROM ({numbered_rows(scan, place)}) "
        f"WHERE {place} IN ({places})"
    )
    staged.session.keep_order(False)


def _repeated_rows(staged: Staged, key: Key, table: str, *, keeps_rows: bool) -> str:
    columns = staged.values(key)
    names = _in_order(staged.compiled, key)
    texts = ", ".join(f"CAST(s.{column} AS VARCHAR)" for column in columns)
    shown = f"left(concat_ws(', ', {texts}), {SHOWN_CHARACTERS})"
    fault = (
        f"{{'field': {literal(names[0])}, 'reason': {literal(DUPLICATE_KEY)}, "
        f"'message': {literal(repeated_message(key))}, 'value': {shown}}}"
    )
    again = "" if keeps_rows else f" LEFT JOIN again ON again.place = {staged.place}"
    return (
        f"SELECT {staged.place} AS place, {'s.row' if keeps_rows else 'again.row'} AS row, "
        f"CAST([{fault}] AS {FAULT_TYPE}[]) AS faults FROM staged AS s JOIN {table} ON {table}.rid = s.rowid{again}"
    )


def repeated_message(key: Key) -> str:
    """What a row of a key that repeats is told."""
    names = ", ".join(f"`{name}`" for name in key)
    return f"More than one row has this value of {names}, and no `deduplicate` says which of them wins."


def _in_order(compiled: CompiledMapping, key: Key) -> list[str]:
    """The fields of a key, in the order of the columns."""
    return [field.name for field in compiled.fields if field.name in key]


def located_rows(session: Session, scan: Scan | None, rows: str) -> str:
    """Rows with a `place` in a scan as rows with a `locator`, such as `contacts.csv:4711`; of no scan it is NULL."""
    if scan is None:
        return f"SELECT *, NULL AS locator FROM ({rows})"
    has_gaps = scan.malformed is not None and scan.malformed.count > 0
    if len(scan.parts) < 2 and not has_gaps:
        label = scan.parts[0].label if scan.parts else scan.label
        return f"SELECT *, {literal(label)} || ':' || place AS locator FROM ({rows})"
    session.run(f"CREATE OR REPLACE TEMP TABLE parts AS {parts_select(scan)}")
    session.run(f"CREATE OR REPLACE TEMP TABLE gaps AS {_gaps_select(scan)}")
    in_files = (
        f"SELECT rows.*, parts.label, rows.place - parts.skip AS number FROM ({rows}) AS rows "
        "ASOF LEFT JOIN parts ON rows.place > parts.skip"
    )
    return (
        "SELECT n.*, n.label || ':' || (n.number + coalesce(gaps.skipped, 0)) AS locator "
        f"FROM ({in_files}) AS n ASOF LEFT JOIN gaps ON n.label = gaps.label AND n.number > gaps.behind"
    )


def _gaps_select(scan: Scan) -> str:
    """How many malformed records (`skipped`) stand before the rows of a file that come `behind` a number."""
    if scan.malformed is None or not scan.malformed.count:
        return "SELECT '' AS label, CAST(0 AS BIGINT) AS behind, CAST(0 AS BIGINT) AS skipped WHERE FALSE"
    nth = f"row_number() OVER (PARTITION BY {FILE_COLUMN} ORDER BY {RECORD_COLUMN})"
    return (
        f"SELECT label, behind, max(nth) AS skipped FROM (SELECT {FILE_COLUMN} AS label, {nth} AS nth, "
        f"{RECORD_COLUMN} - {nth} AS behind FROM ({scan.malformed.sql})) GROUP BY ALL"
    )


def _malformed_rows(sql: str) -> str:
    fault = (
        f"{{'field': NULL, 'reason': {literal(MALFORMED_RECORD)}, 'message': message, "
        f"'value': left(text, {SHOWN_CHARACTERS})}}"
    )
    return (
        "SELECT NULL AS place, CAST(json_object('record', text) AS VARCHAR) AS row, "
        f"CAST([{fault}] AS {FAULT_TYPE}[]) AS faults, "
        f"{FILE_COLUMN} || ':' || {RECORD_COLUMN} AS locator FROM ({sql})"
    )
