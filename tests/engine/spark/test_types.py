"""Every cast and every semantic type gives on Spark what it gives in DuckDB, for hostile texts too."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, cast

import pytest
from sqlglot import exp

from datalinx.engine.types.base import BASE_TYPES
from datalinx.engine.types.casts import can_cross, cast_from
from datalinx.engine.types.library import without_calls
from datalinx.engine.types.registry import TypeRegistry
from datalinx.engine.types.sql import sql
from tests.engine.spark.kit import Case, Engines

TYPES = TypeRegistry()
VALUE = exp.column("v", quoted=True)
HOSTILE = (
    *(
        "٣",
        "\u00a05",
        "5\n",
        "\n5",
        "2024-02-30",
        "0000-01-01",
        "1e5",
        ".5",
        "5.",
        "1.005",
        "-0",
        "+0.0",
        "12e-1",
        "1e400",
    ),
    *(
        "ß",
        "ŉ",
        "ﬁ",
        "İ",
        "ẞ",
        "ſ",
        "K",
        "ΑΣ",
        "😀",
        "a\x00b",
        "x" * 3_000,
        " ",
        "\t",
        "\x0b5",
        "\x015",
        "5\x7f",
        "e\u0301",
    ),
    *(
        "가",
        "ǆ",
        "1_000",
        "0x1F",
        "0b11",
        "١٢",
        "0" * 50 + "7",
        "1" * 40,
        "2147483648",
        "9" * 19,
        "170141183460469231731687303715884105728",
    ),
    *(
        "2024-1-5",
        "2024/01/05",
        " 2024-01-05 ",
        "2024-01-05T10",
        "2024-01-05 24:00:00",
        "2024-01-05 10:00:00+02",
        "24:00",
        "1:2:3",
    ),
    *(
        "2024-01-05 10:00 +02:00",
        "9999-12-31T23:59:59-01:00",
        "0001-01-01 00:00+01",
        "12-31-2024",
        "nan",
        "inf",
        "-Infinity",
        "TRUE",
        "yes",
    ),
    *(
        "a@b",
        "a" * 64 + "@example.org",
        "(" * 2_000,
        "-" * 2_000 + "5",
        ".a" * 2_000,
        "1," * 500,
        '"' * 999,
        "[" * 500 + "]" * 500,
    ),
    *(
        '{"a":1,}',
        '{"a":1}}',
        "[1]]",
        '"\\ud800"',
        '{"a":"\x01"}',
        "1 2",
        "01",
        "-",
        "tru",
        '{"a" 1}',
        "[,]",
        '{"NaN": [1,]}',
        "a,b",
        "[ ,]",
        "{,}",
        "[,,]",
        "[[1 , ],]",
        "[1,,]",
    ),
    *(
        " EPOCH ",
        "1:",
        "12:00: ",
        "1:2:3.5x",
        "1:2x",
        "24:00:00.5",
        "2024-01-05  ",
        "2024-01-05 1: UTC",
        "2024-01-05T 10:00:00. ",
        "2024-01-05 10:00\t",
        "2024-01-05 10:00-02:00:30",
        "2024-01-05 10:00+02:60",
        "2024-01-05 10:00+123",
        "2024-01-05 24:00+02",
        "2024-01-05 10:00Zx",
        "2024-01-051:00",
        "2024-07-05 10:00 America/New_York ",
        "2024-01-05 10:00 Etc/GMT+5",
        "2024-01-05 10:00 EST",
        "2024-01-05 10:00 GMT+02:00",
        "2024-01-05 10:00  UTC",
        "2024-01-05 10:00 Foo/Bar",
        "2024-01-05 10:00 x.y",
        "2024-01-05 10:00 Z",
        "2024-10-27 02:30:00 Europe/Berlin",
        "2024-03-31 02:30 Europe/Berlin",
        "2024-11-03 01:59:59 America/New_York",
        "2024-04-07 01:45 Australia/Lord_Howe",
    ),
)


def _texts() -> list[str | None]:
    found: list[str | None] = [None]
    for base in BASE_TYPES.values():
        found += [*base.examples, *base.counter_examples]
    for semantic in _semantic():
        found += [
            *semantic.examples,
            *semantic.counter_examples,
            *(raw for pair in semantic.normalised for raw in pair),
        ]
    return list(dict.fromkeys([*found, *HOSTILE]))


def _semantic() -> Iterator[Any]:
    for name in TYPES.names():
        if (found := TYPES.semantic(name)) is not None:
            yield found


def _alone(tree: exp.Expr) -> exp.Expr:
    """The tree without what a library answers, which the executors ask in ways of their own."""
    return without_calls(cast("exp.Expression", tree))


# Of each kind one; `make spark-full` runs them all.
_SEMANTIC_IN_SHORT = {"email", "phone_number", "amount", "country", "postal_code", "url"}
_SOURCES_IN_SHORT = {"BIGINT", "DOUBLE", "DECIMAL(9,8)", "DECIMAL(38,9)", "TIMESTAMP", "BLOB", "TIME"}


def _some(names: Sequence[str], in_short: set[str]) -> list[Any]:
    return [pytest.param(name, marks=[] if name in in_short else [pytest.mark.slow]) for name in names]


@pytest.fixture(scope="module")
def engines(spark: Any, tmp_path_factory: pytest.TempPathFactory) -> Engines:
    return Engines(spark, tmp_path_factory.mktemp("types"), {"v": "VARCHAR"}, [(text,) for text in _texts()])


@pytest.mark.spark
def test_text_casts__of_every_base_type__are_equal(engines: Engines) -> None:
    cases = [Case(base.name, cast_from(VALUE, "VARCHAR", base.resolve())) for base in BASE_TYPES.values()]
    cases.append(
        Case(
            "decimal(5, 2)", cast_from(VALUE, "VARCHAR", BASE_TYPES["decimal"].resolve(precision=5, scale=2))
        )
    )

    assert engines.differences(cases) == []


@pytest.mark.spark
def test_plain_casts_of_text__whatever_it_says__are_equal(engines: Engines) -> None:
    names = (
        "INTEGER",
        "BIGINT",
        "HUGEINT",
        "TINYINT",
        "DOUBLE",
        "FLOAT",
        "DECIMAL(18, 2)",
        "BOOLEAN",
        "TIME",
        "UUID",
        "JSON",
    )
    cases = [
        Case(name, exp.TryCast(this=VALUE.copy(), to=exp.DataType.build(name, dialect="duckdb"), safe=True))
        for name in names
    ]
    # DuckDB has endless moments, which no other engine has.
    finite = sql("NOT regexp_full_match(:v, '(?i)[ ]*-?inf(inity)?[ ]*')", v=VALUE)
    for name in ("DATE", "TIMESTAMP", "TIMESTAMPTZ"):
        moment = exp.TryCast(this=VALUE.copy(), to=exp.DataType.build(name, dialect="duckdb"), safe=True)
        cases.append(Case(name, exp.Case(ifs=[exp.If(this=finite.copy(), true=moment)])))

    assert engines.differences(cases) == []


@pytest.mark.spark
@pytest.mark.parametrize("name", _some([semantic.name for semantic in _semantic()], _SEMANTIC_IN_SHORT))
def test_semantic_type__over_everybodys_examples__is_equal(engines: Engines, name: str) -> None:
    semantic = TYPES.semantic(name)
    assert semantic is not None
    stored = (
        VALUE
        if semantic.stored_as == "VARCHAR"
        else cast_from(VALUE, "VARCHAR", BASE_TYPES[semantic.base].resolve())
    )
    trees = {
        "normalise": semantic.normalise(VALUE),
        "check": semantic.check(stored),
        "mask": semantic.mask(stored),
    }

    assert engines.differences([Case(f"{name}.{about}", _alone(tree)) for about, tree in trees.items()]) == []


_SOURCES: dict[str, tuple[Any, ...]] = {
    "BOOLEAN": (None, True, False),
    "TINYINT": (None, 0, 1, -128, 127),
    "INTEGER": (None, 0, 1, 2, -1, 2**31 - 1, -(2**31)),
    "BIGINT": (None, 0, 1, 2**53 + 1, 2**63 - 1, -(2**63)),
    "UBIGINT": (None, 0, 1, 2**64 - 1),
    "HUGEINT": (None, 0, 1, 10**37, -(10**37)),
    "FLOAT": (None, 0.0, 1.0, 0.1, 2.5, 1e10, 3.4e38, float("nan"), float("inf")),
    "DOUBLE": (
        None,
        0.0,
        -0.0,
        1.0,
        0.5,
        1.5,
        2.5,
        0.1,
        0.30000000000000004,
        1.239,
        1e15,
        1e16,
        1e20,
        1e-5,
        12345.678,
        1e300,
        1e21,
        123456789012345678.0,
        9.999999e-7,
        1.5e-6,
        -0.00012345,
        1e7,
        float("nan"),
        float("-inf"),
    ),
    "DECIMAL(18,3)": (
        None,
        Decimal(0),
        Decimal(1),
        Decimal("1.500"),
        Decimal("-2.345"),
        Decimal("999999999999999.999"),
    ),
    "DECIMAL(5,0)": (None, Decimal(0), Decimal(5), Decimal(-99999)),
    "DECIMAL(9,8)": (None, Decimal("0.00000010"), Decimal("-1.50000000"), Decimal("9.99999999")),
    "DECIMAL(38,9)": (
        None,
        Decimal(0),
        Decimal("0.000000001"),
        Decimal("12345678901234567890123456789.123456789"),
    ),
    "DATE": (None, "2024-02-29", "0001-01-01", "9999-12-31"),
    "TIMESTAMP": (
        None,
        "2024-02-29 12:34:56.5",
        "2024-01-01 00:00:00",
        "0001-01-01 00:00:00",
        "9999-12-31 23:59:59.999999",
    ),
    "TIMESTAMP WITH TIME ZONE": (
        None,
        "2024-02-29 12:34:56.5+00",
        "2024-01-01 00:00:00+00",
        "1969-12-31 23:59:59.999999+00",
    ),
    "TIME": (None, "00:00:00", "23:59:59.999999", "12:00:00.5"),
    "UUID": (None, "3f2504e0-4f89-11d3-9a0c-0305e82c3301"),
    "BLOB": (None, b"abc", b"\x00\xff", "é".encode(), b"a'b\\"),
    "JSON": (
        None,
        '"a"',
        "12",
        "true",
        "null",
        '{"a": [1]}',
        '"2024-01-05"',
        '{"x":NaN}',
        "[Infinity,-Infinity]",
        "NaN",
    ),
}


@pytest.mark.spark
@pytest.mark.parametrize("source", _some(sorted(_SOURCES), _SOURCES_IN_SHORT))
def test_typed_casts__of_every_pair_that_can_cross__are_equal(
    spark: Any, tmp_path_factory: pytest.TempPathFactory, source: str
) -> None:
    engines = Engines(
        spark, tmp_path_factory.mktemp("casts"), {"v": source}, [(value,) for value in _SOURCES[source]]
    )
    resolved = [base.resolve() for base in BASE_TYPES.values()] + [
        BASE_TYPES["decimal"].resolve(precision=5, scale=2)
    ]
    cases = [
        Case(f"{source} to {to.duckdb}", cast_from(VALUE, source, to))
        for to in resolved
        if can_cross(source, to)
    ]
    if source not in {"BLOB"}:
        cases.append(Case(f"{source} as text", exp.cast(VALUE, "VARCHAR")))

    assert engines.differences(cases) == []
