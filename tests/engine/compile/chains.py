"""Chains with every decorator, as (source column, type of the target column, decorators)."""

from typing import Any

# `identity` is a lookup and no expression: it has cases of its own.
WITHOUT_CASE = {"identity"}

CHAINS: dict[str, tuple[tuple[str, str, list[Any]], ...]] = {
    "trim": (("t", "string", ["trim"]),),
    "collapse_whitespace": (("t", "string", ["collapse_whitespace"]),),
    "lower": (("t", "string", ["trim", "lower"]),),
    "upper": (("t", "string", ["upper"]),),
    "title": (("t", "string", ["title"]),),
    "empty_to_null": (("t", "string", [{"name": "empty_to_null", "values": ["a", "12"]}]),),
    "default": (("t", "string", [{"name": "default", "value": "none"}]),),
    "replace": (("t", "string", [{"name": "replace", "find": "a", "replace": "$1\\"}]),),
    "regex_extract": (("t", "string", [{"name": "regex_extract", "pattern": "([a-z])([A-Z])", "group": 2}]),),
    "split_part": (("t", "string", [{"name": "split_part", "separator": ",", "index": -1}]),),
    "map_values": (
        ("t", "string", [{"name": "map_values", "values": {"a": "b", "12": None}, "otherwise": "invalid"}]),
        ("t", "string", [{"name": "map_values", "values": {"a": "b"}}]),
    ),
    "truncate": (("t", "string", [{"name": "truncate", "length": 3}]),),
    "hash": (
        ("t", "string", [{"name": "hash", "salt": "s"}]),
        ("t", "string", [{"name": "hash", "algorithm": "md5"}]),
    ),
    "mask": (("t", "string", [{"name": "mask", "keep_first": 1, "keep_last": 2}]), ("t", "string", ["mask"])),
    "cast": (
        ("t", "integer", [{"name": "cast", "type": "integer"}]),
        ("d", "decimal", [{"name": "cast", "type": "decimal"}]),
    ),
    "parse_date": (
        ("t", "date", [{"name": "parse_date", "formats": ["%Y-%m-%d", "%d.%m.%Y"]}]),
        ("j", "datetime", [{"name": "parse_date", "formats": ["%d %b %Y %I:%M %p"]}]),
    ),
    "parse_number": (
        ("t", "decimal", [{"name": "parse_number", "locale": "de_DE"}]),
        ("t", "decimal", ["parse_number"]),
    ),
    "round": (
        ("d", "double", [{"name": "round", "digits": 2}]),
        ("t", "decimal", [{"name": "round", "digits": 1}]),
    ),
    "clamp": (
        ("n", "bigint", [{"name": "clamp", "min": 0, "max": 100}]),
        ("t", "decimal", [{"name": "clamp", "min": 1.5}]),
    ),
    "json_extract": (("j", "string", [{"name": "json_extract", "path": "$.a"}]),),
}
