"""Calls of every function over columns of every kind, and rows that are hard on them."""

from decimal import Decimal
from typing import Any

COLUMNS = {
    "t": "VARCHAR",
    "u": "VARCHAR",
    "n": "BIGINT",
    "i": "INTEGER",
    "d": "DOUBLE",
    "m": "DECIMAL(18,2)",
    "b": "BOOLEAN",
    "day": "DATE",
    "ts": "TIMESTAMP",
    "z": "TIMESTAMP WITH TIME ZONE",
    "j": "VARCHAR",
}

TEXTS = (
    *(
        "",
        "a",
        "hello",
        "Hello World",
        "  a  ",
        "\ta\n",
        "a,b,,c",
        "aXbXc",
        "xxaxx",
        "12",
        " 7 ",
        "-3.5",
        "1e5",
        ".5",
    ),
    *(
        "٣",
        "\u00a05",
        "5\n",
        "ß",
        "ŉ",
        "ﬁ",
        "İ",
        "ΑΣ",
        "😀a😀",
        "e\u0301x",
        "Ünïcødé",
        "a\x00b",
        "ſK",
        "a.b",
        "a\\b",
        "a'b",
    ),
    *(
        "100%",
        "a_b",
        "$1",
        "2024-02-30",
        "2024-02-29",
        "x" * 300,
        "ǆ",
        "가",
        "\r\n",
        "true",
        "[a-z]",
        "日本",
        "[1,]",
    ),
)
NUMBERS = (0, 1, -1, 7, -7, 10, 25, 2**31 - 1, -(2**31), 2**53 + 1, 2**63 - 1, -(2**63))
DOUBLES = (
    0.0,
    -0.0,
    0.5,
    -0.5,
    1.5,
    2.5,
    -2.5,
    0.1,
    1e16,
    1e-5,
    123456.789,
    2.675,
    1e300,
    -1e-300,
    float("inf"),
    float("nan"),
)
DAYS = (
    "2024-02-29",
    "2023-12-31",
    "1970-01-01",
    "1969-12-31",
    "0001-01-01",
    "9999-12-31",
    "2024-03-10",
    "2021-01-03",
)
TIMES = ("00:00:00", "23:59:59.999999", "12:34:56.5", "05:06:07")
JSONS = (
    *(
        '{"a": "x", "b": [1, 2]}',
        '{"a": {"b": "é\\n"}}',
        "[1, 2, 3]",
        '"text"',
        "12",
        "null",
        "{",
        "",
        "{'a': 1}",
    ),
    *(
        '{"a": null}',
        '{"a": 1.5}',
        '{"a": true}',
        '{"a b": 1, "a b": 2}',
        "1 2",
        "[1]]",
        '{"a":1}}',
        '"\\ud800"',
        "01",
        "[]",
    ),
)


def rows() -> list[tuple[Any, ...]]:
    """Rows in which every value of each column stands once at least, and one of NULLs."""
    made: list[tuple[Any, ...]] = [(None,) * len(COLUMNS)]
    for place in range(max(len(TEXTS), 44)):
        day = DAYS[place % len(DAYS)]
        moment = f"{DAYS[place * 3 % len(DAYS)]} {TIMES[place % len(TIMES)]}"
        number = NUMBERS[place % len(NUMBERS)]
        made.append(
            (
                TEXTS[place % len(TEXTS)],
                TEXTS[(place * 7 + 3) % len(TEXTS)] if place % 5 else "a",
                number,
                (NUMBERS[place % 9]),
                DOUBLES[place % len(DOUBLES)],
                Decimal((place - 20) * 12345) / 100,
                (True, False, None)[place % 3],
                day,
                moment,
                f"{moment}+00",
                JSONS[place % len(JSONS)],
            )
        )
    return made


# Doubles of these differ in their last digits from one mathematical library to another.
INEXACT = frozenset(
    [
        "exp",
        "ln",
        "log2",
        "log10",
        "log",
        "cbrt",
        "sin",
        "cos",
        "tan",
        "asin",
        "acos",
        "atan",
        "atan2",
        "power",
        "pow",
        "radians",
        "degrees",
        "round",
        "epoch",
        "sum",
        "avg",
        "mean",
        "median",
        "quantile_cont",
        "stddev_samp",
        "stddev",
        "stddev_pop",
        "var_samp",
        "variance",
        "var_pop",
    ]
)

_DATE_PARTS = (
    "year",
    "quarter",
    "month",
    "week",
    "day",
    "hour",
    "minute",
    "second",
    "dayofweek",
    "dayofyear",
    "isodow",
)
_PARTS = (*_DATE_PARTS, "millisecond", "microsecond", "isoyear", "decade", "century", "epoch")
_TRUNCATED = (
    "year",
    "quarter",
    "month",
    "week",
    "day",
    "hour",
    "minute",
    "second",
    "millisecond",
    "microsecond",
)

CALLS: dict[str, tuple[str, ...]] = {
    "lower": ("lower(c.t)",),
    "upper": ("upper(c.t)",),
    "reverse": ("reverse(c.t)",),
    "strip_accents": ("strip_accents(c.t)",),
    "md5": ("md5(c.t)",),
    "sha256": ("sha256(c.t)",),
    "trim": ("trim(c.t)", "trim(c.t, 'xa')"),
    "ltrim": ("ltrim(c.t)", "ltrim(c.t, 'xa ')"),
    "rtrim": ("rtrim(c.t)", "rtrim(c.t, 'x')"),
    "concat": ("concat(c.t, c.n, c.d, c.b, c.m, c.ts)",),
    "concat_ws": ("concat_ws('-', c.t, c.u, c.day)", "concat_ws(c.u, c.t, 'x')"),
    "substring": tuple(f"substring(c.t, {a}, {b})" for a in (-9, -3, -1, 0, 1, 2, 4) for b in (-2, 0, 1, 3)),
    "substr": (
        "substr(c.t, 2)",
        "substr(c.t, -2)",
        "substr(c.t, 0)",
        "substr(c.t, c.i, c.i)",
        "substr(c.t, 2, 3)",
    ),
    "left": ("left(c.t, 2)", "left(c.t, -2)", "left(c.t, 0)", "left(c.t, c.i)"),
    "right": ("right(c.t, 2)", "right(c.t, -2)", "right(c.t, 0)", "right(c.t, c.i)"),
    "replace": ("replace(c.t, 'a', 'xy')", "replace(c.t, '', 'x')", "replace(c.t, c.u, '$1')"),
    "translate": ("translate(c.t, 'abl', 'xy')", "translate(c.t, 'aa', 'xy')"),
    "split_part": tuple(
        f"split_part(c.t, {s}, {n})" for s in ("','", "'X'", "''", "c.u") for n in (1, 2, -1, -2, 9)
    ),
    "lpad": ("lpad(c.t, 4, 'xy')", "lpad(c.t, 0, 'x')"),
    "rpad": ("rpad(c.t, 4, 'xy')",),
    "repeat": ("repeat(c.t, 3)", "repeat(c.t, 0)"),
    "regexp_replace": (
        *(
            "regexp_replace(c.t, 'a', 'b')",
            "regexp_replace(c.t, '[a-l]+', '<\\0>', 'g')",
            "regexp_replace(c.t, '(.)(.)', '\\2$1\\1')",
        ),
        *(
            "regexp_replace(c.t, '^a', '')",
            "regexp_replace(c.t, '\\s', '', 'g')",
            "regexp_replace(c.t, 'B', 'x', 'gi')",
        ),
    ),
    "regexp_extract": (
        "regexp_extract(c.t, '[a-z]+')",
        "regexp_extract(c.t, '(\\d)(\\w)?', 2)",
        "regexp_extract(c.t, '.$')",
    ),
    "nullif": ("nullif(c.t, c.u)", "nullif(c.n, 7)", "nullif(c.t, '')"),
    "coalesce": ("coalesce(c.t, c.u, 'x')", "coalesce(c.n, c.i)", "coalesce(c.i, c.m)"),
    "ifnull": ("ifnull(c.t, 'x')",),
    "if": ("if(c.b, c.t, c.u)", "if(c.n > 0, c.n, c.m)"),
    "regexp_matches": (
        *(
            "regexp_matches(c.t, '[aeiou]')",
            "regexp_matches(c.t, '^.$')",
            "regexp_matches(c.t, 'HELLO|ß|k', 'i')",
        ),
        *(
            "regexp_matches(c.t, '\\bWorld\\b')",
            "regexp_matches(c.t, '(?s)^.+$')",
            "regexp_matches(c.t, '\\p{L}')",
        ),
        *(
            "regexp_matches(c.t, '[[:space:]]')",
            "regexp_matches(c.t, '[^\\x00-\\x7F]')",
            "regexp_matches(c.t, 'a.b', 'l')",
        ),
        *(
            "regexp_matches(c.t, '(?i)[i-ı]')",
            "regexp_matches(c.t, '(?m)^$')",
            "regexp_matches(c.t, '[^a]', 's')",
        ),
    ),
    "regexp_full_match": (
        "regexp_full_match(c.t, '.*')",
        "regexp_full_match(c.t, '\\w+')",
        "regexp_full_match(c.t, '[a-z]*|12')",
    ),
    "starts_with": ("starts_with(c.t, c.u)", "starts_with(c.t, '')"),
    "ends_with": ("ends_with(c.t, c.u)",),
    "contains": ("contains(c.t, c.u)", "contains(c.t, '')"),
    "prefix": ("prefix(c.t, 'a')",),
    "suffix": ("suffix(c.t, 'a')",),
    "length": ("length(c.t)",),
    "len": ("len(c.t)",),
    "char_length": ("char_length(c.t)",),
    "strpos": ("strpos(c.t, c.u)", "strpos(c.t, '')"),
    "instr": ("instr(c.t, 'a')",),
    "ascii": ("ascii(c.t)",),
    "chr": ("chr(233)", "chr(c.i)", "chr(c.i % 300)"),
    **{
        name: (f"{name}(c.d)", f"{name}(c.n)", f"{name}(c.m)")
        for name in ("abs", "sign", "ceil", "ceiling", "floor", "trunc")
    },
    **{
        name: (f"{name}(c.d)", f"{name}(c.i)")
        for name in ("sqrt", "exp", "ln", "log2", "log10", "cbrt", "atan", "radians", "degrees")
    },
    **{name: (f"{name}(c.d)",) for name in ("sin", "cos", "tan", "asin", "acos")},
    "isnan": ("isnan(c.d)",),
    "isfinite": ("isfinite(c.d)", "isfinite(c.day)"),
    "log": ("log(c.d)", "log(2, c.d)"),
    "round": tuple(
        f"round(c.{x}{n})" for x in ("d", "m", "n", "i") for n in ("", ", 1", ", -1", ", 2", ", -3")
    ),
    "power": ("power(c.d, 2)", "power(2, c.d)", "power(c.m, 0.5)"),
    "pow": ("pow(c.d, c.d)",),
    "mod": ("mod(c.n, 7)", "mod(c.n, c.i)", "mod(c.d, 2)", "mod(c.m, 7)", "mod(c.n, -1)"),
    "atan2": ("atan2(c.d, 3)", "atan2(c.n, 3)"),
    "pi": ("pi()",),
    "greatest": ("greatest(c.n, c.i)", "greatest(c.t, c.u)", "greatest(c.d, 1)", "greatest(c.day, c.day)"),
    "least": ("least(c.n, c.i, 3)", "least(c.d, 1)", "least(c.m, c.n)"),
    **{name: (f"{name}(c.ts)", f"{name}(c.z)", f"{name}(c.day)") for name in _DATE_PARTS},
    "epoch": ("epoch(c.ts)", "epoch(c.day)", "epoch(c.z)"),
    "epoch_ms": ("epoch_ms(c.ts)", "epoch_ms(c.i)"),
    "dayname": ("dayname(c.day)",),
    "monthname": ("monthname(c.ts)",),
    **{
        f"to_{part}s": (f"c.ts + to_{part}s(c.i % 50)", f"c.day - to_{part}s(3)", f"c.z + to_{part}s(1)")
        for part in ("year", "month", "week", "day", "hour", "minute", "second")
    },
    "last_day": ("last_day(c.day)", "last_day(c.ts)"),
    "to_timestamp": ("to_timestamp(c.i)", "to_timestamp(1.5)"),
    "date_part": tuple(f"date_part('{part}', c.{x})" for part in _PARTS for x in ("ts", "day")),
    "datepart": ("datepart('month', c.z)",),
    "date_trunc": tuple(f"date_trunc('{part}', c.{x})" for part in _TRUNCATED for x in ("ts", "day", "z")),
    "datetrunc": ("datetrunc('week', c.ts)",),
    "date_diff": tuple(
        f"date_diff('{part}', c.{x}, c.{y})"
        for part in (*_TRUNCATED, "decade", "century")
        for x, y in (("ts", "day"), ("day", "ts"), ("day", "day"))
    ),
    "datediff": ("datediff('day', c.day, date '2024-01-01')",),
    "date_sub": tuple(
        f"date_sub('{part}', c.ts, c.day)" for part in ("week", "day", "hour", "minute", "second")
    ),
    "date_add": (
        "date_add(c.day, interval 1 month)",
        "date_add(c.ts, interval '36 hours')",
        "date_add(c.day, 5)",
    ),
    "make_date": ("make_date(2024, c.i % 14, 29)", "make_date(2000 + c.i % 50, 1, 1)"),
    "make_timestamp": (
        "make_timestamp(2024, 2, c.i % 40, 23, 59, 59.5)",
        "make_timestamp(2024, 1, 1, c.i % 30, 0, c.d)",
    ),
    "strftime": (
        *(
            "strftime(c.ts, '%Y-%m-%d %H:%M:%S.%f')",
            "strftime(c.day, '%d.%m.%y (%j) %A %a %B %b')",
            "strftime(c.ts, '%-d/%-m %I:%M %p')",
        ),
        *("strftime(c.day, 'it''s %Y%%')", "strftime(c.z, '%g|%-H|%-I|%-M|%-S|%-j')"),
    ),
    "strptime": (
        "strptime(c.t, '%Y-%m-%d')",
        "strptime(strftime(c.ts, '%d/%m/%Y %H:%M:%S'), '%d/%m/%Y %H:%M:%S')",
    ),
    "try_strptime": (
        *(
            "try_strptime(c.t, '%Y-%m-%d')",
            "try_strptime(strftime(c.ts, '%d %B %Y %I:%M %p'), '%d %B %Y %I:%M %p')",
        ),
        *(
            "try_strptime(strftime(c.day, '%a %d %b %y'), '%a %d %b %y')",
            "try_strptime(strftime(c.ts, '%Y.%f'), '%Y.%f')",
        ),
        *(
            "try_strptime(strftime(c.ts, '%Y %j'), '%Y %j')",
            "try_strptime(strftime(c.day, '%Y%m%d') || ' +0230', '%Y%m%d %z')",
        ),
    ),
    "timezone": (
        *(
            "timezone('UTC', c.ts)",
            "timezone('Europe/Berlin', c.z)",
            "timezone('UTC', c.z)",
            "timezone('Asia/Kolkata', c.z)",
        ),
        *("timezone('Asia/Kolkata', c.ts)",),
    ),
    "json_extract_string": (
        *(
            "json_extract_string(c.j, '$.a')",
            "json_extract_string(c.j, '$.b[1]')",
            "json_extract_string(c.j, '$')",
        ),
        *(
            "json_extract_string(c.j, '$.\"a b\"')",
            "json_extract_string(c.j, '/a/b')",
            "json_extract_string(c.j, 'a')",
        ),
    ),
    "json_array_length": ("json_array_length(c.j)", "json_array_length(c.j, '$.b')"),
    "json_valid": ("json_valid(c.j)", "json_valid(c.t)"),
}

AGGREGATES: dict[str, tuple[str, ...]] = {
    "count": ("count(*)", "count(c.t)", "count(distinct c.u)", "count(c.t) filter (where c.b)"),
    "sum": ("sum(c.n)", "sum(c.m)", "sum(c.d) filter (where c.d between -10 and 10)", "sum(distinct c.i)"),
    "avg": ("avg(c.i)", "avg(c.m)", "avg(c.d) filter (where c.d < 10)"),
    "mean": ("mean(c.n)",),
    **{name: (f"{name}(c.t)", f"{name}(c.d)", f"{name}(c.day)", f"{name}(c.b)") for name in ("min", "max")},
    "median": ("median(c.i)", "median(c.d)"),
    "count_if": ("count_if(c.b)", "count_if(c.n > 0)"),
    "bool_and": ("bool_and(c.b)", "bool_and(c.i is not null)"),
    "bool_or": ("bool_or(c.b)",),
    **{
        name: (f"{name}(c.i)",)
        for name in ("stddev_samp", "stddev", "stddev_pop", "var_samp", "variance", "var_pop")
    },
    "quantile_cont": ("quantile_cont(c.i, 0.3)", "quantile_cont(c.d, 0)"),
    "quantile_disc": (
        "quantile_disc(c.i, 0.3)",
        "quantile_disc(c.n, 1)",
        "quantile_disc(c.n, 0)",
        "quantile_disc(c.t, 0.5)",
    ),
    "string_agg": ("string_agg(c.u, '+')",),
    "arg_max": ("arg_max(c.t, c.i)", "arg_max(c.n, c.day)"),
    "arg_min": ("arg_min(c.t, c.i)",),
    "max_by": ("max_by(c.t, c.m)",),
    "min_by": ("min_by(c.u, c.n)",),
}

OPERATORS: tuple[str, ...] = (
    *(
        f"c.{a} {sign} c.{b}"
        for sign in ("+", "-", "*", "/", "//", "%")
        for a, b in (("n", "i"), ("i", "i"), ("d", "n"), ("m", "m"), ("m", "i"))
    ),
    *(
        f"c.{a} {sign} c.{b}"
        for sign in ("=", "<>", "<", ">=")
        for a, b in (("t", "u"), ("n", "d"), ("m", "i"), ("day", "ts"), ("d", "d"))
    ),
    *(
        "c.n = '7'",
        "c.day > '2000-01-01'",
        "c.t is distinct from c.u",
        "c.t is not distinct from c.u",
    ),
    *(
        "-c.n",
        "-c.d",
        "-c.m",
        "-c.i",
        "not c.b",
        "c.b and c.n > 0",
        "c.b or c.n > 0",
        "c.b is true",
        "c.b is not false",
        "c.t is null",
    ),
    *(
        "c.t || c.u",
        "c.t || c.n || c.d || c.m",
        "c.t || c.ts",
        "c.z || ''",
        "c.n between 0 and c.i",
        "c.t between 'a' and 'b'",
        "c.i in (1, 7, null)",
    ),
    *(
        "c.t in ('a', 'ß')",
        "c.t like '%a_%'",
        "c.t like '100%'",
        "c.t like 'a\\b'",
        "c.t ilike '%HELLO%'",
        "c.t like '%\n'",
    ),
    *(
        "case when c.b then c.n when c.d > 1 then c.m else c.i end",
        "case c.t when 'a' then 1 when c.u then 2 end",
    ),
    *(
        "c.day + 5",
        "c.day - c.day",
        "c.day + interval 1 month",
        "c.ts - interval '90 minutes'",
        "c.z + interval '1 day'",
        *("c.n + 1.5", "c.m * 1.25"),
    ),
    *("extract('year' from c.ts)", "c.n ** 2", "c.i ^ 2", "c.d / 0", "c.m + 1", "2 * c.m"),
)
