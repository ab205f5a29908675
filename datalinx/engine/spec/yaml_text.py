"""YAML from anywhere as plain values: bounded in size, in depth and in what aliases make of it; nothing is run."""

import math
import re
from collections.abc import Iterator
from typing import Any, cast

import yaml

from datalinx.errors import FieldError, Invalid

MAX_BYTES = 1_000_000
MAX_DEPTH = 32
# What a text may come to when its aliases are written out: its characters, and this many more for each value.
MAX_SIZE = 3_000_000
_VALUE = 20
# Of a key that stands in a message.
_SHOWN = 100

# JSON's values alone. YAML 1.1 takes NO for false, 12:30 for a number and 2026-01-02 for a date; here they are texts.
_WHOLE = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,30})?([eE][-+]?[0-9]{1,3})?")
_NAMED: dict[str, bool | None] = {"": None, "~": None, "null": None, "true": True, "false": False}
_NAMED |= {name.capitalize(): value for name, value in _NAMED.items()}
# PostgreSQL cannot store the one, and UTF-8 cannot say the others.
_UNSPEAKABLE = re.compile("[\x00\ud800-\udfff]")
_TEXT_TAGS = {None, "!", "tag:yaml.org,2002:str"}
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(text: str, *, field: str = "document") -> Any:
    """Return the one document of a text as dictionaries with texts as keys, lists, texts, numbers and truth values.

    Raises Invalid YAML_INVALID, with the path from `field` on, for what is broken, too large or too deep, names a
    type, has a key twice, or holds several documents.
    """
    return _Reader(field).read(text)


class _Reader:
    """Makes values of the events of a parser, so that every bound holds before anything is made."""

    def __init__(self, field: str) -> None:
        self._path: list[str | int] = [field]
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._size = 0
        self._events: Iterator[Any] = iter(())

    def read(self, text: str) -> Any:
        try:
            length = len(text.encode())
        except UnicodeEncodeError:
            raise self._fault("It is no text: it holds half of a character.") from None
        if length > MAX_BYTES:
            raise self._fault(f"It is larger than {MAX_BYTES:,} bytes; give a smaller part of it.")
        try:
            self._events = yaml.parse(text, Loader=_LOADER)
            return self._document()
        except (yaml.YAMLError, ValueError, StopIteration) as error:
            raise self._fault(f"It is not YAML: {_sentence(error)}") from error

    def _document(self) -> Any:
        next(self._events)
        event = next(self._events)
        if isinstance(event, yaml.StreamEndEvent):
            return None
        value = self._value(next(self._events))
        next(self._events)
        if not isinstance(next(self._events), yaml.StreamEndEvent):
            raise self._fault("It holds several documents; give one alone.")
        return value

    def _value(self, event: Any) -> Any:
        if isinstance(event, yaml.AliasEvent):
            anchor = str(event.anchor)
            if anchor not in self._anchors:
                raise self._fault(f"The alias *{anchor[:_SHOWN]} names nothing that ends before it.")
            value, size = self._anchors[anchor]
            self._grow(size)
            return value
        before = self._size
        if isinstance(event, yaml.ScalarEvent):
            value = self._scalar(event)
        elif len(self._path) > MAX_DEPTH:
            raise self._fault(f"It is nested deeper than {MAX_DEPTH} levels.")
        else:
            self._grow(_VALUE)
            self._check_tag(event, {None, "!", f"tag:yaml.org,2002:{_kind(event)}"})
            value = self._list() if isinstance(event, yaml.SequenceStartEvent) else self._mapping()
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, self._size - before)
        return value

    def _list(self) -> list[Any]:
        found: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            self._path.append(len(found))
            found.append(self._value(event))
            self._path.pop()
        return found

    def _mapping(self) -> dict[str, Any]:
        own: dict[str, Any] = {}
        merged: list[Any] = []
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise self._fault("A key is no text here.")
            key = self._text(event)
            self._grow(len(key) + _VALUE)
            self._path.append(key[:_SHOWN])
            if key in own:
                raise self._fault(f"The key {key[:_SHOWN]!r} stands here twice.", code="duplicate_key")
            value = self._value(next(self._events))
            if key == "<<" and event.implicit[0]:
                merged += value if isinstance(value, list) else [value]
            else:
                own[key] = value
            self._path.pop()
        for other in merged:
            if not isinstance(other, dict):
                raise self._fault("What `<<` takes in is no mapping.")
            for key, value in other.items():
                own.setdefault(key, value)
        return own

    def _scalar(self, event: Any) -> Any:
        text = self._text(event)
        self._grow(len(text) + _VALUE)
        if not event.implicit[0]:
            return text
        if text in _NAMED:
            return _NAMED[text]
        if _WHOLE.fullmatch(text):
            return int(text)
        if _FLOAT.fullmatch(text) and math.isfinite(number := float(text)):
            return number
        return text

    def _text(self, event: Any) -> str:
        self._check_tag(event, _TEXT_TAGS)
        text = cast("str", event.value)
        if _UNSPEAKABLE.search(text):
            raise self._fault("A text holds the character U+0000, or half of a character.")
        return text

    def _check_tag(self, event: Any, known: set[str | None]) -> None:
        if event.tag not in known:
            raise self._fault(f"The tag {event.tag[:_SHOWN]} is not taken; write plain values.")

    def _grow(self, size: int) -> None:
        self._size += size
        if self._size > MAX_SIZE:
            raise self._fault(
                "It holds too many values, or its aliases make it too large; give a part of it."
            )

    def _fault(self, sentence: str, *, code: str = "invalid_yaml") -> Invalid:
        path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in self._path)[1:]
        return Invalid("YAML_INVALID", f"{path}: {sentence}", errors=[FieldError(path, code, sentence)])


def _kind(event: Any) -> str:
    return "seq" if isinstance(event, yaml.SequenceStartEvent) else "map"


def _sentence(error: Exception) -> str:
    if not isinstance(error, yaml.MarkedYAMLError):
        return " ".join(str(error).split())[:300] or "it ends too early."
    said = " ".join(filter(None, (error.context, error.problem)))
    return f"{said} (line {error.problem_mark.line + 1})." if error.problem_mark else f"{said}."
