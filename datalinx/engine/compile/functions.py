"""The functions that users may call: one table of facts. What does not stand here is refused."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal
from zoneinfo import available_timezones

Result = Literal["text", "same", "other"]
"""`same`: text when all arguments are text."""

Raises = Literal["never", "strict", "any"]
Check = Callable[[str | float], str | None]
"""What is wrong with a literal argument, as a sentence, or None."""

Growth = Callable[[Sequence[str | float | None]], float]

MAX_PATTERN = 1_000
MAX_REPLACEMENT = 200
MAX_SIZE = 1_000
# DuckDB raises for a length or a position of more than 32 bits.
MAX_LENGTH = 2**31

PARTS = (
    *("year", "quarter", "month", "week", "day", "hour", "minute", "second", "millisecond", "microsecond"),
    *("dayofweek", "dayofyear", "isodow", "isoyear", "decade", "century", "epoch"),
)


@dataclass(frozen=True)
class Function:
    """One function. `literals` are the arguments (from 0) that must be literals, with the check of each.

    `raises` says what a row can make it do: nothing, or raise (`strict` when it is NULL for a NULL argument alone,
    `any` when it may be NULL besides). `attempt` is DuckDB's function of the same meaning that gives NULL instead.
    `growth` says how many times longer than its input the result can be, given the literal arguments (None where
    an argument is no literal). With `by_size` only a number beyond MAX_LENGTH after the first argument makes it raise.
    """

    name: str
    minimum: int
    maximum: int | None
    result: Result = "other"
    raises: Raises = "never"
    aggregate: bool = False
    literals: Mapping[int, Check] = field(default_factory=dict)
    call: str = ""
    attempt: str = ""
    growth: Growth | None = None
    by_size: bool = False

    @property
    def duckdb_name(self) -> str:
        """The name that DuckDB knows it by."""
        return self.call or self.name


def one_of(*choices: str) -> Check:
    """The literal is one of these, without case."""

    def check(value: str | float) -> str | None:
        if str(value).lower() in choices:
            return None
        return f"`{value}` is not possible here; choose one of {', '.join(choices)}."

    return check


def between(low: float, high: float) -> Check:
    """The literal is a number within bounds, both included."""

    def check(value: str | float) -> str | None:
        fits = not isinstance(value, str) and low <= value <= high
        return None if fits else f"This must be a number from {low:g} to {high:g}."

    return check


def text(most: int) -> Check:
    """The literal is a text of at most so many characters."""

    def check(value: str | float) -> str | None:
        fits = isinstance(value, str) and len(value) <= most
        return None if fits else f"This must be a text of at most {most:,} characters."

    return check


def _options(value: str | float) -> str | None:
    fits = isinstance(value, str) and re.fullmatch("[cgilmnps]{0,8}", value)
    return None if fits else "The options are letters out of c, g, i, l, m, n, p and s."


def _time_zone(value: str | float) -> str | None:
    return None if value in available_timezones() else f"`{value}` is no time zone of IANA."


def _padding(value: str | float) -> str | None:
    fits = isinstance(value, str) and 1 <= len(value) <= 100
    return None if fits else "The padding must be a text of 1 to 100 characters."


_PATTERN = text(MAX_PATTERN)
_PATH = text(500)
_FORMAT = text(200)
_PART = one_of(*PARTS)
_SIZE = between(0, MAX_SIZE)
_COUNT = between(-1_000_000, 1_000_000)


def _replace_growth(literals: Sequence[str | float | None]) -> float:
    old, new = literals[1], literals[2]
    if not isinstance(new, str):
        return 100
    return max(1.0, len(new) / max(1, len(str(old or ""))))


def _regexp_growth(literals: Sequence[str | float | None]) -> float:
    new = str(literals[2] or "")
    # A pattern may match between any two characters.
    return len(new) + 1 if new else 1


def _size_growth(literals: Sequence[str | float | None]) -> float:
    size = literals[1]
    return max(1.0, size) if isinstance(size, int | float) else MAX_SIZE


def _make(
    name: str,
    minimum: int,
    maximum: int | None = None,
    /,
    *,
    result: Result = "other",
    raises: Raises = "never",
    call: str = "",
    attempt: str = "",
    growth: Growth | None = None,
    by_size: bool = False,
    **literals: Check,
) -> Function:
    """A function of the table; `literals` are written `_1=check`."""
    return Function(
        name,
        minimum,
        minimum if maximum is None else maximum,
        result,
        raises,
        literals=_positions(literals),
        call=call,
        attempt=attempt,
        growth=growth,
        by_size=by_size,
    )


_text = partial(_make, result="text")
_same = partial(_make, result="same")
_plain = partial(_make)
_strict = partial(_make, raises="strict")
_any = partial(_make, raises="any")


def _aggregate(name: str, count: int = 1, /, call: str = "", **literals: Check) -> Function:
    return Function(name, count, count, aggregate=True, literals=_positions(literals), call=call)


def _positions(literals: Mapping[str, Check]) -> dict[int, Check]:
    return {int(name.removeprefix("_")): check for name, check in literals.items()}


MANY = 50

_TEXT = (
    *(_text(name, 1) for name in ("lower", "upper", "reverse", "strip_accents", "md5", "sha256")),
    *(_text(name, 1, 2, _1=text(100)) for name in ("trim", "ltrim", "rtrim")),
    _text("concat", 1, MANY),
    _text("concat_ws", 2, MANY),
    _text("substring", 2, 3, raises="strict", by_size=True),
    _text("substr", 2, 3, call="substring", raises="strict", by_size=True),
    _text("left", 2, raises="strict", by_size=True),
    _text("right", 2),
    _text("replace", 3, growth=_replace_growth),
    _text("translate", 3, _1=text(200), _2=text(200)),
    _text("split_part", 3, _2=_COUNT),
    _text("lpad", 3, _1=_SIZE, _2=_padding, growth=_size_growth),
    _text("rpad", 3, _1=_SIZE, _2=_padding, growth=_size_growth),
    _text("repeat", 2, _1=_SIZE, growth=_size_growth),
    _text("regexp_replace", 3, 4, _1=_PATTERN, _2=text(MAX_REPLACEMENT), _3=_options, growth=_regexp_growth),
    _text("regexp_extract", 2, 3, _1=_PATTERN, _2=between(0, 9)),
    _same("nullif", 2),
    _same("coalesce", 1, MANY),
    _same("ifnull", 2),
)

_TESTS = (
    _plain("regexp_matches", 2, 3, _1=_PATTERN, _2=_options),
    _plain("regexp_full_match", 2, 3, _1=_PATTERN, _2=_options),
    *(_plain(name, 2) for name in ("starts_with", "ends_with", "contains")),
    _plain("prefix", 2, call="starts_with"),
    _plain("suffix", 2, call="ends_with"),
)

_TEXT_MEASURES = (
    _plain("length", 1),
    _plain("len", 1, call="length"),
    _plain("char_length", 1, call="length"),
    _plain("strpos", 2),
    _plain("instr", 2, call="strpos"),
    _plain("ascii", 1),
    _strict("chr", 1, result="text"),
    _same("if", 3),
)

_NUMBERS = (
    *(
        _strict(name, 1)
        for name in ("abs", "sqrt", "exp", "ln", "log2", "log10", "cbrt", "sin", "cos", "tan")
    ),
    *(_strict(name, 1) for name in ("asin", "acos", "atan", "radians", "degrees")),
    *(_plain(name, 1) for name in ("ceil", "floor", "trunc", "sign", "isnan", "isfinite")),
    _plain("ceiling", 1, call="ceil"),
    _strict("log", 1, 2),
    _strict("round", 1, 2, _1=between(-30, 30)),
    _strict("power", 2),
    _strict("pow", 2, call="power"),
    _any("mod", 2),
    _strict("atan2", 2),
    _plain("pi", 0),
    _same("greatest", 1, MANY),
    _same("least", 1, MANY),
)

_TIMES = (
    *(_plain(name, 1) for name in ("year", "quarter", "month", "week", "day", "hour", "minute", "second")),
    *(_plain(name, 1) for name in ("dayofweek", "dayofyear", "isodow", "epoch", "epoch_ms")),
    *(_text(name, 1) for name in ("dayname", "monthname")),
    *(_strict(f"to_{part}s", 1) for part in ("year", "month", "week", "day", "hour", "minute", "second")),
    _strict("last_day", 1),
    _strict("to_timestamp", 1),
    _plain("date_part", 2, _0=_PART),
    _plain("datepart", 2, _0=_PART, call="date_part"),
    _strict("date_trunc", 2, _0=_PART),
    _strict("datetrunc", 2, _0=_PART, call="date_trunc"),
    _any("date_diff", 3, _0=_PART),
    _any("datediff", 3, _0=_PART, call="date_diff"),
    _any("date_sub", 3, _0=_PART),
    _strict("date_add", 2),
    _strict("age", 2),
    _strict("make_date", 3),
    _strict("make_timestamp", 6),
    _any("strftime", 2, _1=_FORMAT, result="text"),
    _strict("strptime", 2, _1=_FORMAT, attempt="try_strptime"),
    _plain("try_strptime", 2, _1=_FORMAT),
    _any("timezone", 2, _0=_time_zone),
)

_JSON = (
    _any("json_extract", 2, _1=_PATH),
    _any("json_extract_string", 2, _1=_PATH, result="text"),
    _any("json_array_length", 1, 2, _1=_PATH),
    _plain("json_valid", 1),
    _any("json_type", 1, 2, _1=_PATH, result="text"),
)

_AGGREGATES = (
    Function("count", 0, 1, aggregate=True),
    *(_aggregate(name) for name in ("sum", "avg", "min", "max", "median", "count_if", "bool_and", "bool_or")),
    *(_aggregate(name) for name in ("stddev_samp", "stddev_pop", "var_samp", "var_pop")),
    _aggregate("mean", call="avg"),
    _aggregate("stddev", call="stddev_samp"),
    _aggregate("variance", call="var_samp"),
    _aggregate("approx_count_distinct"),
    _aggregate("quantile_cont", 2, _1=between(0, 1)),
    _aggregate("quantile_disc", 2, _1=between(0, 1)),
    _aggregate("string_agg", 2, _1=text(100)),
    _aggregate("arg_max", 2),
    _aggregate("arg_min", 2),
    _aggregate("max_by", 2, call="arg_max"),
    _aggregate("min_by", 2, call="arg_min"),
)

FUNCTIONS: Mapping[str, Function] = {
    function.name: function
    for function in (
        *_TEXT,
        *_TESTS,
        *_TEXT_MEASURES,
        *_NUMBERS,
        *_TIMES,
        *_JSON,
        *_AGGREGATES,
    )
}

# Of the functions that do not give text, those whose arguments are text.
TAKES_TEXT = frozenset(function.name for function in (*_TESTS, *_TEXT_MEASURES, *_JSON)) | {
    "strptime",
    "try_strptime",
}

# What people reach for and cannot have, with the way out.
REFUSED: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "now",
            "today",
            "current_date",
            "current_time",
            "current_timestamp",
            "localtimestamp",
            "get_current_timestamp",
        ),
        "A run must give the same rows when it is repeated, so the clock is not read",
    ),
    **dict.fromkeys(
        ("random", "uuid", "gen_random_uuid", "setseed"),
        "A run must give the same rows when it is repeated, so nothing random is called",
    ),
    "any_value": "Which value it gives is left open, so runs would differ: use min or max",
    "first": "Which value it gives is left open, so runs would differ: use arg_min with an order",
    "last": "Which value it gives is left open, so runs would differ: use arg_max with an order",
    "initcap": "DuckDB has no initcap: use the decorator `title`",
}
