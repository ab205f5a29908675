"""The audience: the rule that says who is in, as a tree of conditions over a target table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Discriminator, Field, Tag

from datalinx.engine.spec.base import Document, Identifier, Name, Part, Scalar, Text
from datalinx.errors import FieldError

Operator = Literal[
    "eq",
    "ne",
    "lt",
    "lte",
    "gt",
    "gte",
    "between",
    "in",
    "not_in",
    "contains",
    "starts_with",
    "ends_with",
    "matches",
    "is_null",
    "not_null",
    "before",
    "after",
    "within",
    "not_within",
]
WITHOUT_VALUE = frozenset({"is_null", "not_null"})
WITH_LIST = frozenset({"in", "not_in", "between"})
MAX_RULE_DEPTH = 10
MAX_RULE_LEAVES = 500

Values = Annotated[tuple[Scalar, ...], Field(min_length=1, max_length=10_000)]
Rules = Annotated[tuple["Rule", ...], Field(min_length=1, max_length=100)]


class AllRule(Part):
    """True when every part is."""

    all: Rules


class AnyRule(Part):
    """True when at least one part is."""

    any: Rules


class NotRule(Part):
    """True when the part is false; unknown stays unknown."""

    not_: Rule = Field(alias="not")


class FieldRule(Part):
    """A column compared with a value. `between` takes two values, `in` a list, `within` a span."""

    field: Identifier
    op: Operator
    value: Scalar | Values = None


class CountRule(Part):
    """How many related rows there must be."""

    op: Literal["eq", "ne", "lt", "lte", "gt", "gte"]
    value: Annotated[int, Field(ge=0)]


class RelatedRule(Part):
    """Rows of another table with the same value in column `via`; at least one when no `count` is given."""

    related: Identifier
    via: Identifier
    count: CountRule | None = None
    where: Rule | None = None


class AudienceRule(Part):
    """Members of another audience."""

    audience: Annotated[str, Field(min_length=1, max_length=64)]


def _kind_of_rule(value: Any) -> str | None:
    """The tag of one kind of rule: the key that tells it from the others, in a form that no key has."""
    keys = ("all", "any", "not", "field", "related", "audience")
    if isinstance(value, dict):
        found = next((key for key in keys if key in value), None)
    else:
        found = next((key for key in keys if hasattr(value, key.replace("not", "not_"))), None)
    return f"rule:{found}" if found else None


Rule = Annotated[
    Annotated[AllRule, Tag("rule:all")]
    | Annotated[AnyRule, Tag("rule:any")]
    | Annotated[NotRule, Tag("rule:not")]
    | Annotated[FieldRule, Tag("rule:field")]
    | Annotated[RelatedRule, Tag("rule:related")]
    | Annotated[AudienceRule, Tag("rule:audience")],
    Discriminator(
        _kind_of_rule,
        custom_error_type="unknown_rule",
        custom_error_message="A rule has one of the keys `all`, `any`, `not`, `field`, `related`, `audience`",
    ),
]


class Refresh(Part):
    """The tables whose runs the audience follows."""

    after: Annotated[tuple[Identifier, ...], Field(max_length=100)] = ()


class AudienceDocument(Document):
    """An audience over `table`; `key` is the column that names a member."""

    shown_defaults: ClassVar[frozenset[str]] = frozenset({"description", "refresh"})

    name: Name
    description: Text = ""
    table: Identifier
    key: Identifier
    rule: Rule
    refresh: Refresh = Refresh()

    def faults(self) -> Iterator[FieldError]:
        leaves = 0
        for path, rule, depth in walk(self.rule):
            if depth > MAX_RULE_DEPTH:
                yield FieldError(path, "rule_too_deep", f"Rules nest at most {MAX_RULE_DEPTH} levels deep.")
                return
            leaves += not isinstance(rule, AllRule | AnyRule | NotRule)
            if isinstance(rule, FieldRule):
                yield from _value_faults(rule, path)
        if leaves > MAX_RULE_LEAVES:
            yield FieldError("rule", "rule_too_large", f"A rule has at most {MAX_RULE_LEAVES} conditions.")


def walk(rule: Rule, path: str = "rule", depth: int = 1) -> Iterator[tuple[str, Rule, int]]:
    """Every node of a rule with its path, such as `rule.all[1].not`, and its depth, outer ones first."""
    yield path, rule, depth
    match rule:
        case AllRule():
            for position, part in enumerate(rule.all):
                yield from walk(part, f"{path}.all[{position}]", depth + 1)
        case AnyRule():
            for position, part in enumerate(rule.any):
                yield from walk(part, f"{path}.any[{position}]", depth + 1)
        case NotRule():
            yield from walk(rule.not_, f"{path}.not", depth + 1)
        case RelatedRule() if rule.where is not None:
            yield from walk(rule.where, f"{path}.where", depth + 1)
        case _:
            return


def _value_faults(rule: FieldRule, path: str) -> Iterator[FieldError]:
    given = "value" in rule.model_fields_set
    if rule.op in WITHOUT_VALUE and given and rule.value is not None:
        yield FieldError(f"{path}.value", "invalid_value", f"`{rule.op}` takes no value.")
    elif rule.op in WITH_LIST and not isinstance(rule.value, tuple):
        yield FieldError(f"{path}.value", "invalid_value", f"`{rule.op}` takes a list of values.")
    elif rule.op == "between" and isinstance(rule.value, tuple) and len(rule.value) != 2:
        yield FieldError(f"{path}.value", "invalid_value", "`between` takes a list of two values.")
    elif rule.op not in WITHOUT_VALUE | WITH_LIST and (rule.value is None or isinstance(rule.value, tuple)):
        message = f"`{rule.op}` takes one value that is not null; see is_null for empty ones."
        yield FieldError(f"{path}.value", "invalid_value", message)
