"""How a record is named when it is looked up: the value of its table's key, or values of columns as JSON."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from datalinx.engine.compile.plan import CompiledMapping
from datalinx.errors import FieldError, Invalid

MAX_CHARACTERS = 2_000
MAX_COLUMNS = 8


def read_key(compiled: CompiledMapping, text: str) -> dict[str, str]:
    """Return what to look for, as texts by target column.

    `text` is the value of the table's key, if that is one column, or a JSON object of columns and values. Raises
    Invalid RECORD_KEY_INVALID, RECORD_KEY_INCOMPLETE.
    """
    if not text or len(text) > MAX_CHARACTERS or "\0" in text:
        raise _invalid(f"Give the key of the record as `key`, with at most {MAX_CHARACTERS:,} characters.")
    if text.startswith("{"):
        return _read_columns(text)
    keys = compiled.primary_key or compiled.load.keys
    if len(keys) == 1:
        return {keys[0]: text}
    raise _incomplete(compiled.table, keys or [field.name for field in compiled.fields], has_key=bool(keys))


def _read_columns(text: str) -> dict[str, str]:
    try:
        # This one takes no more than JSON is, but makes numbers of 53 bits of long ones.
        orjson.loads(text)
        found = json.loads(text, parse_int=str, parse_float=_figures, object_pairs_hook=_named_once)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not 0 < len(found) <= MAX_COLUMNS:
        raise _invalid(
            f"A key that begins with `{{` is a JSON object of 1 to {MAX_COLUMNS} columns, each named once, "
            'such as {"id": "7"}.'
        )
    return {name: _text_of(name, value) for name, value in found.items()}


def _figures(text: str) -> str:
    """A number with a fraction as it is written, and without its exponent."""
    return str(float(text)) if "e" in text.lower() else text


def _named_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name that repeats")
    return found


def _text_of(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and "\0" not in value:
        return value
    raise _invalid(f"The value of `{name}` is to be a text, a number or a boolean.")


def _invalid(message: str) -> Invalid:
    return Invalid("RECORD_KEY_INVALID", message, errors=[FieldError("key", "invalid", message)])


def _incomplete(table: str, names: Sequence[str], *, has_key: bool) -> Invalid:
    shown = names[:MAX_COLUMNS] if has_key else names[:1]
    example: Mapping[str, str] = dict.fromkeys(shown, "…")
    what = f"has a key of {len(names)} columns" if has_key else "has no key"
    message = f"The table `{table}` {what}: name columns as JSON, such as {orjson.dumps(example).decode()}."
    return Invalid("RECORD_KEY_INCOMPLETE", message, errors=[FieldError("key", "incomplete", message)])
