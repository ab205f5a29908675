"""Decorators: what each makes of values, which values it finds invalid, which parameters it refuses."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from datalinx.engine.compile.decorator_kinds import DECORATORS
from datalinx.engine.compile.decorators import decorators_as_documents
from tests.engine.compile.kit import (
    TYPES,
    compiled,
    decorated,
    faults_of,
    mapping,
    rejections,
    results,
    table,
)

COLUMNS = {"v": "VARCHAR"}
TYPED = {"v": "DOUBLE", "d": "DECIMAL(9,3)", "j": "JSON", "s": "STRUCT(a VARCHAR)", "t": "TIMESTAMP"}


def made(value: str | None, *decorators: str | dict[str, Any], kind: str = "string") -> object:
    document = mapping({"x": decorated("c.v", *decorators)})
    ((found,),) = results(document, table(f"x {kind}"), [(value,)], COLUMNS)
    return found


def reasons(value: str | None, *decorators: str | dict[str, Any], kind: str = "string") -> list[str]:
    document = mapping({"x": decorated("c.v", *decorators)})
    (found,) = rejections(document, table(f"x {kind}"), [(value,)], COLUMNS) or [[]]
    return [reason for _, reason, _ in found]


@pytest.mark.parametrize(
    ("value", "decorator", "expected"),
    [
        (" \t a b\u00a0\n", "trim", "a b"),
        ("a \t b\u3000\u2003c", "collapse_whitespace", "a b c"),
        ("ÀB", "lower", "àb"),
        ("àb", "upper", "ÀB"),
        ("ada LOVELACE of london", "title", "Ada Lovelace Of London"),
        ("", "title", ""),
        ("", "empty_to_null", None),
        (" ", "empty_to_null", " "),
        ("N/A", {"name": "empty_to_null", "values": ["N/A"]}, None),
        ("a", {"name": "empty_to_null", "values": ["N/A"]}, "a"),
        (None, {"name": "default", "value": "x"}, "x"),
        ("a", {"name": "default", "value": "x"}, "a"),
        (None, {"name": "default", "value": 5}, "5"),
        (None, {"name": "default", "value": False}, "false"),
        ("a-b-c", {"name": "replace", "find": "-"}, "abc"),
        ("a-b", {"name": "replace", "find": "-", "replace": ":name"}, "a:nameb"),
        ("id 42 x", {"name": "regex_extract", "pattern": "[0-9]+"}, "42"),
        ("id 42 x", {"name": "regex_extract", "pattern": "id ([0-9]+)", "group": 1}, "42"),
        ("nothing", {"name": "regex_extract", "pattern": "[0-9]+"}, None),
        ("a;b;c", {"name": "split_part", "separator": ";", "index": 2}, "b"),
        ("a;b;c", {"name": "split_part", "separator": ";", "index": -1}, "c"),
        ("a", {"name": "split_part", "separator": ";", "index": 2}, None),
        ("M", {"name": "map_values", "values": {"M": "male", "x": None}}, "male"),
        ("x", {"name": "map_values", "values": {"M": "male", "x": None}}, None),
        ("F", {"name": "map_values", "values": {"M": "male"}}, "F"),
        ("F", {"name": "map_values", "values": {"M": "male"}, "otherwise": "null"}, None),
        ("abcdef", {"name": "truncate", "length": 3}, "abc"),
        ("abc", "hash", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ("c", {"name": "hash", "algorithm": "md5", "salt": "ab"}, "900150983cd24fb0d6963f7d28e17f72"),
        ("12345678", {"name": "mask", "keep_last": 4}, "****5678"),
        ("12345678", {"name": "mask", "keep_first": 1, "keep_last": 1, "character": "#"}, "1######8"),
        ("123", {"name": "mask", "keep_last": 4}, "***"),
        ("secret", "mask", "******"),
        ('{"a": {"b": "x"}}', {"name": "json_extract", "path": "$.a.b"}, "x"),
        ('{"a": 1}', {"name": "json_extract", "path": "$.b"}, None),
    ],
)
def test_decorator__of_text__makes(value: str, decorator: str | dict[str, Any], expected: str | None) -> None:
    assert made(value, decorator) == expected


@pytest.mark.parametrize(
    "decorator",
    [
        *("trim", "collapse_whitespace", "lower", "upper", "title", "empty_to_null", "hash", "mask"),
        {"name": "replace", "find": "a"},
        {"name": "regex_extract", "pattern": "a"},
        {"name": "split_part", "separator": ",", "index": 1},
        {"name": "map_values", "values": {"a": "b"}},
        {"name": "map_values", "values": {"a": "b"}, "otherwise": "invalid"},
        {"name": "truncate", "length": 1},
        {"name": "json_extract", "path": "$"},
        {"name": "cast", "type": "integer"},
        {"name": "parse_date", "formats": ["%Y"]},
        {"name": "parse_number"},
        "round",
        {"name": "clamp", "min": 1},
        *("email", "phone_number", "amount", "url", "country"),
    ],
    ids=str,
)
def test_decorator__of_nothing__is_nothing_and_no_fault(decorator: str | dict[str, Any]) -> None:
    assert made(None, decorator) is None
    assert reasons(None, decorator) == []


@pytest.mark.parametrize(
    ("value", "decorator", "kind", "expected"),
    [
        ("12.0", {"name": "cast", "type": "integer"}, "bigint", 12),
        (
            "1.005",
            {"name": "cast", "type": "decimal", "precision": 9, "scale": 3},
            "decimal",
            Decimal("1.005"),
        ),
        ("29/02/2024", {"name": "parse_date", "formats": ["%d/%m/%Y"]}, "date", date(2024, 2, 29)),
        (
            "12/25/2024",
            {"name": "parse_date", "formats": ["%d/%m/%Y", "%m/%d/%Y"]},
            "date",
            date(2024, 12, 25),
        ),
        ("01/02/2024", {"name": "parse_date", "formats": ["%d/%m/%Y", "%m/%d/%Y"]}, "date", date(2024, 2, 1)),
        ("01-02-24", {"name": "parse_date", "formats": ["%Y-%m-%d", "%d-%m-%y"]}, "date", date(2024, 2, 1)),
        (
            "2024-02-29 10:11",
            {"name": "parse_date", "formats": ["%Y-%m-%d %H:%M"]},
            "datetime",
            datetime(2024, 2, 29, 10, 11),  # noqa: DTZ001
        ),
        (
            "2024-02-29 10:11 +0200",
            {"name": "parse_date", "formats": ["%Y-%m-%d %H:%M %z"]},
            "timestamp",
            datetime(2024, 2, 29, 8, 11),  # noqa: DTZ001
        ),
        (
            "2024-02-29 10:11",
            {"name": "parse_date", "formats": ["%Y-%m-%d %H:%M"]},
            "date",
            date(2024, 2, 29),
        ),
        ("1,234.5", "parse_number", "decimal", Decimal("1234.5")),
        ("-1.234,5", {"name": "parse_number", "locale": "de_DE"}, "decimal", Decimal("-1234.5")),
        ("1 234,5", {"name": "parse_number", "locale": "fr-FR"}, "decimal", Decimal("1234.5")),
        ("1,23,456", {"name": "parse_number", "locale": "en_IN"}, "decimal", Decimal(123456)),
        ("2.345", {"name": "round", "digits": 2}, "decimal", Decimal("2.35")),
        ("-2.5", "round", "decimal", Decimal(-3)),
        ("7", {"name": "clamp", "min": 0, "max": 5}, "decimal", Decimal(5)),
        ("-7", {"name": "clamp", "min": 0}, "decimal", Decimal(0)),
        ("3.5", {"name": "clamp", "min": 0, "max": 5}, "decimal", Decimal("3.5")),
    ],
)
def test_decorator__of_values__makes(
    value: str, decorator: str | dict[str, Any], kind: str, expected: object
) -> None:
    assert made(value, decorator, kind=kind) == expected


@pytest.mark.parametrize(
    ("value", "decorator", "kind", "reason"),
    [
        ("x", {"name": "cast", "type": "integer"}, "string", "cast_failed"),
        ("31/02/2024", {"name": "parse_date", "formats": ["%d/%m/%Y"]}, "date", "invalid_date"),
        ("1/2/24", {"name": "parse_date", "formats": ["%d/%m/%Y"]}, "date", "invalid_date"),
        ("29/02/2024 x", {"name": "parse_date", "formats": ["%d/%m/%Y"]}, "date", "invalid_date"),
        ("1,23", "parse_number", "decimal", "invalid_number"),
        ("1.234", {"name": "parse_number", "locale": "de_DE"}, "integer", None),
        ("12abc", "parse_number", "decimal", "invalid_number"),
        ("x", "round", "decimal", "cast_failed"),
        (
            "F",
            {"name": "map_values", "values": {"M": "m"}, "otherwise": "invalid"},
            "string",
            "value_not_mapped",
        ),
        ("{a", {"name": "json_extract", "path": "$.a"}, "string", "invalid_json"),
        ("nobody", "email", "string", "invalid_email"),
    ],
)
def test_decorator__value_that_does_not_fit__is_a_fault(
    value: str, decorator: str | dict[str, Any], kind: str, reason: str | None
) -> None:
    assert reasons(value, decorator, kind=kind) == ([reason] if reason else [])


def test_chain__goes_from_left_to_right() -> None:
    assert (
        made(" A-B ", "trim", {"name": "replace", "find": "-"}, "lower", {"name": "truncate", "length": 1})
        == "a"
    )
    assert made(" A-B ", {"name": "truncate", "length": 1}, "trim", "empty_to_null") is None


def test_chain__fault_in_the_middle__shows_the_source_s_value() -> None:
    document = mapping({"x": decorated("c.v", "trim", "lower", "email", "hash")})

    assert rejections(document, table("x string"), [(" No-One ",)], COLUMNS) == [
        [("x", "invalid_email", " No-One ")]
    ]


def test_mask__of_a_known_type__is_the_type_s_own() -> None:
    assert made("ada@example.org", "email", "mask") != "*" * len("ada@example.org")
    assert made("ada@example.org", "email", {"name": "mask", "keep_last": 0}) == "*" * len("ada@example.org")


@pytest.mark.parametrize(
    ("source", "decorators", "kind", "expected"),
    [
        ("c.v", ["round"], "double", 3.0),
        ("c.d", [{"name": "round", "digits": 1}], "decimal", Decimal("1.3")),
        ("c.d", ["trim", "upper"], "string", "1.250"),
        ("c.d", [{"name": "clamp", "max": 1}], "decimal", Decimal(1)),
        ("c.j", [{"name": "json_extract", "path": "$.a"}], "integer", 1),
        ("c.s", [{"name": "json_extract", "path": "$.a"}], "string", "x"),
    ],
)
def test_decorator__of_a_typed_column__works_on_its_kind(
    source: str, decorators: list[Any], kind: str, expected: object
) -> None:
    document = mapping({"x": decorated(source, *decorators)})
    row = (2.5, Decimal("1.250"), '{"a": 1}', {"a": "x"}, None)

    assert results(document, table(f"x {kind}"), [row], TYPED) == [(expected,)]


@pytest.mark.parametrize(
    ("decorator", "path", "code"),
    [
        ("nope", "", "UNKNOWN_DECORATOR"),
        ("emial", "", "UNKNOWN_DECORATOR"),
        ("integer", "", "UNKNOWN_DECORATOR"),
        ("identity", "", "IDENTITY_NOT_CONFIGURED"),
        ({"name": "trim", "side": "left"}, ".side", "unknown_field"),
        ({"name": "parse_date"}, ".formats", "required"),
        ({"name": "parse_date", "formats": []}, ".formats", "too_short"),
        ({"name": "parse_date", "formats": ["%d/%m"]}, ".formats", "value_error"),
        ({"name": "parse_date", "formats": ["%Y %Q"]}, ".formats", "value_error"),
        ({"name": "parse_date", "formats": ["%Y %z", "%Y"]}, ".formats", "value_error"),
        ({"name": "parse_number", "locale": "xx_YY"}, ".locale", "value_error"),
        ({"name": "parse_number", "locale": "../../etc"}, ".locale", "value_error"),
        ({"name": "replace", "find": ""}, ".find", "too_short"),
        ({"name": "replace", "find": "a", "replace": "b" * 201}, ".replace", "too_long"),
        ({"name": "regex_extract", "pattern": "("}, "", "EXPRESSION_INVALID"),
        ({"name": "regex_extract", "pattern": "a" * 1_001}, ".pattern", "too_long"),
        ({"name": "json_extract", "path": "$.["}, "", "EXPRESSION_INVALID"),
        ({"name": "split_part", "separator": ",", "index": 0}, "", "value_error"),
        ({"name": "truncate", "length": 0}, ".length", "greater_than_equal"),
        ({"name": "clamp"}, "", "value_error"),
        ({"name": "clamp", "min": 2, "max": 1}, "", "value_error"),
        ({"name": "default", "value": None}, "", "value_error"),
        ({"name": "mask", "character": "**"}, ".character", "string_too_long"),
        ({"name": "cast", "type": "money"}, "", "UNKNOWN_TYPE"),
        ({"name": "cast", "type": "integer", "precision": 3}, "", "PRECISION_NOT_ALLOWED"),
        ({"name": "hash", "algorithm": "crc"}, ".algorithm", "literal_error"),
        ({"name": "phone_number", "region": "GB"}, ".region", "unknown_field"),
    ],
    ids=str,
)
def test_decorator__wrong__is_refused_at_its_place(
    decorator: str | dict[str, Any], path: str, code: str
) -> None:
    document = mapping({"x": decorated("c.v", "trim", decorator)})
    (fault,) = faults_of(document, table("x string"), {"c": COLUMNS})

    assert (fault.field, fault.code) == (f"fields.x.decorators[1]{path}", code)


def test_replace__chained_to_a_bomb__is_refused() -> None:
    chain = [{"name": "replace", "find": letter, "replace": "abcdefgh" * 10} for letter in "abc"]
    found = faults_of(mapping({"x": decorated("c.v", *chain)}), table("x string"), {"c": COLUMNS})

    assert [fault.code for fault in found] == ["INVALID_PARAMETER"]


def test_chain__of_thirty__stays_small() -> None:
    chain = [{"name": "map_values", "values": {"a": "b"}}] * 30
    plan = compiled(mapping({"x": decorated("c.v", *chain)}), table("x string"), {"c": COLUMNS})

    assert len(plan.steps) == 31
    assert all(len(step.expression.sql(dialect="duckdb")) < 100 for step in plan.steps)


def test_documents__every_decorator__has_a_schema_of_its_parameters() -> None:
    documents = {entry["name"]: entry for entry in decorators_as_documents(TYPES)}

    assert set(DECORATORS) < set(documents)
    assert {"email", "phone_number", "amount"} <= set(documents)
    assert "integer" not in documents
    assert all(entry["description"] and isinstance(entry["parameters"], dict) for entry in documents.values())
