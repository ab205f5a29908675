"""What all records of a JSON file are made of: its keys, and a type for each that holds all its values."""

import json
import re
from dataclasses import dataclass, field
from typing import Any, cast

import orjson

from datalinx.engine.connectors.base import Limits
from datalinx.engine.connectors.file.problems import check_names

# DuckDB 2.0 refuses deeper documents and 1.5 crashes on much deeper ones: neither ever sees one.
MAX_DEPTH = 100
_SAMPLED_TEXTS = 1_000

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
    """What all records of a file are made of; with `unique` an object that has a key twice is no record."""

    limits: Limits
    name: str
    unique: bool = False
    keys: dict[str, Key] = field(default_factory=dict)
    rows: int = 0
    malformed: int = 0
    first_fault: str = ""

    def see(self, number: int, raw: bytes) -> None:
        """Take one record into account."""
        record, fault = parse(raw, unique=self.unique)
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


def parse(raw: bytes, *, unique: bool = False) -> tuple[dict[str, Any], str]:
    """Return the object that the text holds, and why it is no record ("" when it is one).

    Which value a key has that stands there twice, readers do not agree on (RFC 8259, section 4): with `unique`
    that is told. It costs as much as all the rest, several times over.
    """
    if raw.count(b"[") + raw.count(b"{") > MAX_DEPTH and _depth(raw) > MAX_DEPTH:
        return {}, f"it is nested deeper than {MAX_DEPTH} levels"
    try:
        record = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        return {}, f"it is not JSON ({error.msg} at character {error.pos + 1})"
    if not isinstance(record, dict):
        return {}, "it is not an object"
    repeated = _repeated_key(raw) if unique else None
    return ({}, f"it has the key {repeated!r} twice") if repeated is not None else (record, "")


def _repeated_key(raw: bytes) -> str | None:
    """Return the first key that an object has twice, those of objects inside it not looked at."""
    seen: set[str] = set()
    # Numbers are not looked at: Python has a limit for their digits.
    for name, _ in json.loads(raw, object_pairs_hook=list, parse_int=str, parse_float=str):
        if name in seen:
            return str(name)
        seen.add(name)
    return None


_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")


def _depth(raw: bytes) -> int:
    """Return how deep brackets are nested, those in strings not counted."""
    depth = deepest = 0
    for byte in _STRING.sub(b"", raw).translate(None, _NOT_BRACKETS):
        depth += 1 if byte in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest
