"""JSON and JSON lines: an object is a record, its top-level keys are columns, what is nested stays JSON.

Numbers, booleans and texts keep their kind where a key has one kind in the whole file; a key of several kinds is
text. Texts stay text, whatever they look like. JSON is UTF-8 (RFC 8259, section 8.1), with or without a BOM.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

from datalinx.engine.connectors.base import RECORD_COLUMN, Limits
from datalinx.engine.connectors.detect import detect_type
from datalinx.engine.connectors.file.area import AreaFile
from datalinx.engine.connectors.file.cleaning import REJECTS, SHOWN_TEXT, copying
from datalinx.engine.connectors.file.config import TableOptions
from datalinx.engine.connectors.file.encoding import encoding_of_head, is_utf8
from datalinx.engine.connectors.file.facts import Cache, FileColumn, FileFacts
from datalinx.engine.connectors.file.json_stream import (
    BOM,
    JsonLayout,
    layout_of,
    longest_record,
    read_records,
    reader_compression,
)
from datalinx.engine.connectors.file.json_survey import Survey, parse
from datalinx.engine.connectors.file.problems import DATA_ERRORS, NOT_THE_DATA, check_names, unreadable
from datalinx.engine.connectors.file.recognise import Kind
from datalinx.engine.connectors.file.records import shown
from datalinx.engine.connectors.naming import distinct_names
from datalinx.engine.connectors.reading import call, identifier, literal, reader, struct
from datalinx.errors import Failed

CLEAN = ".clean.jsonl"


def inspect_json(
    file: AreaFile, options: TableOptions, cache: Cache, kind: Kind, limits: Limits
) -> FileFacts:
    """Read the whole file once and return its facts; raise `Failed` when there is nothing to read in it."""
    encoding = encoding_of_head(kind.head, options.encoding)
    if not is_utf8(encoding):
        raise Failed(
            "FILE_ENCODING_MISMATCH",
            f"{file.name} is {encoding.upper()}; JSON is always UTF-8 (RFC 8259). Save it as UTF-8.",
        )
    layout = layout_of(kind)
    facts = _survey(file, kind, layout, limits)
    if not _is_pointed([column.key for column in facts.columns]):
        # DuckDB takes no BOM before lines; and what it does not read as the survey did is rewritten for it.
        is_plain = not (facts.malformed or (layout == "newline_delimited" and kind.head.startswith(BOM)))
        if is_plain and _reads_alike(file.path, file.name, facts, limits):
            return facts
        clean = _copy_clean(file, kind, facts, cache, limits)
        if _reads_alike(cache.path(CLEAN), file.name, clean, limits):
            return clean
    # DuckDB refuses an object with a key twice, and a JSON pointer finds its first value where others take the last.
    facts = _survey(file, kind, layout, limits, unique=True)
    clean = _copy_clean(file, kind, facts, cache, limits, unique=True)
    if not _reads_alike(cache.path(CLEAN), file.name, clean, limits):
        raise Failed("FILE_UNREADABLE", f"{file.name} holds JSON that cannot be read as a table.")
    return clean


def _survey(
    file: AreaFile, kind: Kind, layout: JsonLayout, limits: Limits, *, unique: bool = False
) -> FileFacts:
    survey = Survey(limits, file.name, unique)
    for number, raw in read_records(file, kind, layout, limits):
        survey.see(number, raw)
    if not survey.rows:
        why = f" ({survey.first_fault})" if survey.first_fault else ""
        code = "FILE_UNREADABLE" if survey.malformed else "FILE_EMPTY"
        raise Failed(code, f"{file.name} holds no JSON object{why}. Each row must be an object.")
    return _facts(file, kind, layout, survey)


def _reads_alike(path: Path, name: str, facts: FileFacts, limits: Limits) -> bool:
    """Whether DuckDB reads every value as the type that the survey found, and as many records."""
    relation, values = json_select(facts, [path], limits)
    counts = ", ".join(f"count({value})" for value in values)
    try:
        with reader([path], limits) as connection:
            found = connection.execute(f"SELECT count(*), {counts} FROM {relation}").fetchone()
    except NOT_THE_DATA as error:
        raise unreadable(error, name) from error
    except DATA_ERRORS:
        return False
    return found is not None and found[0] == facts.rows


def json_select(facts: FileFacts, paths: Sequence[Path], limits: Limits) -> tuple[str, list[str]]:
    """Return DuckDB's reader of files with the same facts (or their clean copies), and an expression a column."""
    layout = "newline_delimited" if facts.clean else facts.layout
    options: dict[str, str | int | bool] = {
        "format": literal(layout),
        "maximum_object_size": longest_record(limits),
        "compression": reader_compression("none" if facts.clean else facts.compression),
    }
    keys = [column.key for column in facts.columns]
    if _is_pointed(keys):
        # Keys that SQL takes for one name, or for none, are fetched by JSON pointer (RFC 6901).
        values = [_pointed(column) for column in facts.columns]
        number = f"CAST(json_extract_string(json, {literal('/' + number_key(keys))}) AS BIGINT)"
        return call("read_json_objects", paths, options), [*values, *([number] if facts.clean else [])]
    typed = [(column.key, column.type) for column in facts.columns]
    typed += [(number_key(keys), "BIGINT")] if facts.clean else []
    relation = call("read_json", paths, {**options, "columns": struct(typed)})
    return relation, [identifier(name) for name, _ in typed]


def _is_pointed(keys: Sequence[str]) -> bool:
    """Whether SQL cannot name all the keys."""
    return "" in keys or len({key.casefold() for key in keys}) < len(keys)


def number_key(keys: Sequence[str]) -> str:
    """Return the key of the number in a clean copy: one that no record has."""
    taken = {key.casefold() for key in keys}
    name = RECORD_COLUMN
    while name in taken:
        name += "_"
    return name


def _pointed(column: FileColumn) -> str:
    pointer = literal("/" + column.key.replace("~", "~0").replace("/", "~1"))
    if column.type == "JSON":
        return f"CASE WHEN json_type(json, {pointer}) <> 'NULL' THEN json_extract(json, {pointer}) END"
    return f"CAST(json_extract_string(json, {pointer}) AS {column.type})"


def _facts(file: AreaFile, kind: Kind, layout: JsonLayout, survey: Survey) -> FileFacts:
    keys = list(survey.keys)
    if not keys:
        raise Failed("FILE_EMPTY", f"The objects of {file.name} have no keys.")
    check_names(keys, file.name, survey.limits)
    names, notices = distinct_names(keys)
    if survey.malformed:
        notices.append(
            f"{survey.malformed:,} records of {file.name} are no rows, the first: {survey.first_fault}."
        )
    columns = tuple(
        FileColumn(key, name, found.type, detect_type(found.texts) if found.kinds == {"VARCHAR"} else None)
        for (key, found), name in zip(survey.keys.items(), names, strict=True)
    )
    return FileFacts(
        layout=layout,
        compression=kind.compression,
        columns=columns,
        rows=survey.rows,
        malformed=survey.malformed,
        notices=tuple(notices),
    )


def _copy_clean(
    file: AreaFile, kind: Kind, facts: FileFacts, cache: Cache, limits: Limits, *, unique: bool = False
) -> FileFacts:
    """Copy the objects into the cache, one a line, each with its number as one more key."""
    layout = cast(JsonLayout, facts.layout)
    key = number_key([column.key for column in facts.columns]).encode()
    with copying(cache, file.name, CLEAN) as copy:
        for number, raw in read_records(file, kind, layout, limits):
            _, fault = parse(raw, unique=unique)
            if fault:
                copy.rejects.add(number, shown(raw[: 8 * SHOWN_TEXT].decode("utf-8", "replace")), fault)
                continue
            # A line end inside an object is white space: texts hold theirs escaped.
            rest = raw.strip()[1:].lstrip().replace(b"\n", b" ").replace(b"\r", b" ")
            comma = b"" if rest.startswith(b"}") else b","
            copy.keep(b'{"%s":%d%s%s\n' % (key, number, comma, rest))
    rejects = cache.path(REJECTS).name if facts.malformed else None
    return replace(facts, clean=cache.path(CLEAN).name, rejects=rejects)
