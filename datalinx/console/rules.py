"""An audience's rule in words: one line for each block, as deep as it stands."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

OPERATORS = {
    "eq": "=",
    "ne": "≠",
    "lt": "<",
    "lte": "≤",
    "gt": ">",
    "gte": "≥",
    "between": "between",
    "in": "one of",
    "not_in": "none of",
    "contains": "contains",
    "starts_with": "starts with",
    "ends_with": "ends with",
    "matches": "matches",
    "is_null": "is empty",
    "not_null": "is not empty",
    "before": "before",
    "after": "after",
    "within": "within the last",
    "not_within": "not within the last",
}
_GROUPS = {"all": "All of these", "any": "At least one of these", "not": "Not"}
_COUNTS = {
    "eq": "exactly",
    "ne": "any number but",
    "lt": "fewer than",
    "lte": "at most",
    "gt": "more than",
    "gte": "at least",
}


@dataclass(frozen=True)
class Line:
    """One block of a rule. `path` is how the API names it; `depth` counts from 0."""

    path: str
    depth: int
    text: str
    is_group: bool


def rule_lines(
    rule: Mapping[str, Any], names: Mapping[str, str], path: str = "rule", depth: int = 0
) -> Iterator[Line]:
    """Yield the lines of a rule, outer blocks first. `names` are other audiences' names by id."""
    for key, title in _GROUPS.items():
        if key in rule:
            yield Line(path, depth, title, is_group=True)
            parts = (
                [("", rule[key])] if key == "not" else [(f"[{i}]", part) for i, part in enumerate(rule[key])]
            )
            for place, part in parts:
                yield from rule_lines(part, names, f"{path}.{key}{place}", depth + 1)
            return
    if "related" in rule:
        yield Line(path, depth, _related(rule), is_group=bool(rule.get("where")))
        if rule.get("where"):
            yield from rule_lines(rule["where"], names, f"{path}.where", depth + 1)
        return
    if "audience" in rule:
        name = names.get(rule["audience"], rule["audience"])
        yield Line(path, depth, f"in the audience {name}", is_group=False)
        return
    yield Line(path, depth, _field(rule), is_group=False)


def _related(rule: Mapping[str, Any]) -> str:
    count = rule.get("count") or {"op": "gte", "value": 1}
    where = ", of those where" if rule.get("where") else ""
    return f"{_COUNTS[count['op']]} {count['value']:,} in {rule['related']} by {rule['via']}{where}"


def _field(rule: Mapping[str, Any]) -> str:
    operator, value = rule["op"], rule.get("value")
    if operator in {"is_null", "not_null"}:
        return f"{rule['field']} {OPERATORS[operator]}"
    if isinstance(value, list):
        joined = " and " if operator == "between" else ", "
        shown = joined.join(_value(each) for each in value[:20]) + (" …" if len(value) > 20 else "")
    else:
        shown = str(value) if operator in {"within", "not_within"} else _value(value)
    return f"{rule['field']} {OPERATORS[operator]} {shown}"


def _value(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
