"""How each type looks in JSON: exact, or said in text; nothing lost without a word."""

import pytest

from tests.engine.query.conftest import Ask

VALUES = [
    ("true", True),
    ("42::TINYINT", 42),
    ("9007199254740992", 9007199254740992),
    ("9007199254740993", "9007199254740993"),
    ("-9007199254740993", "-9007199254740993"),
    ("18446744073709551615::UBIGINT", "18446744073709551615"),
    ("170141183460469231731687303715884105727::HUGEINT", "170141183460469231731687303715884105727"),
    ("5::HUGEINT", 5),
    ("1.50::DECIMAL(10,2)", "1.50"),
    ("0.1::FLOAT", 0.1),
    ("0.1::DOUBLE", 0.1),
    ("'nan'::DOUBLE", "NaN"),
    ("'inf'::FLOAT", "Infinity"),
    ("'-inf'::DOUBLE", "-Infinity"),
    ("DATE '2026-01-31'", "2026-01-31"),
    ("'infinity'::DATE", "infinity"),
    ("TIMESTAMP '2026-01-31 10:00:00.5'", "2026-01-31T10:00:00.5"),
    ("TIMESTAMP_NS '2026-01-31 10:00:00.123456789'", "2026-01-31T10:00:00.123456789"),
    ("TIMESTAMPTZ '2026-01-31 10:00:00+02'", "2026-01-31T08:00:00Z"),
    ("'infinity'::TIMESTAMPTZ", "infinity"),
    ("TIME '10:00:00'", "10:00:00"),
    ("INTERVAL '1 year 2 days'", "1 year 2 days"),
    ("INTERVAL 1 MONTH", "1 month"),
    ("'a'::ENUM('a', 'b')", "a"),
    ("'3f2504e0-4f89-11d3-9a0c-0305e82c3301'::UUID", "3f2504e0-4f89-11d3-9a0c-0305e82c3301"),
    ("'\\xAA\\xBB'::BLOB", "qrs="),
    ("'{\"a\": 1.50}'::JSON", '{"a": 1.50}'),
    ("'101'::BIT", "101"),
    ("NULL", None),
    ("NULL::DECIMAL(5,2)", None),
    ("[1, NULL, 3]", [1, None, 3]),
    ("[9007199254740993]", ["9007199254740993"]),
    ("[1.50::DECIMAL(9,2)]", ["1.50"]),
    ("{'a': 1, 'b c': [DATE '2026-01-31'], 'when': TIMESTAMP '2026-01-31 10:00:00'}",
     {"a": 1, "b c": ["2026-01-31"], "when": "2026-01-31 10:00:00"}),
    ("MAP {'k': 1.25::DECIMAL(9,2)}", {"k": "1.25"}),
    ("[1, 2]::INTEGER[2]", [1, 2]),
    ("[[true], []]", [[True], []]),
    ("''", ""),
    ("'é\U0001f600\n'", "é\U0001f600\n"),
]  # fmt: skip


@pytest.mark.parametrize(("sql", "shown"), VALUES, ids=[sql for sql, _ in VALUES])
def test_value__of_each_type__shown_exactly(ask: Ask, sql: str, shown: object) -> None:
    [[value]] = ask(f"SELECT {sql}").rows
    assert value == shown
    assert type(value) is type(shown)


def test_columns__types__are_duckdbs_names(ask: Ask) -> None:
    result = ask("SELECT 1::BIGINT AS a, 1.5::DECIMAL(9,2) AS b, now() AS c, [1] AS d, NULL AS e")
    names = [column["type"] for column in result.columns]
    assert names[:4] == ["BIGINT", "DECIMAL(9,2)", "TIMESTAMP WITH TIME ZONE", "INTEGER[]"]
