"""An organization's own types: what they inherit, what they add, and what is refused."""

from decimal import Decimal
from typing import Any

import pytest

from datalinx import errors
from datalinx.engine.spec.base import parse_document
from datalinx.engine.spec.semantic_type import CustomTypeDocument
from datalinx.engine.types.registry import TypeRegistry
from datalinx.engine.types.semantic import SemanticType
from tests.engine.types.evaluation import VALUE, Evaluate

WORK_EMAIL = {
    "name": "work_email",
    "parent": "email",
    "pattern": r".*@example\.org",
    "examples": ["ada@example.org"],
}


def document(**parts: Any) -> CustomTypeDocument:
    return parse_document(CustomTypeDocument, {"name": "own", "parent": "string", **parts})


def built(**parts: Any) -> SemanticType:
    found = TypeRegistry([document(**parts)]).get(parts.get("name", "own"))
    assert isinstance(found, SemanticType)
    return found


def test_custom_type__parent_is_semantic__inherits_check_normaliser_and_class(evaluate: Evaluate) -> None:
    kind = built(**WORK_EMAIL)
    assert (kind.base, kind.pii, kind.reason, kind.custom) == (
        "string",
        "contact",
        "invalid_work_email",
        True,
    )
    raw = [" Ada@Example.org ", "ada@example.com", "@example.org", None]
    assert evaluate(kind.normalise(VALUE), raw) == ["ada@example.org", None, None, None]
    assert evaluate(kind.check(VALUE), ["ada@example.org", "ada@example.com", "@example.org", None]) == [
        True,
        False,
        False,
        None,
    ]


def test_custom_type__parent_takes_parameters__they_stay(evaluate: Evaluate) -> None:
    kind = built(name="uk_phone", parent="phone_number", pattern=r"\+44.*")
    params = kind.parse_parameters({"default_region": "GB"})
    assert evaluate(kind.normalise(VALUE, params), ["020 7946 0958", "+12025550123"]) == [
        "+442079460958",
        None,
    ]


def test_custom_type__allowed_values_without_case__are_written_as_listed(evaluate: Evaluate) -> None:
    kind = built(allowed_values=["Gold", "Silver", "a.b|c"], ignore_case=True)
    assert evaluate(kind.normalise(VALUE), ["gold", " SILVER ", "A.B|C", "bronze", "", None]) == [
        "Gold",
        "Silver",
        "a.b|c",
        None,
        None,
        None,
    ]
    assert evaluate(kind.check(VALUE), ["Gold", "gold", "axb|c"]) == [True, False, False]


def test_custom_type__many_allowed_values__are_each_allowed(evaluate: Evaluate) -> None:
    values = [f"value {number}" for number in range(3_000)]
    kind = built(allowed_values=values)
    assert set(evaluate(kind.check(VALUE), values)) == {True}
    assert evaluate(kind.check(VALUE), ["value", "value 3000", "value 12 "]) == [False, False, False]


def test_custom_type__lengths_and_pattern__all_hold(evaluate: Evaluate) -> None:
    kind = built(pattern="[A-Z0-9-]+", min_length=3, max_length=5)
    assert evaluate(kind.check(VALUE), ["AB", "ABC", "ABCDE", "ABCDEF", "abc"]) == [
        False,
        True,
        True,
        False,
        False,
    ]
    assert evaluate(kind.normalise(VALUE), [" ABC ", "abc"]) == ["ABC", None]


@pytest.mark.parametrize(
    ("parent", "low", "high", "stored_type", "values", "expected"),
    [
        ("integer", 1, 10, "INTEGER", [0, 1, 10, 11], [False, True, True, False]),
        ("decimal", 0.5, None, "DECIMAL(18,2)", [Decimal("0.49"), Decimal("0.5")], [False, True]),
        ("amount", 0, None, "DECIMAL(38,9)", [Decimal(-1), Decimal(1)], [False, True]),
        (
            "percentage",
            None,
            50,
            "DECIMAL(38,9)",
            [Decimal(50), Decimal(51), Decimal(-1)],
            [True, False, False],
        ),
    ],
)
def test_custom_type__bounds__are_inclusive_and_add_to_the_parents(
    parent: str,
    low: float | None,
    high: float | None,
    stored_type: str,
    values: list[Any],
    expected: list[bool],
    evaluate: Evaluate,
) -> None:
    bounds = {"minimum": low, "maximum": high}
    kind = built(parent=parent, **{name: bound for name, bound in bounds.items() if bound is not None})
    assert evaluate(kind.check(VALUE), values, stored_type) == expected


def test_custom_type__date_bounds__are_iso_8601(evaluate: Evaluate) -> None:
    kind = built(parent="date", minimum="2020-01-01", maximum="2020-12-31")
    found = evaluate(kind.normalise(VALUE), ["2019-12-31", "2020-06-01", "2021-01-01", "junk"])
    assert [value is not None for value in found] == [False, True, False, False]


def test_custom_type__only_a_parent__is_the_parent_under_another_name(evaluate: Evaluate) -> None:
    kind = built(parent="bigint")
    assert evaluate(kind.normalise(VALUE), ["12", "x", None]) == [12, None, None]
    assert evaluate(kind.check(VALUE), [12, None], "BIGINT") == [True, None]


@pytest.mark.parametrize(
    ("parts", "field", "code"),
    [
        ({"pattern": "("}, "pattern", "invalid_pattern"),
        ({"pattern": "(?=a)"}, "pattern", "invalid_pattern"),
        ({"pattern": r"(a)\1"}, "pattern", "invalid_pattern"),
        ({"min_length": 5, "max_length": 3}, "min_length", "range_empty"),
        ({"ignore_case": True}, "ignore_case", "needs_allowed_values"),
        ({"allowed_values": ["a", "A"], "ignore_case": True}, "allowed_values", "duplicate_value"),
        ({"name": "Not A Name"}, "name", "string_pattern_mismatch"),
        ({"surprise": 1}, "surprise", "unknown_field"),
    ],
)
def test_custom_document__a_fault_of_its_own__is_refused_when_read(
    parts: dict[str, Any], field: str, code: str
) -> None:
    with pytest.raises(errors.Invalid) as refused:
        document(**parts)
    assert [(fault.field, fault.code) for fault in refused.value.errors] == [(field, code)]
    assert refused.value.errors[0].message.endswith(".")


@pytest.mark.parametrize(
    ("parts", "field", "code"),
    [
        ({"name": "email"}, "name", "taken"),
        ({"name": "integer"}, "name", "taken"),
        ({"parent": "emial"}, "parent", "unknown_type"),
        ({"parent": "integer", "pattern": "a"}, "pattern", "not_for_parent"),
        ({"parent": "birth_date", "max_length": 3}, "max_length", "not_for_parent"),
        ({"minimum": 3}, "minimum", "not_for_parent"),
        ({"parent": "integer", "minimum": 0.5}, "minimum", "invalid_bound"),
        ({"parent": "date", "maximum": "31/12/2020"}, "maximum", "invalid_bound"),
        ({"parent": "integer", "minimum": 5, "maximum": 3}, "minimum", "range_empty"),
        ({"pattern": "[a-z]+", "examples": ["abc", "ABC"]}, "examples[1]", "wrong_example"),
        ({"pattern": "[a-z]+", "counter_examples": ["abc"]}, "counter_examples[0]", "wrong_example"),
        ({"parent": "email", "examples": ["ada"]}, "examples[0]", "wrong_example"),
        ({"parent": "integer", "examples": ["12"], "counter_examples": ["x"]}, None, None),
    ],
)
def test_check_document__a_fault_on_its_parent__is_named(
    parts: dict[str, Any], field: str | None, code: str | None
) -> None:
    faults = TypeRegistry().check_document(document(**parts))
    assert [(fault.field, fault.code) for fault in faults] == ([(field, code)] if field else [])


def test_check_document__parent_stands_on_it__is_a_circle() -> None:
    types = TypeRegistry([document(name="first"), document(name="second", parent="first")])
    faults = types.check_document(document(name="first", parent="second"))
    assert [(fault.field, fault.code) for fault in faults] == [("parent", "circle")]


def test_registry__types_in_any_order__each_stands_on_its_parent(evaluate: Evaluate) -> None:
    types = TypeRegistry(
        [document(name="c", parent="b", pattern="..."), document(name="b", parent="a"), document(name="a")]
    )
    kind = types.get("c")
    assert isinstance(kind, SemanticType)
    assert evaluate(kind.check(VALUE), ["abc", "ab"]) == [True, False]
    assert types.names()[-3:] == ("a", "b", "c")


@pytest.mark.parametrize(
    ("documents", "code"),
    [
        ([{"name": "a", "parent": "b"}, {"name": "b", "parent": "a"}], "TYPE_CIRCLE"),
        ([{"name": "a", "parent": "nothing"}], "UNKNOWN_TYPE"),
        ([{"name": "email"}], "TYPE_NAME_TAKEN"),
        ([{"name": "a"}, {"name": "a"}], "TYPE_NAME_TAKEN"),
    ],
)
def test_registry__types_that_cannot_stand__are_refused(documents: list[dict[str, Any]], code: str) -> None:
    with pytest.raises(errors.Invalid) as refused:
        TypeRegistry([document(**parts) for parts in documents])
    assert refused.value.code == code
