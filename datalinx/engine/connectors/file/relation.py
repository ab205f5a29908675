"""From the facts of a table's files to the SELECT that reads them all as one table."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from datalinx.engine.compile.plan import SourceColumn
from datalinx.engine.connectors.base import (
    FILE_COLUMN,
    RECORD_COLUMN,
    DiscoveredColumn,
    Limits,
    Malformed,
    Part,
    Scan,
)
from datalinx.engine.connectors.file.area import AreaFile
from datalinx.engine.connectors.file.delimited import delimited_call
from datalinx.engine.connectors.file.facts import Cache, FileColumn, FileFacts
from datalinx.engine.connectors.file.json_records import json_select
from datalinx.engine.connectors.file.parquet import parquet_select
from datalinx.engine.connectors.reading import call, identifier, literal, literals

# From narrow to wide: a column that two files hold as two of these is read as the wider.
_WIDENING = ("INTEGER", "BIGINT", "DOUBLE")


@dataclass(frozen=True)
class ReadFile:
    """A file with its facts and where what was kept of it lies."""

    file: AreaFile
    facts: FileFacts
    cache: Cache

    @property
    def part(self) -> Part:
        """The file as a part of a scan: what is opened is the clean copy, if there is one."""
        path = self.cache.folder / self.facts.clean if self.facts.clean else self.file.path
        return Part(self.file.name, path, self.facts.rows)


def merged_columns(files: Sequence[ReadFile]) -> tuple[list[DiscoveredColumn], list[str]]:
    """Return the columns of all files together, and a sentence for each file that lacks some of them."""
    merged: dict[str, DiscoveredColumn] = {}
    for each in files:
        for column in each.facts.columns:
            key = column.name.casefold()
            found = DiscoveredColumn(column.name, column.type, True, column.detected or _advice(column))
            merged[key] = _wider(merged[key], found) if key in merged else found
    notices = []
    for each in files:
        held = {column.name.casefold() for column in each.facts.columns}
        lacking = [column.name for key, column in merged.items() if key not in held]
        if lacking:
            more = f" and {len(lacking) - 3} more" if len(lacking) > 3 else ""
            shown = ", ".join(lacking[:3]) + more
            notices.append(f"{each.file.name} lacks {shown}; its rows have NULL there.")
    return list(merged.values()), notices


def fingerprint_of(files: Sequence[ReadFile]) -> str:
    """Return a SHA-256 over the names and the contents of the files."""
    lines = "".join(f"{each.facts.digest}  {each.file.name}\n" for each in files)
    return hashlib.sha256(lines.encode()).hexdigest()


def build_scan(files: Sequence[ReadFile], columns: Sequence[DiscoveredColumn], limits: Limits) -> Scan:
    """Return the scan of one table: its files in the order of their names."""
    is_parquet = all(each.facts.layout == "parquet" for each in files)
    groups = [list(group) for _, group in groupby(files, key=_likeness)]
    rejects = [each.cache.folder / each.facts.rejects for each in files if each.facts.rejects]
    malformed = None
    if rejects:
        count = sum(each.facts.malformed for each in files)
        names = ", ".join(identifier(name) for name in (FILE_COLUMN, RECORD_COLUMN, "text", "message"))
        malformed = Malformed(count, f"SELECT {names} FROM {call('read_parquet', rejects, {})}")
    parts = tuple(each.part for each in files)
    return Scan(
        sql="\nUNION ALL\n".join(_select(group, columns, limits, numbered=False) for group in groups),
        numbered_sql="\nUNION ALL\n".join(_select(group, columns, limits, numbered=True) for group in groups),
        columns=tuple(SourceColumn(column.name, column.type) for column in columns),
        numbering="free" if all(_is_free(each.facts) for each in files) else "serial",
        files=(*(part.path for part in parts), *rejects),
        parts=parts,
        locator="row" if is_parquet else "record",
        label=files[0].file.name,
        rows=sum(part.rows for part in parts),
        fingerprint=fingerprint_of(files),
        malformed=malformed,
    )


def _likeness(each: ReadFile) -> object:
    """What files must share to be read by one call; a clean copy stands alone."""
    facts = each.facts
    columns = tuple(replace(column, detected=None) for column in facts.columns)
    settings = (facts.layout, facts.compression, facts.delimiter, facts.quote, facts.header, facts.skip)
    # What tells the files of one call apart is hidden by a column of its name.
    alone = each.file.name if _hides(facts, "file_index") else None
    # An array's columns cannot be told apart from another's by position, but by name: equal names suffice.
    return (*settings, columns, facts.clean, alone)


def _is_free(facts: FileFacts) -> bool:
    """Whether a row's number is read with it, and is also its place among the rows."""
    has_numbers = facts.layout == "parquet" and not _hides(facts, "file_row_number")
    return (facts.clean is not None or has_numbers) and not facts.malformed


def _hides(facts: FileFacts, name: str) -> bool:
    """Whether the file has a column that DuckDB takes for its own of this name."""
    return any(column.key.casefold() == name for column in facts.columns)


def _select(
    group: Sequence[ReadFile], columns: Sequence[DiscoveredColumn], limits: Limits, *, numbered: bool
) -> str:
    facts = group[0].facts
    paths = [each.part.path for each in group]
    if facts.layout == "parquet":
        relation, values = parquet_select(facts, paths)
    elif facts.layout == "delimited":
        relation = delimited_call(facts, paths, limits)
        values = [identifier(column.name) for column in facts.columns]
    else:
        relation, values = json_select(facts, paths, limits)
    held = {
        column.name.casefold(): (column, value) for column, value in zip(facts.columns, values, strict=False)
    }
    shown = [_column(column, held.get(column.name.casefold())) for column in columns]
    if numbered:
        shown += _number(group, values)
    return f"SELECT {', '.join(shown)} FROM {relation}"


def _column(wanted: DiscoveredColumn, held: tuple[FileColumn, str] | None) -> str:
    if held is None:
        value = f"CAST(NULL AS {wanted.type})"
    else:
        column, value = held
        if column.type != wanted.type:
            value = f"CAST({value} AS {wanted.type})"
    name = identifier(wanted.name)
    return value if value == name else f"{value} AS {name}"


def _number(group: Sequence[ReadFile], values: Sequence[str]) -> list[str]:
    """Return the expressions of a row's file and of its number there.

    DuckDB numbers the rows of a Parquet file for nothing, unless a column has the number's name. Other rows are counted
    in the order in which they stand, over all files of the call, so what came before a row's own file is taken off.
    """
    facts = group[0].facts
    names = literals(each.file.name for each in group)
    file = literal(group[0].file.name) if len(group) == 1 else f"{names}[CAST(file_index AS BIGINT) + 1]"
    if facts.clean:
        # The readers of JSON name the number themselves, after the columns.
        record = values[-1] if len(values) > len(facts.columns) else identifier(RECORD_COLUMN)
    elif facts.layout == "parquet" and not _hides(facts, "file_row_number"):
        record = "file_row_number + 1"
    else:
        record = "row_number() OVER ()"
        if len(group) > 1:
            before = [sum(each.facts.rows for each in group[:place]) for place in range(len(group))]
            record += f" - [{', '.join(str(rows) for rows in before)}][CAST(file_index AS BIGINT) + 1]"
    return [f"{file} AS {identifier(FILE_COLUMN)}", f"{record} AS {identifier(RECORD_COLUMN)}"]


def _advice(column: FileColumn) -> str | None:
    return None if column.type == "VARCHAR" else column.type


def _wider(one: DiscoveredColumn, other: DiscoveredColumn) -> DiscoveredColumn:
    seen = {one.detected_type, other.detected_type} - {None}
    detected = next(iter(seen)) if len(seen) == 1 else ("VARCHAR" if seen else None)
    return replace(one, type=_wider_type(one.type, other.type), detected_type=detected)


def _wider_type(one: str, other: str) -> str:
    if one == other:
        return one
    if one in _WIDENING and other in _WIDENING:
        return max(one, other, key=_WIDENING.index)
    return "VARCHAR"
