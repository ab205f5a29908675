"""Fields of each type: the value they make, what makes a row invalid, what is refused when saved."""

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from datalinx.engine.types.base import BASE_TYPES
from datalinx.errors import Invalid
from tests.engine.compile.kit import (
    CONTACTS,
    Database,
    compiled,
    decorated,
    expression,
    faults_of,
    mapping,
    rejections,
    results,
    table,
)

COLUMNS = {"id": "VARCHAR", "text": "VARCHAR", "number": "BIGINT", "flag": "BOOLEAN", "day": "DATE"}


def row(text: str | None = None, number: int | None = None, **rest: Any) -> tuple[Any, ...]:
    return ("1", text, number, rest.get("flag"), rest.get("day"))


def test_direct__text_to_other_types__is_cast_or_a_fault() -> None:
    document = mapping({"n": "c.text"})
    rows = [row("12"), row(" 7 "), row("twelve"), row(None)]

    assert rejections(document, table("n integer"), rows, COLUMNS) == [
        [],
        [],
        [("n", "cast_failed", "twelve")],
        [],
    ]
    assert results(document, table("n integer"), rows, COLUMNS) == [(12,), (7,), (None,)]


def test_direct__pair_that_no_value_can_cross__is_refused_when_saved() -> None:
    (fault,) = faults_of(mapping({"d": "c.flag"}), table("d date"), {"c": COLUMNS})

    assert (fault.field, fault.code) == ("fields.d", "TYPE_CLASH")
    assert "BOOLEAN" in fault.message


@pytest.mark.parametrize(
    "kind",
    BASE_TYPES,
)
def test_direct__text_to_a_base_type__is_never_refused(kind: str) -> None:
    assert faults_of(mapping({"x": "c.text"}), table(f"x {kind}"), {"c": COLUMNS}) == []


def test_direct__to_a_semantic_type__checks_and_does_not_clean() -> None:
    rows = [row("ada@example.org"), row("Ada@Example.ORG"), row("not an address"), row(None)]
    document = mapping({"email": "c.text"})

    verdicts = rejections(document, table("email email"), rows, COLUMNS)

    assert verdicts[0] == []
    assert verdicts[2] == [("email", "invalid_email", "not an address")]
    assert verdicts[3] == []


def test_decorated__by_the_column_s_type__is_clean_and_checked_once() -> None:
    document = mapping({"email": decorated("c.text", "trim", "email")})
    plan = compiled(document, table("email email"), {"c": COLUMNS})

    assert [fault.reason for fault in plan.fields[0].faults] == ["invalid_email"]
    assert results(document, table("email email"), [row("  Ada@Example.ORG ")], COLUMNS) == [
        ("ada@example.org",)
    ]


def test_expression__over_columns__is_computed() -> None:
    document = mapping({"x": expression("concat_ws('-', c.text, c.number)")})

    assert results(document, table("x string"), [row("a", 1), row(None, 2)], COLUMNS) == [("2",), ("a-1",)]


def test_expression__that_a_row_makes_raise__is_a_fault_of_that_row() -> None:
    document = mapping({"x": expression("cast(c.text as integer) + 1")})
    rows = [row("1"), row("x"), row(None)]

    assert rejections(document, table("x bigint"), rows, COLUMNS) == [[], [("x", "cast_failed", "x")], []]
    assert results(document, table("x bigint"), rows, COLUMNS) == [(2,), (None,)]


def test_expression__that_overflows__is_a_fault_of_another_name() -> None:
    document = mapping({"x": expression("c.number * c.number")})
    rows = [row(number=3), row(number=2**62)]

    assert rejections(document, table("x bigint"), rows, COLUMNS)[1] == [
        ("x", "expression_failed", str(2**62))
    ]


def test_expression__result_that_does_not_fit__shows_the_result() -> None:
    document = mapping({"x": expression("c.text || '!'")})

    assert rejections(document, table("x integer"), [row("a")], COLUMNS) == [[("x", "cast_failed", "a!")]]


@pytest.mark.parametrize(
    ("kind", "value", "made"),
    [
        ("string", "GB", "GB"),
        ("string", 5, "5"),
        ("string", True, "true"),
        ("integer", 5, 5),
        ("integer", "5", 5),
        ("double", 1e-7, 1e-7),
        ("decimal", 0.1, Decimal("0.100000000")),
        ("boolean", False, False),
        ("date", "2024-02-29", date(2024, 2, 29)),
        ("country", "GB", "GB"),
        ("string", None, None),
    ],
)
def test_constant__that_fits__is_in_every_row(kind: str, value: object, made: object) -> None:
    document = mapping({"x": {"type": "constant", "value": value}})

    assert results(document, table(f"x {kind}"), [row(), row()], COLUMNS) == [(made,), (made,)]


@pytest.mark.parametrize(
    ("kind", "value"), [("integer", "five"), ("date", "2024-02-30"), ("email", "nobody"), ("string!", None)]
)
def test_constant__that_never_fits__is_refused_when_saved(kind: str, value: object) -> None:
    document = mapping({"x": {"type": "constant", "value": value}})
    (fault,) = faults_of(document, table(f"x {kind}"), {"c": COLUMNS})

    assert (fault.field, fault.code) == ("fields.x", "INVALID_CONSTANT")


LOOKUP = {"type": "lookup", "source": "c.text"}


def test_lookup__in_values__finds_or_takes_the_default() -> None:
    document = mapping({"x": {**LOOKUP, "values": {"UK": "GB", "1": 2, "t": True}, "default": "?"}})
    rows = [row("UK"), row("1"), row("t"), row("uk"), row(None)]

    assert results(document, table("x string"), rows, COLUMNS) == [("2",), ("?",), ("?",), ("GB",), ("true",)]


def test_lookup__in_an_input__keeps_every_row_once() -> None:
    document = mapping(
        {"x": {**LOOKUP, "input": "k", "key": "code", "value": "size"}, "id": "c.id"},
        inputs=[
            {"alias": "c", "source": "crm", "table": "contacts"},
            {"alias": "k", "source": "crm", "table": "sizes"},
        ],
    )
    sizes = {"code": "BIGINT", "size": "BIGINT"}
    database = Database()
    database.fill("c", COLUMNS, [row("7"), row("8"), row(None)])
    database.fill("k", sizes, [(7, 70), (7, 60), (None, 1)])
    plan = compiled(document, table("id string", "x bigint"), {"c": COLUMNS, "k": sizes})

    # Of two entries for one key the smaller value counts.
    assert database.run(plan) == [("1", 60), ("1", None), ("1", None)]


@pytest.mark.parametrize(
    ("field", "code"),
    [
        ({**LOOKUP, "input": "z", "key": "a", "value": "b"}, "UNKNOWN_INPUT"),
        ({**LOOKUP, "input": "c", "key": "a", "value": "text"}, "UNKNOWN_COLUMN"),
        ({"type": "lookup", "source": "c.nope", "values": {"a": "b"}}, "UNKNOWN_COLUMN"),
    ],
)
def test_lookup__unknown_names__are_refused(field: dict[str, Any], code: str) -> None:
    (fault,) = faults_of(mapping({"x": field}), table("x string"), {"c": COLUMNS})

    assert (fault.field, fault.code) == ("fields.x", code)


def test_on_invalid__of_the_field__wins_over_the_mapping_s() -> None:
    document = mapping(
        {"a": "c.text", "b": decorated("c.text", "trim", on_invalid="null")}, on_invalid="fail"
    )
    plan = compiled(document, table("a integer", "b integer"), {"c": COLUMNS})

    assert [field.on_invalid for field in plan.fields] == ["fail", "null"]


def test_on_invalid__null__drops_the_value_and_keeps_the_row() -> None:
    document = mapping({"id": "c.id", "n": "c.text"}, on_invalid="null")

    assert results(document, table("id string", "n integer"), [row("x"), row("1")], COLUMNS) == [
        ("1", 1),
        ("1", None),
    ]


def test_primary_key__without_a_word_on_nulls__may_not_be_null() -> None:
    plan = compiled(mapping({"id": "c.id"}), table("id string", key=("id",)), {"c": COLUMNS})

    assert not plan.fields[0].nullable


def test_fields__unknown_target__is_refused_with_the_nearest_name() -> None:
    (fault,) = faults_of(mapping({"emial": "c.text"}), table("email string"), {"c": COLUMNS})

    assert (fault.field, fault.code) == ("fields.emial", "UNKNOWN_COLUMN")
    assert "`email`" in fault.message


def test_fields__same_target_twice__is_ambiguous() -> None:
    found = faults_of(mapping({"x": "c.id", "X": "c.text"}), table("x string"), {"c": COLUMNS})

    assert [(fault.field, fault.code) for fault in found] == [("fields.X", "AMBIGUOUS_FIELD")]


def test_fields__left_out__are_named_and_no_fault() -> None:
    plan = compiled(mapping({"b": "c.id"}), table("a string", "b string", "d string!"), {"c": COLUMNS})

    assert plan.unmapped == ("a", "d")


def test_fields__same_expression_twice__is_one_step() -> None:
    document = mapping(
        {
            "a": decorated("c.text", "trim", "email"),
            "b": decorated("c.text", "trim", "email", "hash"),
        }
    )
    plan = compiled(document, table("a email", "b string"), {"c": COLUMNS})
    texts = [step.expression.sql(dialect="duckdb") for step in plan.steps]

    assert len(texts) == len(set(texts))
    assert sum("STRPOS" in text and "'@'" in text for text in texts) == 1


def test_mapping__several_faults__are_all_told_with_their_paths() -> None:
    document = mapping(
        {
            "a": "c.nope",
            "b": expression("uppr(c.text)"),
            "d": decorated("c.text", "trim", {"name": "round", "x": 1}),
        },
        filter="c.text",
    )
    found = faults_of(document, table("a string", "b string", "d string"), {"c": COLUMNS})

    assert {(fault.field, fault.code) for fault in found} == {
        ("filter", "TYPE_CLASH"),
        ("fields.a", "UNKNOWN_COLUMN"),
        ("fields.b", "UNKNOWN_FUNCTION"),
        ("fields.d.decorators[1].x", "unknown_field"),
    }


def test_compile__one_kind_of_fault__is_the_error_s_code() -> None:
    with pytest.raises(Invalid) as caught:
        compiled(mapping({"a": "c.nope"}), table("a string"), {"c": COLUMNS})

    assert caught.value.code == "UNKNOWN_COLUMN"
    assert json.dumps([fault.as_dict() for fault in caught.value.errors])


def test_filter__false_and_unknown__are_left_out() -> None:
    document = mapping({"id": "c.id", "t": "c.text"}, filter="cast(c.text as integer) > 1")
    rows = [row("2"), row("1"), row(None), row("x")]

    assert results(document, table("id string", "t string"), rows, COLUMNS) == [("1", "2")]


@pytest.mark.parametrize("text", ["c.number", "c.text", "1", "'true'"])
def test_filter__that_is_no_condition__is_refused(text: str) -> None:
    (fault,) = faults_of(mapping({"id": "c.id"}, filter=text), table("id string"), {"c": COLUMNS})

    assert (fault.field, fault.code) == ("filter", "TYPE_CLASH")


def test_names__with_quotes_and_spaces__go_through() -> None:
    columns = {'a "b" c': "VARCHAR", "select": "VARCHAR"}
    document = mapping({"x": 'c."a ""b"" c"', "y": expression('c."select" || c."a ""b"" c"')})

    assert results(document, table("x string", "y string"), [("1", "2")], columns) == [("1", "21")]


def test_contacts__are_what_other_tests_take_for_granted() -> None:
    assert faults_of(mapping({"x": "c.mail"}), table("x string")) == []
    assert "mail" in CONTACTS
