"""Values as text for people: safe to show in a terminal, whatever the data holds."""

import json
from collections.abc import Mapping
from typing import Any

# What moves a cursor, changes colours or rings (C0, DEL, C1) is shown, not done: data may come from anybody.
_CONTROL = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))}
_ESCAPED = {**_CONTROL, 9: "\\t", 10: "\\n", 13: "\\r"}
# The same for JSON, where such characters can only stand inside of texts.
_JSON_ESCAPED = {code: f"\\u{code:04x}" for code in range(127, 160)}


def plain(text: str) -> str:
    """Return a text on one line whose control characters are written out."""
    return text.translate(_ESCAPED)


def shown(value: Any) -> str:
    """Return a value as it stands in a cell."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case str():
            return plain(value)
        case Mapping() if set(value) == {"value"}:
            return shown(value["value"])
        case list() if all(isinstance(item, str) for item in value):
            return plain(", ".join(value))
        case dict() | list():
            return plain(json.dumps(value, ensure_ascii=False))
    return str(value)


def as_json(value: Any) -> str:
    """Return a value as indented JSON that a terminal can show as it is."""
    return json.dumps(value, ensure_ascii=False, indent=2).translate(_JSON_ESCAPED)


def count(number: Any) -> str:
    """Return a count with thousands apart, empty when it is not known."""
    return f"{number:,}" if isinstance(number, int) else shown(number)


def seconds(number: Any) -> str:
    """Return a duration of seconds."""
    return f"{number:.1f} s" if isinstance(number, int | float) else ""
