"""CSV and TSV: every column is text, an unquoted empty field is NULL, and no record is lost on the way.

A file that DuckDB reads to its end without a complaint is read as it stands. Any other, not in UTF-8 or with
records that are no rows, is copied once: the records that parse, numbered, and beside them those that do not.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import duckdb

from datalinx.engine.connectors.base import RECORD_COLUMN, Limits
from datalinx.engine.connectors.detect import detect_columns
from datalinx.engine.connectors.file.area import AreaFile
from datalinx.engine.connectors.file.cleaning import REJECTS
from datalinx.engine.connectors.file.compression import ends_with_a_line_of, read_head
from datalinx.engine.connectors.file.config import TableOptions
from datalinx.engine.connectors.file.dialect import SAMPLE_RECORDS, sniff
from datalinx.engine.connectors.file.encoding import (
    WINDOWS_1252,
    encoding_of_head,
    is_utf8,
    tell_utf8_from_windows,
)
from datalinx.engine.connectors.file.facts import Cache, FileColumn, FileFacts
from datalinx.engine.connectors.file.problems import DATA_ERRORS, NOT_THE_DATA, check_names, unreadable
from datalinx.engine.connectors.file.recognise import Kind
from datalinx.engine.connectors.file.records import CLEAN, copy_records
from datalinx.engine.connectors.naming import distinct_names
from datalinx.engine.connectors.reading import call, identifier, literal, reader, struct
from datalinx.errors import Failed


def inspect_delimited(
    file: AreaFile, options: TableOptions, cache: Cache, kind: Kind, limits: Limits
) -> FileFacts:
    """Read the whole file once and return its facts; raise `Failed` when there is nothing to read in it."""
    head = kind.head
    if len(head) < limits.sample_bytes:
        head = read_head(file.path, file.name, kind.compression, limits.sample_bytes)
    complete = len(head) < limits.sample_bytes
    encoding = encoding_of_head(head, options.encoding)
    facts = _describe(file, options, kind, head, encoding, complete=complete, limits=limits)
    # DuckDB skips lines by rules of its own when their ends differ, so it is asked to skip none.
    if is_utf8(encoding) and not facts.skip:
        try:
            rows = _count(file.path, facts, limits)
            # A last line that is longer than its buffer DuckDB leaves out without a word.
            if _agrees(rows, facts, complete=complete) and (
                complete or ends_with_a_line_of(file.path, file.name, kind.compression, limits.record_bytes)
            ):
                return replace(facts, rows=rows)
        except NOT_THE_DATA as error:
            raise unreadable(error, file.name) from error
        except DATA_ERRORS:
            if options.encoding is None:
                encoding = tell_utf8_from_windows(file.path, file.name, kind.compression)
    if encoding == WINDOWS_1252 and options.encoding is None:
        facts = _describe(file, options, kind, head, encoding, complete=complete, limits=limits)
    return copy_clean(file, facts, encoding, cache, limits)


def copy_clean(file: AreaFile, facts: FileFacts, encoding: str, cache: Cache, limits: Limits) -> FileFacts:
    """Copy the records that parse into the cache and return the facts of the copy; `facts` are the file's."""
    rows, malformed, first = copy_records(file, facts, encoding, cache, limits)
    if malformed and not rows:
        raise Failed(
            "FILE_UNREADABLE",
            f"No record of {file.name} has the {len(facts.columns)} fields of its header ({first}). "
            "Say its `delimiter`, `quote`, `header` or `skip`.",
        )
    notices = [*facts.notices]
    if not is_utf8(encoding):
        shown = "Windows-1252" if encoding == WINDOWS_1252 else encoding.upper()
        notices.append(f"{file.name} is read as {shown}; say `encoding` if that is wrong.")
    if malformed:
        notices.append(f"{malformed:,} records of {file.name} are no rows, the first: {first}.")
    clean = replace(
        facts,
        rows=rows,
        malformed=malformed,
        clean=cache.path(CLEAN).name,
        rejects=cache.path(REJECTS).name if malformed else None,
        notices=tuple(notices),
    )
    try:
        counted = _count(cache.path(CLEAN), clean, limits)
    except duckdb.Error as error:
        raise unreadable(error, file.name) from error
    if counted != rows:
        raise Failed(
            "FILE_UNREADABLE",
            f"{file.name} can be read in two ways, as {rows:,} or {counted:,} records. Say its `quote`.",
        )
    return clean


def delimited_call(facts: FileFacts, paths: Sequence[Path], limits: Limits) -> str:
    """Return DuckDB's reader of files with the same facts, or of their clean copies."""
    columns = [(column.name, "VARCHAR") for column in facts.columns]
    if facts.clean:
        columns.insert(0, (RECORD_COLUMN, "BIGINT"))
    options: dict[str, str | int | bool] = {
        "auto_detect": False,
        "columns": struct(columns),
        "header": facts.header and not facts.clean,
        "skip": 0 if facts.clean else facts.skip,
        "delim": literal(facts.delimiter),
        "quote": literal(facts.quote),
        "escape": literal(facts.quote),
        "nullstr": "''",
        # Without this a quoted empty field would be NULL too.
        "allow_quoted_nulls": False,
        "strict_mode": True,
        "max_line_size": limits.record_bytes,
        "compression": literal("none" if facts.clean else facts.compression),
    }
    if facts.clean:
        # DuckDB takes the first line end of a file for all of them, even one inside quotes.
        options["new_line"] = r"'\n'"
    return call("read_csv", paths, options)


def _count(path: Path, facts: FileFacts, limits: Limits) -> int:
    """Return the rows that DuckDB reads; it raises unless every record has its fields, in UTF-8."""
    with reader([path], limits) as connection:
        # Every column is asked for: DuckDB does not check what it does not have to read.
        values = ", ".join(f"count({identifier(column.name)})" for column in facts.columns)
        relation = delimited_call(facts, [path], limits)
        found = connection.execute(f"SELECT count(*), {values} FROM {relation}").fetchone()
    return int(found[0]) if found else 0


def _agrees(rows: int, facts: FileFacts, *, complete: bool) -> bool:
    """Whether DuckDB found the records that were seen in the sample, and no others where that was all."""
    seen = facts.rows
    # Of a single column an empty line is a record, which the sample does not count.
    sees_all = complete and seen < SAMPLE_RECORDS - 1 and len(facts.columns) > 1
    return rows == seen if sees_all else rows >= seen


def _describe(
    file: AreaFile,
    options: TableOptions,
    kind: Kind,
    head: bytes,
    encoding: str,
    *,
    complete: bool,
    limits: Limits,
) -> FileFacts:
    """Return what the beginning of the file tells; `rows` are those that were seen there."""
    sample = head.decode(encoding, errors="replace").removeprefix("\ufeff")
    dialect, found = sniff(sample, options, tabs=kind.format == "tsv", complete=complete)
    if not found:
        raise Failed("FILE_EMPTY", f"{file.name} holds no record. Upload it again with its data.")
    body = found[1:] if dialect.header else found
    width = _width(found[0] if dialect.header else None, body, file.name)
    keys = found[0] if dialect.header else [""] * width
    check_names(keys, file.name, limits)
    names, notices = distinct_names(keys)
    detected = detect_columns(body, width)
    return FileFacts(
        layout="delimited",
        compression=kind.compression,
        columns=tuple(
            FileColumn(key, name, "VARCHAR", seen)
            for key, name, seen in zip(keys, names, detected, strict=True)
        ),
        rows=len(body),
        delimiter=dialect.delimiter,
        quote=dialect.quote,
        header=dialect.header,
        skip=dialect.skip,
        notices=tuple(notices) if dialect.header else (f"{file.name} is read as a file without a header.",),
    )


def _width(header: Sequence[str] | None, body: Sequence[Sequence[str]], name: str) -> int:
    """Return how many fields a record has: as many as the header, else as most records of the sample."""
    widths = Counter(len(record) for record in body)
    usual = widths.most_common(1)[0][0] if widths else 0
    if header is None:
        return usual
    if body and not any(fits(record, len(header)) for record in body):
        raise Failed(
            "FILE_HEADER_MISMATCH",
            f"The first record of {name} has another number of fields ({len(header)}) than the others ({usual}). "
            "Say how many lines to `skip` before the header, or `header: false`.",
        )
    return len(header)


def fits(record: Sequence[str], width: int) -> bool:
    """Whether a record has as many fields as there are columns; one delimiter too many at its end is no field."""
    return len(record) == width or (len(record) == width + 1 and not record[-1])
