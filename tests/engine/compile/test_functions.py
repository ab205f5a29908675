"""The table of functions: each entry is called once in DuckDB, and refuses what it must."""

from decimal import Decimal

import duckdb
import pytest

from datalinx.engine.compile.expressions import rebuild_expression
from datalinx.engine.compile.functions import FUNCTIONS, REFUSED
from datalinx.errors import Invalid
from tests.engine.compile.kit import CONTACTS, Database, compiled, expression, mapping, scope, table

# One call of each function over one row, and what it gives.
CALLS: dict[str, tuple[str, object]] = {
    "lower": ("lower('AB')", "ab"),
    "upper": ("upper('ab')", "AB"),
    "reverse": ("reverse('abc')", "cba"),
    "strip_accents": ("strip_accents('é')", "e"),
    "md5": ("md5('')", "d41d8cd98f00b204e9800998ecf8427e"),
    "sha256": ("left(sha256(''), 8)", "e3b0c442"),
    "trim": ("trim('xax', 'x')", "a"),
    "ltrim": ("ltrim(' a')", "a"),
    "rtrim": ("rtrim('a ')", "a"),
    "concat": ("concat('a', 1, null)", "a1"),
    "concat_ws": ("concat_ws('-', 'a', null, 'b')", "a-b"),
    "substring": ("substring('abc', 2, 1)", "b"),
    "substr": ("substr('abc', 2)", "bc"),
    "left": ("left('abc', 2)", "ab"),
    "right": ("right('abc', 2)", "bc"),
    "replace": ("replace('aba', 'a', 'x')", "xbx"),
    "translate": ("translate('abc', 'ab', 'xy')", "xyc"),
    "split_part": ("split_part('a,b', ',', 2)", "b"),
    "lpad": ("lpad('7', 3, '0')", "007"),
    "rpad": ("rpad('7', 3, '0')", "700"),
    "repeat": ("repeat('ab', 2)", "abab"),
    "regexp_replace": ("regexp_replace('a1b2', '[0-9]', '', 'g')", "ab"),
    "regexp_extract": ("regexp_extract('a12', '([0-9]+)', 1)", "12"),
    "nullif": ("nullif('a', 'a')", None),
    "coalesce": ("coalesce(null, 'a')", "a"),
    "ifnull": ("ifnull(null, 'a')", "a"),
    "regexp_matches": ("regexp_matches('A1', 'a', 'i')", True),
    "regexp_full_match": ("regexp_full_match('a1', 'a')", False),
    "starts_with": ("starts_with('ab', 'a')", True),
    "ends_with": ("ends_with('ab', 'b')", True),
    "contains": ("contains('ab', 'c')", False),
    "prefix": ("prefix('ab', 'a')", True),
    "suffix": ("suffix('ab', 'b')", True),
    "length": ("length('é1')", 2),
    "len": ("len('ab')", 2),
    "char_length": ("char_length('ab')", 2),
    "strpos": ("strpos('ab', 'b')", 2),
    "instr": ("instr('ab', 'b')", 2),
    "ascii": ("ascii('A')", 65),
    "chr": ("chr(65)", "A"),
    "if": ("if(true, 1, 2)", 1),
    "abs": ("abs(-1)", 1),
    "ceil": ("ceil(1.2)", 2),
    "ceiling": ("ceiling(1.2)", 2),
    "floor": ("floor(1.8)", 1),
    "trunc": ("trunc(1.8)", 1),
    "sign": ("sign(-3)", -1),
    "sqrt": ("sqrt(4)", 2),
    "exp": ("exp(0)", 1),
    "ln": ("ln(1)", 0),
    "log2": ("log2(8)", 3),
    "log10": ("log10(100)", 2),
    "log": ("log(100)", 2),
    "cbrt": ("round(cbrt(27), 6)", 3),
    "sin": ("sin(0)", 0),
    "cos": ("cos(0)", 1),
    "tan": ("tan(0)", 0),
    "asin": ("asin(0)", 0),
    "acos": ("acos(1)", 0),
    "atan": ("atan(0)", 0),
    "atan2": ("atan2(0, 1)", 0),
    "radians": ("radians(0)", 0),
    "degrees": ("degrees(0)", 0),
    "isnan": ("isnan(1.5::double)", False),
    "isfinite": ("isfinite(1.5::double)", True),
    "round": ("round(2.345, 2)", Decimal("2.35")),
    "power": ("power(2, 3)", 8),
    "pow": ("pow(2, 3)", 8),
    "mod": ("mod(7, 4)", 3),
    "pi": ("floor(pi())", 3),
    "greatest": ("greatest(1, 3, 2)", 3),
    "least": ("least(1, 3, 2)", 1),
    "year": ("year(date '2024-03-09')", 2024),
    "quarter": ("quarter(date '2024-05-09')", 2),
    "month": ("month(date '2024-03-09')", 3),
    "week": ("week(date '2024-01-04')", 1),
    "day": ("day(date '2024-03-09')", 9),
    "hour": ("hour(timestamp '2024-03-09 05:06:07')", 5),
    "minute": ("minute(timestamp '2024-03-09 05:06:07')", 6),
    "second": ("second(timestamp '2024-03-09 05:06:07')", 7),
    "dayofweek": ("dayofweek(date '2024-03-10')", 0),
    "dayofyear": ("dayofyear(date '2024-02-01')", 32),
    "isodow": ("isodow(date '2024-03-10')", 7),
    "dayname": ("dayname(date '2024-03-10')", "Sunday"),
    "monthname": ("monthname(date '2024-03-10')", "March"),
    "last_day": ("last_day(date '2024-02-10')::varchar", "2024-02-29"),
    "epoch": ("epoch(timestamp '1970-01-01 00:01:00')", 60),
    "epoch_ms": ("epoch_ms(timestamp '1970-01-01 00:00:01')", 1000),
    "to_timestamp": ("epoch(to_timestamp(60))", 60),
    "to_years": ("(date '2024-01-01' + to_years(1))::varchar", "2025-01-01 00:00:00"),
    "to_months": ("(date '2024-01-01' + to_months(1))::varchar", "2024-02-01 00:00:00"),
    "to_weeks": ("(date '2024-01-01' + to_weeks(1))::varchar", "2024-01-08 00:00:00"),
    "to_days": ("(date '2024-01-01' + to_days(1))::varchar", "2024-01-02 00:00:00"),
    "to_hours": ("(date '2024-01-01' + to_hours(1))::varchar", "2024-01-01 01:00:00"),
    "to_minutes": ("(date '2024-01-01' + to_minutes(1))::varchar", "2024-01-01 00:01:00"),
    "to_seconds": ("(date '2024-01-01' + to_seconds(1))::varchar", "2024-01-01 00:00:01"),
    "date_part": ("date_part('month', date '2024-03-09')", 3),
    "datepart": ("datepart('month', date '2024-03-09')", 3),
    "date_trunc": ("left(date_trunc('month', date '2024-03-09')::varchar, 10)", "2024-03-01"),
    "datetrunc": ("left(datetrunc('year', date '2024-03-09')::varchar, 10)", "2024-01-01"),
    "date_diff": ("date_diff('day', date '2024-01-01', date '2024-01-31')", 30),
    "datediff": ("datediff('month', date '2024-01-31', date '2024-02-01')", 1),
    "date_sub": ("date_sub('month', date '2024-01-31', date '2024-02-01')", 0),
    "date_add": ("date_add(date '2024-01-01', interval 1 day)::varchar", "2024-01-02 00:00:00"),
    "age": ("age(timestamp '2024-01-02', timestamp '2024-01-01')::varchar", "1 day"),
    "make_date": ("make_date(2024, 2, 29)::varchar", "2024-02-29"),
    "make_timestamp": ("make_timestamp(2024, 2, 29, 1, 2, 3)::varchar", "2024-02-29 01:02:03"),
    "strftime": ("strftime(date '2024-02-29', '%d.%m.%y')", "29.02.24"),
    "strptime": ("strptime('29.02.24', '%d.%m.%y')::varchar", "2024-02-29 00:00:00"),
    "try_strptime": ("try_strptime('x', '%d')", None),
    "timezone": ("timezone('UTC', timestamptz '2024-01-01 02:00:00+02')::varchar", "2024-01-01 00:00:00"),
    "json_extract": ("""json_extract('{"a": [1]}', '$.a')::varchar""", "[1]"),
    "json_extract_string": ("""json_extract_string('{"a": "x"}', '$.a')""", "x"),
    "json_array_length": ("json_array_length('[1, 2]')", 2),
    "json_valid": ("json_valid('{')", False),
    "json_type": ("json_type('[1]')", "ARRAY"),
    "count": ("count(c.age)", 2),
    "sum": ("sum(c.age)", 30),
    "avg": ("avg(c.age)", 15),
    "mean": ("mean(c.age)", 15),
    "min": ("min(c.age)", 10),
    "max": ("max(c.age)", 20),
    "median": ("median(c.age)", 15),
    "count_if": ("count_if(c.age > 10)", 1),
    "bool_and": ("bool_and(c.active)", False),
    "bool_or": ("bool_or(c.active)", True),
    "stddev_samp": ("stddev_samp(c.age) between 7.071 and 7.072", True),
    "stddev": ("stddev(c.age) between 7.071 and 7.072", True),
    "stddev_pop": ("stddev_pop(c.age)", 5),
    "var_samp": ("var_samp(c.age)", 50),
    "variance": ("variance(c.age)", 50),
    "var_pop": ("var_pop(c.age)", 25),
    "approx_count_distinct": ("approx_count_distinct(c.age)", 2),
    "quantile_cont": ("quantile_cont(c.age, 0.5)", 15),
    "quantile_disc": ("quantile_disc(c.age, 1)", 20),
    "string_agg": ("string_agg(c.mail, '+')", "a+b"),
    "arg_max": ("arg_max(c.mail, c.age)", "a"),
    "arg_min": ("arg_min(c.mail, c.age)", "b"),
    "max_by": ("max_by(c.mail, c.age)", "a"),
    "min_by": ("min_by(c.mail, c.age)", "b"),
}


@pytest.fixture(scope="module")
def database() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(config={"threads": 1})
    connection.execute("CREATE TABLE c (mail VARCHAR, age BIGINT, active BOOLEAN)")
    connection.execute("INSERT INTO c VALUES ('a', 20, true), ('b', 10, false)")
    return connection


def test_functions__every_entry__is_tried_below() -> None:
    assert set(CALLS) == set(FUNCTIONS)
    assert not set(REFUSED) & set(FUNCTIONS)


@pytest.mark.parametrize("name", sorted(CALLS))
def test_function__called__gives_what_duckdb_gives(name: str, database: duckdb.DuckDBPyConnection) -> None:
    text, expected = CALLS[name]
    rebuilt = rebuild_expression(text, scope(), aggregates=True)
    tree = rebuilt.tree.transform(
        lambda node: next((found.tree for found in rebuilt.aggregates if node == found.column), node)
    )
    source = "FROM c" if rebuilt.aggregates else ""

    assert database.execute(f"SELECT {tree.sql(dialect='duckdb')} {source}").fetchall() == [(expected,)]


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_function__that_would_make_runs_differ__is_refused_with_its_reason(name: str) -> None:
    with pytest.raises(Invalid) as caught:
        rebuild_expression(f"{name}()", scope())

    assert caught.value.code == "EXPRESSION_NOT_ALLOWED"
    assert REFUSED[name] in caught.value.message


def test_arg_max__equal_keys__is_the_same_in_any_order_of_rows(database: duckdb.DuckDBPyConnection) -> None:
    rebuilt = rebuild_expression("arg_max(c.mail, c.age)", scope(), aggregates=True)
    call = rebuilt.aggregates[0].tree.sql(dialect="duckdb")
    rows = ["('x', 5)", "('y', 5)", "('z', NULL)", "(NULL, 5)"]

    found = {
        database.execute(f"SELECT {call} FROM (VALUES {', '.join(order)}) AS c(mail, age)").fetchone()
        for order in (rows, rows[::-1], rows[2:] + rows[:2])
    }

    assert len(found) == 1


@pytest.mark.parametrize("name", ["left", "substring"])
def test_function__a_length_beyond_all_texts__fails_for_its_row_alone(
    name: str, database: duckdb.DuckDBPyConnection
) -> None:
    document = mapping({"name": expression(f"{name}(c.mail, c.age)")})
    plan = compiled(document, table("name string"))
    filled = Database()
    filled.fill("c", CONTACTS, [row("abc", 2), row("abc", 5_000_000_000)])

    assert len(filled.run(plan)) == 1


def test_padding__of_nothing__is_refused_when_saved() -> None:
    with pytest.raises(Invalid, match="padding"):
        rebuild_expression("lpad(c.mail, 5, '')", scope())


def row(mail: str, age: int) -> tuple[object, ...]:
    """A contact of whom two columns matter."""
    given = {"mail": mail, "age": age}
    return tuple(given.get(name) for name in CONTACTS)
