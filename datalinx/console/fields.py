"""A mapping's fields in words: how each column of the target is made."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

# What stands in the legend of a drawn mapping, by kind of field.
KINDS = {
    "direct": "Direct",
    "decorated": "Decorated",
    "expression": "Expression",
    "constant": "Constant",
    "aggregate": "Aggregate",
    "lookup": "Lookup",
    "wildcard": "Wildcard",
}


@dataclass(frozen=True)
class Field:
    """One target column: what makes it (`kind` is empty when nothing does), from what, through which steps."""

    name: str
    type: str
    nullable: bool
    kind: str = ""
    text: str = ""
    steps: tuple[str, ...] = ()
    on_invalid: str = ""
    description: str = ""
    pii: str = ""

    @property
    def kind_title(self) -> str:
        return KINDS.get(self.kind, "Unmapped")


@dataclass(frozen=True)
class Lineage:
    """The edges of a mapping: source columns that make target columns, and those that decide on rows."""

    edges: Sequence[Mapping[str, Any]] = field(default_factory=tuple)

    def of_wildcard(self) -> dict[str, str]:
        """Return, for each target column that the wildcard makes, the source column."""
        return {edge["target"]: edge["column"] for edge in self.edges if edge["kind"] == "wildcard"}


def list_fields(table: Mapping[str, Any], mapping: Mapping[str, Any], lineage: Lineage) -> list[Field]:
    """Return every column of the target table with how it is made."""
    fields = {name.lower(): value for name, value in mapping.get("fields", {}).items()}
    wildcard = lineage.of_wildcard()
    return [
        _to_field(column, fields.get(column["name"].lower()), wildcard.get(column["name"], ""))
        for column in table["columns"]
    ]


def _to_field(column: Mapping[str, Any], entry: Mapping[str, Any] | None, wildcard: str) -> Field:
    made: dict[str, Any] = {}
    if entry is not None:
        made = {
            "kind": entry["type"],
            "text": _text(entry),
            "steps": tuple(_step(each) for each in entry.get("decorators", ())),
            "on_invalid": entry.get("on_invalid") or "",
        }
    elif wildcard:
        made = {"kind": "wildcard", "text": wildcard}
    return Field(
        name=column["name"],
        type=column["type"],
        nullable=column.get("nullable", True),
        description=(entry or {}).get("description") or column.get("description", ""),
        pii=column.get("pii") or "",
        **made,
    )


def _text(entry: Mapping[str, Any]) -> str:
    match entry["type"]:
        case "expression" | "aggregate":
            return str(entry["expression"])
        case "constant":
            return json.dumps(entry.get("value"), ensure_ascii=False)
        case "lookup" if entry.get("values") is not None:
            return f"{entry['source']} in a list of {len(entry['values']):,} values"
        case "lookup":
            return f"{entry['source']} = {entry['input']}.{entry['key']} → {entry['input']}.{entry['value']}"
    return str(entry.get("source", ""))


def _step(decorator: Mapping[str, Any]) -> str:
    parameters = [
        f"{name}: {json.dumps(value, ensure_ascii=False)}"
        for name, value in decorator.items()
        if name != "name"
    ]
    return f"{decorator['name']}({', '.join(parameters)})" if parameters else str(decorator["name"])
