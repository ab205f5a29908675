"""Looking a record up in what is kept: the rejected rows of a run, and the versions of a table."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datalinx.engine.compile.plan import CompiledMapping, SourceColumn
from datalinx.engine.execute.quarantine import parsed_rows, rebuilt_values
from datalinx.engine.execute.rejected import rejected_document
from datalinx.engine.execute.rejects import MALFORMED_RECORD, REJECT_COLUMNS
from datalinx.engine.execute.results import Limits
from datalinx.engine.execute.session import Session
from datalinx.engine.execute.sought import Sought, first_condition, rejected_texts
from datalinx.engine.execute.stored import VALID_TO
from datalinx.engine.execute.text import free_name, listed, literal, quoted
from datalinx.engine.query.rows import Where, count_rows, digest_rows, read_rows
from datalinx.engine.query.tables import TableFiles
from datalinx.errors import Invalid

MAX_FOUND = 20


@dataclass(frozen=True)
class RejectedRow:
    """A rejected row as its document, and its number in the file, from 0, by which replays name it."""

    number: int
    document: Mapping[str, Any]


def find_rejected(
    path: Path,
    compiled: CompiledMapping,
    sought: Sequence[Sought],
    *,
    columns: Sequence[SourceColumn],
    workdir: Path,
    limits: Limits,
    cancelled: Callable[[], bool] = lambda: False,
) -> list[RejectedRow]:
    """Return the rows of a file of rejected rows that are a record's, at most `MAX_FOUND` and one more.

    `columns` are those of the first input when the rows were rejected. A row is the record's if the mapping makes
    the value of it, or if its source, or a fault of it, shows the text itself.
    """
    with Session(limits=limits, workdir=workdir, cancelled=cancelled) as session:
        session.confine(files=[path], folders=[workdir])
        kept = f"read_parquet({literal(path)}, file_row_number = true)"
        session.run(
            "CREATE TEMP TABLE waiting AS SELECT file_row_number AS number, row, reason, reasons "
            f"FROM {kept} WHERE reason <> {literal(MALFORMED_RECORD)}"
        )
        numbers = " UNION ".join(_numbers(compiled, sought, columns))
        names = [name for name, _ in REJECT_COLUMNS]
        shown = ", ".join(f"to_json({name})" if name == "reasons" else quoted(name) for name in names)
        rows = session.rows(
            f"SELECT file_row_number, {shown} FROM {kept} WHERE file_row_number IN ({numbers}) "
            f"ORDER BY file_row_number LIMIT {MAX_FOUND + 1}"
        )
    return [RejectedRow(row[0], rejected_document(dict(zip(names, row[1:], strict=True)))) for row in rows]


def _numbers(
    compiled: CompiledMapping, sought: Sequence[Sought], columns: Sequence[SourceColumn]
) -> list[str]:
    """SELECTs of the numbers of the waiting rows that are the record's."""
    shown = [
        f"({' OR '.join(rejected_texts(compiled, each, row='row', faults='reasons'))})" for each in sought
    ]
    found = [f"SELECT number FROM waiting WHERE coalesce({' AND '.join(shown)}, FALSE)"]
    condition = first_condition(compiled, sought)
    known = {column.name for column in columns}
    if condition is not None and {column.name for column in compiled.input(compiled.first).columns} <= known:
        values = ", ".join(rebuilt_values(columns))
        numbered = quoted(free_name("=number", known))
        named = ", ".join(f"c{position} AS {quoted(each.name)}" for position, each in enumerate(columns))
        rows = f"SELECT number AS {numbered}, {named} FROM (SELECT number, {values} FROM ({parsed_rows(columns)}))"
        found.append(f"SELECT {numbered} FROM ({rows}) AS {quoted(compiled.first)} WHERE {condition}")
    return found


@dataclass(frozen=True)
class StoredRows:
    """The rows of a version of a table that are a record's, at most `MAX_FOUND` and one more.

    `digest` stands for all of them where there are more than these, in whatever order. `ended_at` is when the last
    version ended, where the table keeps history and none of these is the present one.
    """

    rows: Sequence[Mapping[str, Any]] = ()
    digest: tuple[int, int] | None = None
    ended_at: str | None = None


def find_stored(table: TableFiles, compiled: CompiledMapping, sought: Sequence[Sought]) -> StoredRows:
    """Return the rows of a version of a table that are a record's.

    Values that do not fit the columns that the version has are in no row of it.
    """
    known = dict(table.columns)
    if any(each.field.name not in known or not each.readings for each in sought):
        return StoredRows()
    where = [Where(each.field.name, "in", each.readings) for each in sought]
    try:
        page = read_rows(table, where=where, limit=MAX_FOUND + 1)
        digest = digest_rows(table, where=where) if page.row_count > MAX_FOUND else None
    except Invalid:
        return StoredRows()
    rows = [dict(zip(table.names(), row, strict=True)) for row in page.rows]
    is_history = VALID_TO in known and VALID_TO not in {field.name for field in compiled.fields}
    return StoredRows(rows, digest, _ended_at(table, where, rows) if rows and is_history else None)


def _ended_at(table: TableFiles, where: Sequence[Where], rows: Sequence[Mapping[str, Any]]) -> str | None:
    """When the last version of a record ended, of which these rows were found; None where one has not ended."""
    if any(row[VALID_TO] is None for row in rows):
        return None
    if len(rows) > MAX_FOUND and count_rows(table, where=[*where, Where(VALID_TO, "is_null")]):
        return None
    last = read_rows(table, columns=[VALID_TO], where=where, order_by=[f"-{VALID_TO}"], limit=1)
    return str(last.rows[0][0])


def find_passed(paths: Sequence[Path], numbers: Sequence[int]) -> dict[int, int]:
    """Return which of the files that replays left names each of these rejected rows, for those that were replayed."""
    found: dict[int, int] = {}
    if not numbers:
        return found
    with Session(limits=Limits(memory_bytes=256 * 1024**2, threads=1), workdir=None) as session:
        session.confine(files=paths, folders=[])
        for position, path in enumerate(paths):
            rows = session.rows(
                f"SELECT number FROM read_parquet({literal(path)}) WHERE list_contains({listed(numbers)}, number)"
            )
            found |= {row[0]: position for row in rows}
    return found
