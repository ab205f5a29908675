"""JSON and JSON lines: an object is a record, its top-level keys are columns, what is nested stays JSON.

Numbers, booleans and texts keep their kind where a key has one kind in the whole file; a key of several kinds is
text. Texts stay text, whatever they look like. JSON is UTF-8 (RFC 8259, section 8.1), with or without a BOM.
"""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any, Literal, cast

import duckdb
import orjson

from datalinx.engine.connectors.base import RECORD_COLUMN, Limits
from datalinx.engine.connectors.detect import detect_type
from datalinx.engine.connectors.file.area import AreaFile
from datalinx.engine.connectors.file.cleaning import REJECTS, SHOWN_TEXT, copying
from datalinx.engine.connectors.file.config import TableOptions
from datalinx.engine.connectors.file.encoding import encoding_of_head, is_utf8
from datalinx.engine.connectors.file.facts import Cache, FileColumn, FileFacts
from datalinx.engine.connectors.file.problems import DATA_ERRORS, NOT_THE_DATA, check_names, unreadable
from datalinx.engine.connectors.file.recognise import Compression, Kind, open_bytes, undamaged
from datalinx.engine.connectors.file.records import shown
from datalinx.engine.connectors.naming import distinct_names
from datalinx.engine.connectors.reading import call, identifier, literal, reader, struct
from datalinx.errors import Failed

CLEAN = ".clean.jsonl"
JsonLayout = Literal["newline_delimited", "array", "unstructured"]

# DuckDB 2.0 refuses deeper documents and 1.5 crashes on much deeper ones: neither ever sees one.
MAX_DEPTH = 100
# JSON records are wider than lines of a table: a record may be this many times longer.
_LONGER = 8
_SAMPLED_TEXTS = 1_000
_BATCH = 1_000

_KINDS: dict[type, str] = {
    bool: "BOOLEAN",
    int: "BIGINT",
    float: "DOUBLE",
    str: "VARCHAR",
    dict: "JSON",
    list: "JSON",
}


@dataclass
class Key:
    """What is known of one key: the kinds of its values, and some of its texts."""

    kinds: set[str] = field(default_factory=set)
    texts: list[str] = field(default_factory=list)
    # The classes of Python of which no further value can tell anything new.
    settled: set[type] = field(default_factory=lambda: {type(None)})

    def see(self, value: object) -> None:
        """Take one value into account."""
        kind = _KINDS[type(value)]
        if isinstance(value, str):
            self.texts.append(value[:100])
            if len(self.texts) == _SAMPLED_TEXTS:
                self.settled.add(str)
        elif kind in {"BIGINT", "DOUBLE"}:
            # A number that 64 bits do not hold would lose digits: the key is read as text.
            if not -(2**63) <= cast(float, value) < 2**63:
                kind = "VARCHAR"
                self.settled |= {int, float}
        else:
            self.settled.add(type(value))
        self.kinds.add(kind)

    @property
    def type(self) -> str:
        """The DuckDB type of the column."""
        if len(self.kinds) == 1:
            return next(iter(self.kinds))
        if self.kinds == {"BIGINT", "DOUBLE"}:
            return "DOUBLE"
        return "JSON" if "JSON" in self.kinds else "VARCHAR"


@dataclass
class Survey:
    """What all records of a file are made of."""

    limits: Limits
    name: str
    keys: dict[str, Key] = field(default_factory=dict)
    rows: int = 0
    malformed: int = 0
    first_fault: str = ""

    def see(self, number: int, raw: bytes) -> None:
        """Take one record into account."""
        record, fault = parse(raw)
        if fault:
            self.malformed += 1
            self.first_fault = self.first_fault or f"record {number}: {fault}"
            return
        self.rows += 1
        # This loop runs once for every value of the file.
        keys = self.keys
        for name, value in record.items():
            key = keys.get(name)
            if key is None:
                key = keys[name] = Key()
                if len(keys) > self.limits.columns:
                    check_names(list(keys), self.name, self.limits)
            if value.__class__ not in key.settled:
                key.see(value)


def parse(raw: bytes) -> tuple[dict[str, Any], str]:
    """Return the object that the text holds, and why it is no record ("" when it is one)."""
    if raw.count(b"[") + raw.count(b"{") > MAX_DEPTH and _depth(raw) > MAX_DEPTH:
        return {}, f"it is nested deeper than {MAX_DEPTH} levels"
    try:
        record = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        return {}, f"it is not JSON ({error.msg} at character {error.pos + 1})"
    if not isinstance(record, dict):
        return {}, "it is not an object"
    return record, ""


_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")


def _depth(raw: bytes) -> int:
    """Return how deep brackets are nested, those in strings not counted."""
    depth = deepest = 0
    for byte in _STRING.sub(b"", raw).translate(None, _NOT_BRACKETS):
        depth += 1 if byte in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


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
    layout = _layout(kind)
    survey = Survey(limits, file.name)
    for number, raw in _records(file, kind, layout, limits):
        survey.see(number, raw)
    if not survey.rows:
        why = f" ({survey.first_fault})" if survey.first_fault else ""
        code = "FILE_UNREADABLE" if survey.malformed else "FILE_EMPTY"
        raise Failed(code, f"{file.name} holds no JSON object{why}. Each row must be an object.")
    facts = _facts(file, kind, layout, survey)
    # DuckDB takes no BOM before lines; and what it does not read as the survey did is rewritten for it.
    is_plain = not (survey.malformed or (layout == "newline_delimited" and kind.head.startswith(_BOM)))
    if is_plain and _reads_alike(file.path, file.name, facts, limits):
        return facts
    clean = _copy_clean(file, kind, facts, cache, limits)
    if not _reads_alike(cache.path(CLEAN), file.name, clean, limits):
        raise Failed("FILE_UNREADABLE", f"{file.name} holds JSON that cannot be read as a table.")
    return clean


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
        "maximum_object_size": limits.record_bytes * _LONGER,
        "compression": _compression("none" if facts.clean else facts.compression),
    }
    keys = [column.key for column in facts.columns]
    if "" in keys or len({key.casefold() for key in keys}) < len(keys):
        # Keys that SQL takes for one name, or for none, are fetched by JSON pointer (RFC 6901).
        values = [_pointed(column) for column in facts.columns]
        number = f"CAST(json_extract_string(json, {literal('/' + number_key(keys))}) AS BIGINT)"
        return call("read_json_objects", paths, options), [*values, *([number] if facts.clean else [])]
    typed = [(column.key, column.type) for column in facts.columns]
    typed += [(number_key(keys), "BIGINT")] if facts.clean else []
    relation = call("read_json", paths, {**options, "columns": struct(typed)})
    return relation, [identifier(name) for name, _ in typed]


def number_key(keys: Sequence[str]) -> str:
    """Return the key of the number in a clean copy: one that no record has."""
    taken = {key.casefold() for key in keys}
    name = RECORD_COLUMN
    while name in taken:
        name += "_"
    return name


def _compression(compression: Compression) -> str:
    # DuckDB 1.5 has another word for it in JSON than in CSV.
    return literal("uncompressed" if compression == "none" else compression)


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


def _copy_clean(file: AreaFile, kind: Kind, facts: FileFacts, cache: Cache, limits: Limits) -> FileFacts:
    """Copy the objects into the cache, one a line, each with its number as one more key."""
    layout = cast(JsonLayout, facts.layout)
    key = number_key([column.key for column in facts.columns]).encode()
    with copying(cache, file.name, CLEAN) as copy:
        for number, raw in _records(file, kind, layout, limits):
            _, fault = parse(raw)
            if fault:
                copy.rejects.add(number, shown(raw[: 8 * SHOWN_TEXT].decode("utf-8", "replace")), fault)
                continue
            # A line end inside an object is white space: texts hold theirs escaped.
            rest = raw.strip()[1:].lstrip().replace(b"\n", b" ").replace(b"\r", b" ")
            comma = b"" if rest.startswith(b"}") else b","
            copy.keep(b'{"%s":%d%s%s\n' % (key, number, comma, rest))
    rejects = cache.path(REJECTS).name if facts.malformed else None
    return replace(facts, clean=cache.path(CLEAN).name, rejects=rejects)


def _layout(kind: Kind) -> JsonLayout:
    """Return how the file's objects stand in it: in an array, one a line, or one after another."""
    head = kind.head.removeprefix(_BOM).lstrip()
    if kind.format == "jsonl" and not head.startswith(b"[{"):
        return "newline_delimited"
    if head.startswith(b"["):
        return "array"
    first, *more = head.split(b"\n", 1)
    record, fault = parse(first)
    whole = not fault and bool(record) and (not more or more[0].lstrip()[:1] in {b"{", b""})
    return "newline_delimited" if whole else "unstructured"


_BOM = b"\xef\xbb\xbf"


def _records(file: AreaFile, kind: Kind, layout: JsonLayout, limits: Limits) -> Iterator[tuple[int, bytes]]:
    """Yield each record's number and text; empty lines are none."""
    if layout == "newline_delimited":
        with undamaged(file.name), open_bytes(file.path, kind.compression) as stream:
            lines = (line for line in _lines(stream, limits.record_bytes * _LONGER) if line.strip())
            yield from enumerate(lines, start=1)
        return
    if layout == "array" and _last_byte(file, kind) != b"]":
        # DuckDB takes an array that breaks off between two objects for a whole one.
        raise Failed("FILE_UNREADABLE", f"{file.name} breaks off: its array is not closed. Upload it again.")
    relation = call(
        "read_json_objects",
        [file.path],
        {
            "format": literal(layout),
            "maximum_object_size": limits.record_bytes * _LONGER,
            "compression": _compression(kind.compression),
        },
    )
    with reader([file.path], limits) as connection:
        try:
            found = connection.execute(f"SELECT encode(CAST(json AS VARCHAR)) FROM {relation}")
            number = 0
            while batch := found.fetchmany(_BATCH):
                for (raw,) in batch:
                    number += 1
                    yield number, raw
        except duckdb.Error as error:
            raise unreadable(error, file.name) from error


def _last_byte(file: AreaFile, kind: Kind) -> bytes:
    """Return the last byte that is not white space."""
    last = b""
    with undamaged(file.name), open_bytes(file.path, kind.compression) as stream:
        if kind.compression == "none":
            stream.seek(-min(file.path.stat().st_size, 1024), os.SEEK_END)
        while chunk := stream.read(1024 * 1024):
            last = chunk.rstrip()[-1:] or last
    return last


def _lines(stream: IO[bytes], limit: int) -> Iterator[bytes]:
    """Yield the lines; of one that is too long only its beginning, which then is no JSON."""
    is_first = True
    while line := stream.readline(limit):
        yield line.removeprefix(_BOM) if is_first else line
        is_first = False
        while len(line) >= limit and not line.endswith(b"\n"):
            line = stream.readline(limit) or b"\n"
