"""What fits a base type and what does not, from text and from typed values."""

# ruff: noqa: DTZ001 - a datetime without a zone is one of the types.

import datetime as dt
import math
import uuid
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datalinx import errors
from datalinx.engine.types.base import BASE_TYPES, BaseName
from datalinx.engine.types.casts import can_cross, cast_from, kind_of
from tests.engine.types.evaluation import VALUE, Evaluate

NAMES = tuple(BASE_TYPES)
LENIENT = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
UTC = dt.UTC


def cast(
    evaluate: Evaluate, to: str, values: list[Any], source: str = "VARCHAR", **figures: int
) -> list[Any]:
    return evaluate(cast_from(VALUE, source, BASE_TYPES[to].resolve(**figures)), values, source)


def as_text(evaluate: Evaluate, to: str, values: list[Any], source: str = "VARCHAR") -> list[Any]:
    resolved = BASE_TYPES[to].resolve()
    value = cast_from(VALUE, source, resolved)
    return evaluate(cast_from(value, resolved.duckdb, BASE_TYPES["string"].resolve()), values, source)


@pytest.mark.parametrize("name", NAMES)
def test_base_type__its_examples__fit(name: str, evaluate: Evaluate) -> None:
    examples = list(BASE_TYPES[name].examples)
    assert None not in as_text(evaluate, name, examples)


@pytest.mark.parametrize("name", NAMES)
def test_base_type__its_counter_examples__do_not_fit(name: str, evaluate: Evaluate) -> None:
    for example in BASE_TYPES[name].counter_examples:
        assert cast(evaluate, name, [example]) == [None], example


@pytest.mark.parametrize("name", NAMES)
def test_cast_from_text__null__stays_null(name: str, evaluate: Evaluate) -> None:
    assert cast(evaluate, name, [None]) == [None]


@pytest.mark.parametrize(
    ("to", "text", "value"),
    [
        ("integer", "\t-12\r\n", -12),
        ("integer", "0" * 60 + "7", 7),
        ("integer", "-2147483648", -(2**31)),
        ("integer", "-2147483649", None),
        ("integer", "1 2", None),
        ("integer", "٣", None),
        ("integer", "--1", None),
        ("bigint", "9223372036854775807.000", 2**63 - 1),
        ("double", "1e-400", 0.0),
        ("double", "1e5", 1e5),
        ("double", "+.5", 0.5),
        ("double", "-inf", None),
        ("float", "0.1", pytest.approx(0.1)),
        ("boolean", "TRUE", True),
        ("boolean", " off ", False),
        ("boolean", "yeſ", None),
        ("date", " 2024-02-29\n", dt.date(2024, 2, 29)),
        ("date", "2024-01-05T00:00:00.000Z", dt.date(2024, 1, 5)),
        ("date", "2024-01-05T00:00:01", None),
        ("date", "infinity", None),
        ("date", "10000-01-01", None),
        ("datetime", "2024-01-05 10:00", dt.datetime(2024, 1, 5, 10)),
        ("datetime", "2024-01-05T10:00:00.123456789", dt.datetime(2024, 1, 5, 10, 0, 0, 123456)),
        ("datetime", "2024-01-05T10:00:00+02:00", dt.datetime(2024, 1, 5, 8)),
        ("datetime", "2024-02-30T10:00:00", None),
        ("timestamp", "2024-01-05T10:00+0530", dt.datetime(2024, 1, 5, 4, 30, tzinfo=UTC)),
        ("timestamp", " 2024-01-05 10:00:00-05 ", dt.datetime(2024, 1, 5, 15, tzinfo=UTC)),
        ("timestamp", "2024-01-05", dt.datetime(2024, 1, 5, tzinfo=UTC)),
        ("timestamp", "9999-12-31T23:59:59-05:00", None),
        ("timestamp", "now", None),
        ("time", "09:30", dt.time(9, 30)),
        ("uuid", " 3F2504E0-4F89-11D3-9A0C-0305E82C3301 ", uuid.UUID("3f2504e0-4f89-11d3-9a0c-0305e82c3301")),
        ("json", "[1, 2,]", None),
        ("json", "[NaN]", None),
        ("json", '{"a": "NaN, ]"}', '{"a": "NaN, ]"}'),
        ("json", '"Infinity \\" ,]"', '"Infinity \\" ,]"'),
        ("binary", "é", "é".encode()),
    ],
)
def test_cast_from_text__one_text__is_read_as_documented(
    to: str, text: str, value: object, connection: Any, evaluate: Evaluate
) -> None:
    if isinstance(value, dt.datetime) and value.tzinfo:
        expected = value.strftime("%Y-%m-%dT%H:%M:%SZ")
        assert as_text(evaluate, to, [text]) == [expected]
    else:
        assert cast(evaluate, to, [text]) == [value]


@pytest.mark.parametrize(
    ("text", "precision", "scale", "value"),
    [
        ("1.239", 5, 2, None),
        ("1.2300", 5, 2, Decimal("1.23")),
        ("0001234.5", 6, 2, Decimal("1234.50")),
        ("12345.6", 6, 2, None),
        ("-.05", 2, 2, Decimal("-0.05")),
        ("0.05", 2, 2, Decimal("0.05")),
        ("1.05", 2, 2, None),
        ("7.", 3, 0, Decimal(7)),
        ("7.5", 3, 0, None),
        (".", 3, 2, None),
        ("", 3, 2, None),
        ("9" * 38, 38, 0, Decimal("9" * 38)),
    ],
)
def test_cast_to_decimal__a_text__keeps_every_digit_or_does_not_fit(
    text: str, precision: int, scale: int, value: Decimal | None, evaluate: Evaluate
) -> None:
    assert cast(evaluate, "decimal", [text], precision=precision, scale=scale) == [value]


@pytest.mark.parametrize(
    ("source", "to", "values", "expected"),
    [
        ("BOOLEAN", "integer", [True, False], [1, 0]),
        ("BOOLEAN", "decimal", [True], [Decimal(1)]),
        ("BIGINT", "integer", [2**31, 5], [None, 5]),
        ("BIGINT", "boolean", [0, 1, 2], [False, True, None]),
        ("HUGEINT", "bigint", [2**63, -(2**63)], [None, -(2**63)]),
        ("DOUBLE", "integer", [12.0, 12.5, math.nan, math.inf], [12, None, None, None]),
        ("DOUBLE", "bigint", [float(2**63), -(2.0**63)], [None, -(2**63)]),
        ("DOUBLE", "decimal", [0.1, math.nan, -math.inf], [Decimal("0.1"), None, None]),
        ("DOUBLE", "decimal", [1e20, 1e30], [Decimal(10) ** 20, None]),
        ("DOUBLE", "double", [math.inf, math.nan, 0.1], [None, None, 0.1]),
        ("DOUBLE", "float", [-math.inf, math.nan, 0.5, 1e300], [None, None, 0.5, None]),
        ("DECIMAL(5,2)", "integer", [Decimal("5.00"), Decimal("5.01")], [5, None]),
        ("DATE", "datetime", [dt.date(2024, 1, 5)], [dt.datetime(2024, 1, 5)]),
        (
            "TIMESTAMP",
            "date",
            [dt.datetime(2024, 1, 5), dt.datetime(2024, 1, 5, 1)],
            [dt.date(2024, 1, 5), None],
        ),
        ("DATE", "string", [dt.date(2024, 1, 5)], ["2024-01-05"]),
        ("TIMESTAMP", "string", [dt.datetime(2024, 1, 5, 10, 0, 0, 500)], ["2024-01-05T10:00:00.0005"]),
        ("BLOB", "text", ["é".encode(), b"\xff"], ["é", None]),
        ("INTEGER[]", "string", [[1, 2]], ["[1,2]"]),
        ("STRUCT(a INTEGER)", "json", [{"a": 1}], ['{"a":1}']),
        ("DOUBLE", "json", [1.5, math.nan], ["1.5", None]),
        ("VARCHAR[]", "json", [["a"]], ['["a"]']),
        ("JSON", "integer", ["12", '"13"', "null", "[1]"], [12, 13, None, None]),
        ("JSON", "string", ['"a b"', '{"a":1}', "null"], ["a b", '{"a":1}', None]),
        ("UUID", "string", [uuid.UUID(int=1)], ["00000000-0000-0000-0000-000000000001"]),
        ("TIME", "time", [dt.time(1, 2)], [dt.time(1, 2)]),
        ("BOOLEAN", "date", [True], [None]),
        ("UNHEARD_OF", "integer", [], []),
    ],
)
def test_cast_from_typed__a_value__fits_when_nothing_is_lost(
    source: str, to: BaseName, values: list[Any], expected: list[Any], evaluate: Evaluate
) -> None:
    typed = source if source != "UNHEARD_OF" else "VARCHAR"
    assert evaluate(cast_from(VALUE, source, BASE_TYPES[to].resolve()), values, typed) == expected


def test_cast_to_json__not_a_number_inside_a_list__is_never_written(evaluate: Evaluate) -> None:
    # DuckDB 2.0 writes NaN, which is refused then; 1.5 writes null.
    assert cast(evaluate, "json", [[1.5], [math.nan]], "DOUBLE[]") in (["[1.5]", None], ["[1.5]", "[null]"])


def test_cast_from_double__scale_2__takes_noise_and_refuses_digits(evaluate: Evaluate) -> None:
    values = [0.1 + 0.2, 1.239, 123456789.125, 3.99, -0.0]
    found = cast(evaluate, "decimal", values, "DOUBLE", precision=18, scale=2)
    assert found == [Decimal("0.30"), None, None, Decimal("3.99"), Decimal(0)]


def test_cast_from_decimal__smaller_scale__refuses_lost_digits(evaluate: Evaluate) -> None:
    values = [Decimal("1.2300"), Decimal("1.2301"), None]
    found = cast(evaluate, "decimal", values, "DECIMAL(38,20)", precision=38, scale=2)
    assert found == [Decimal("1.23"), None, None]


@pytest.mark.parametrize("name", NAMES)
def test_cast_from_null_type__any_target__is_a_null_of_that_type(name: str, connection: Any) -> None:
    to = BASE_TYPES[name].resolve()
    null = cast_from(VALUE, '"NULL"', to).sql("duckdb")
    query = f"SELECT typeof({null}) FROM (SELECT 1 AS value) AS t"
    assert connection.execute(query).fetchall() == [(to.duckdb,)]


@pytest.mark.parametrize("to", NAMES)
@pytest.mark.parametrize(
    "source",
    [
        *("VARCHAR", "JSON", "BOOLEAN", "TINYINT", "UBIGINT", "HUGEINT", "FLOAT", "DOUBLE", "DECIMAL(18,3)"),
        *("DATE", "TIME", "TIMESTAMP", "TIMESTAMP_NS", "TIMESTAMP_S", "TIMESTAMP WITH TIME ZONE", "UUID"),
        *("BLOB", "INTEGER[]", "STRUCT(a INTEGER)", "MAP(VARCHAR, INTEGER)", "INTERVAL", "BIT"),
    ],
)
def test_cast_from__every_pair__has_the_targets_type(source: str, to: str, connection: Any) -> None:
    resolved = BASE_TYPES[to].resolve()
    value = cast_from(VALUE, source, resolved).sql("duckdb")
    query = f"SELECT typeof({value}) FROM (SELECT CAST(NULL AS {source}) AS value) AS t"
    assert connection.execute(query).fetchall() == [(resolved.duckdb,)]


@pytest.mark.parametrize(
    ("source", "to", "possible"),
    [
        ("BOOLEAN", "date", False),
        ("DATE", "boolean", False),
        ("BIGINT", "timestamp", False),
        ("TIMESTAMP", "integer", False),
        ("UUID", "bigint", False),
        ("INTEGER[]", "integer", False),
        ("TIME", "date", False),
        ("VARCHAR", "binary", True),
        ("ENUM('a', 'b')", "integer", True),
        ('"NULL"', "date", True),
        ("STRUCT(a INTEGER)", "string", True),
        ("DECIMAL(18,2)", "bigint", True),
        ("JSON", "date", True),
    ],
)
def test_can_cross__a_pair__is_refused_only_when_no_value_can(
    source: str, to: BaseName, possible: bool
) -> None:
    assert can_cross(source, BASE_TYPES[to].resolve()) is possible


def test_kind_of__nested_type_text__is_nested() -> None:
    assert kind_of("STRUCT(a DECIMAL(3,1), b VARCHAR)[]") == "nested"


@given(st.lists(st.integers(), max_size=30))
@LENIENT
def test_cast_to_integer__any_integer__fits_by_its_size_alone(evaluate: Evaluate, numbers: list[int]) -> None:
    expected = [number if -(2**31) <= number < 2**31 else None for number in numbers]
    assert cast(evaluate, "integer", [str(number) for number in numbers]) == expected


@given(st.lists(st.decimals(allow_nan=False, allow_infinity=False, places=4), max_size=30))
@LENIENT
def test_cast_to_decimal__any_decimal__is_exact_or_null(evaluate: Evaluate, numbers: list[Decimal]) -> None:
    found = cast(evaluate, "decimal", [format(number, "f") for number in numbers], precision=12, scale=2)
    for number, kept in zip(numbers, found, strict=True):
        fits = (
            number == number.quantize(Decimal("0.01")) and abs(number) < 10**10
            if abs(number) < 10**20
            else False
        )
        assert kept == (number if fits else None)


@given(st.lists(st.datetimes(timezones=st.timezones()), max_size=20))
@LENIENT
def test_cast_to_timestamp__an_instant_in_any_zone__is_the_same_instant(
    evaluate: Evaluate, instants: list[dt.datetime]
) -> None:
    # Offsets of whole minutes are what ISO 8601 can write; old local mean times have seconds.
    instants = [i for i in instants if (i.utcoffset() or dt.timedelta()).total_seconds() % 60 == 0]
    found = as_text(evaluate, "timestamp", [instant.isoformat() for instant in instants])
    for instant, text in zip(instants, found, strict=True):
        try:
            expected = instant.astimezone(UTC)
        except OverflowError:
            assert text is None
            continue
        assert dt.datetime.fromisoformat(str(text)) == expected


@given(st.lists(st.text(max_size=20), max_size=50))
@LENIENT
@pytest.mark.parametrize("name", NAMES)
def test_cast_from_text__any_text__never_raises(evaluate: Evaluate, name: str, texts: list[str]) -> None:
    texts = [text.replace("\x00", "") for text in texts]
    assert len(as_text(evaluate, name, texts)) == len(texts)


@pytest.mark.parametrize(("precision", "scale"), [(0, 0), (39, 0), (5, 6), (5, -1)])
def test_resolve_decimal__impossible_figures__are_refused(precision: int, scale: int) -> None:
    with pytest.raises(errors.Invalid) as refused:
        BASE_TYPES["decimal"].resolve(precision=precision, scale=scale)
    assert refused.value.code == "INVALID_PRECISION"


def test_resolve_decimal__what_is_left_out__has_defaults() -> None:
    decimal = BASE_TYPES["decimal"]
    assert decimal.resolve().duckdb == "DECIMAL(38,9)"
    assert decimal.resolve(precision=10).iceberg == "decimal(10, 0)"


def test_resolve_string__with_precision__is_refused() -> None:
    with pytest.raises(errors.Invalid) as refused:
        BASE_TYPES["string"].resolve(precision=3)
    assert refused.value.code == "PRECISION_NOT_ALLOWED"
