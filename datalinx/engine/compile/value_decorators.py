"""The decorators that read numbers, dates and JSON out of text, and work on them."""

import re
from collections.abc import Sequence
from decimal import Decimal
from functools import cache
from typing import Annotated, Literal

from babel import Locale, UnknownLocaleError
from babel.numbers import get_decimal_symbol, get_group_symbol
from pydantic import Field, field_validator, model_validator
from sqlglot import exp

from datalinx import errors
from datalinx.engine.compile.chain import Chain
from datalinx.engine.compile.date_shapes import exact_formats
from datalinx.engine.compile.decorator_kinds import decorator
from datalinx.engine.spec.base import Identifier, Part, Text
from datalinx.engine.types.base import BASE_TYPES
from datalinx.engine.types.casts import cast_from, kind_of
from datalinx.engine.types.shortcuts import Stage
from datalinx.engine.types.sql import full_match, sql, trimmed

_DATE_PARTS = frozenset("YymdbBjaA")
_TIME_PARTS = frozenset("HIMSfp")
_ZONE_PARTS = frozenset("z")


class Cast(Part):
    """A base type; `precision` and `scale` go with decimal."""

    type: Identifier
    precision: Annotated[int, Field(ge=1, le=38)] | None = None
    scale: Annotated[int, Field(ge=0, le=38)] | None = None


@decorator("cast", "Makes the value a base type.", Cast)
def _cast(chain: Chain, parameters: Cast) -> None:
    if parameters.type not in BASE_TYPES:
        known = ", ".join(BASE_TYPES)
        raise errors.Invalid("UNKNOWN_TYPE", f"`{parameters.type}` is no base type; those are {known}.")
    to = BASE_TYPES[parameters.type].resolve(precision=parameters.precision, scale=parameters.scale)
    chain.cast(to)


class ParseDate(Part):
    """`formats` are patterns of strptime, tried in order; `%Y` needs four digits. `type` is what comes out."""

    formats: Annotated[
        tuple[Annotated[Text, Field(min_length=2, max_length=100)], ...], Field(min_length=1, max_length=20)
    ]
    type: Literal["date", "datetime"] | None = None

    @field_validator("formats")
    @classmethod
    def _are_known(cls, formats: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in formats:
            parts = _parts(pattern)
            unknown = parts - _DATE_PARTS - _TIME_PARTS - _ZONE_PARTS
            if unknown or not parts & {"Y", "y"}:
                reason = f"%{min(unknown)} is not possible" if unknown else "there is no year (%Y or %y)"
                raise ValueError(f"{pattern}: {reason}")
        if len({"z" in _parts(pattern) for pattern in formats}) > 1:
            raise ValueError("either all formats have %z or none")
        return formats


@decorator(
    "parse_date", "Reads a date or a time; the first of `formats` that fits the whole text wins.", ParseDate
)
def _parse_date(chain: Chain, parameters: ParseDate) -> None:
    before = chain.bind_text()
    has_zone = "z" in _parts(parameters.formats[0])
    has_time = any(_parts(pattern) & (_TIME_PARTS | _ZONE_PARTS) for pattern in parameters.formats)
    kind = "TIMESTAMP WITH TIME ZONE" if has_zone else "TIMESTAMP"
    parsed = _read_dates(chain, before, parameters.formats, kind)
    wanted = parameters.type or ("date" if chain.target.base == "date" or not has_time else "datetime")
    if wanted == "date":
        local = sql("timezone('UTC', :v)", v=parsed) if has_zone else parsed
        parsed, kind = exp.cast(local, "DATE"), "DATE"
    chain.attempt(before, parsed, kind, ("invalid_date", "The value fits none of the formats."))


def _read_dates(chain: Chain, value: exp.Column, formats: Sequence[str], kind: str) -> exp.Expression:
    """What the first format that fits makes of a text: first by the shapes of formats, what is left by trying all."""
    exact = [
        chain.steps.add(
            sql("CASE WHEN :fits THEN :read END", fits=full_match(value, shape.pattern), read=read), kind
        )
        for pattern, shape in exact_formats(formats)
        for read in [_read_date(chain, value, pattern)]
    ]
    known = None
    if exact:
        step = chain.steps.add(_first([_full_year(step.column) for step in exact]), kind)
        chain.steps.shorten(step, value, _dates_shortcut(formats, kind), exact)
        known = step.column
    text = trimmed(value)
    if known is not None:
        text = sql("CASE WHEN :known IS NULL THEN :v END", known=known, v=text)
    rest = chain.steps.add(text, "VARCHAR").column
    tried = [
        _full_year(chain.steps.add(_read_date(chain, rest, pattern), kind).column) for pattern in formats
    ]
    return _first([known, *tried] if known is not None else tried)


def _dates_shortcut(formats: Sequence[str], kind: str) -> tuple[Stage, ...]:
    """The shortcut to what the formats with a shape read: the form in which DuckDB writes a date needs no format."""
    shapes = exact_formats(formats)
    is_iso = any(pattern == "%Y-%m-%d" for pattern, _ in shapes)

    def read(day: exp.Expression, raw: exp.Expression) -> exp.Expression:
        ways = [
            sql(
                "CASE WHEN regexp_full_match(:v, :p) THEN try_strptime(:v, :f) END",
                v=raw,
                p=shape.full,
                f=pattern,
            )
            for pattern, shape in shapes
        ]
        if is_iso:
            written = "CAST(:d AS VARCHAR) = :v AND strlen(:v) = 10 AND year(:d) >= 1000"
            ways.insert(0, sql(f"CASE WHEN {written} THEN CAST(:d AS {kind}) END", d=day, v=raw))
        return _first(ways)

    if kind != "TIMESTAMP" or not all("Y" in _parts(pattern) for pattern, _ in shapes):
        return ()
    # A cast that fails costs more than a format: most texts that are no such date have no hyphen.
    day = Stage(
        lambda value, raw: sql("CASE WHEN contains(:v, '-') THEN TRY_CAST(:v AS DATE) END", v=raw), "DATE"
    )
    return (day, Stage(read, kind)) if is_iso else (Stage(read, kind),)


def _read_date(chain: Chain, value: exp.Expression, pattern: str) -> exp.Expression:
    read = sql("try_strptime(:value, :pattern)", value=value, pattern=pattern)
    # Asking for the type lets DuckDB refuse a format that it does not know.
    chain.binder.type_of(read, chain.steps.types(read))
    return read


def _full_year(read: exp.Column) -> exp.Expression:
    """What was read if its year was written in full: DuckDB reads %Y from one digit on, so that 24 is the year 24.

    Years 1 to 999 are no dates that people mean.
    """
    return sql("CASE WHEN year(:read) BETWEEN 1000 AND 9999 THEN :read END", read=read)


def _first(values: Sequence[exp.Expression]) -> exp.Expression:
    """The first that is there."""
    return values[0] if len(values) == 1 else exp.Anonymous(this="coalesce", expressions=list(values))


class ParseNumber(Part):
    """`locale` says which sign separates decimals and which one groups: `de_DE` reads 1.234,5."""

    locale: Annotated[str, Field(max_length=40)] = "en"

    @field_validator("locale")
    @classmethod
    def _is_known(cls, name: str) -> str:
        try:
            Locale.parse(name.replace("-", "_"))
        except (UnknownLocaleError, ValueError) as error:
            raise ValueError(f"{name} is no locale; an example is de_DE") from error
        return name


@decorator("parse_number", "Reads a number as people of the locale write it, groups included.", ParseNumber)
def _parse_number(chain: Chain, parameters: ParseNumber) -> None:
    pattern, groups, point = _number_syntax(parameters.locale.replace("-", "_"))
    before = chain.bind_text()
    trim = trimmed(before)
    plain = sql(
        "replace(regexp_replace(:value, :groups, '', 'g'), :point, '.')",
        value=trim,
        groups=groups,
        point=point,
    )
    decimal = BASE_TYPES["decimal"].resolve()
    fits = sql("CASE WHEN :fits THEN :plain END", fits=full_match(trim, pattern), plain=plain)
    number = chain.steps.add(fits, "VARCHAR").column
    chain.attempt(
        before,
        cast_from(number, "VARCHAR", decimal),
        decimal.duckdb,
        ("invalid_number", f"The value is no number as written in the locale {parameters.locale}."),
    )


class Round(Part):
    """How many decimals stay; negative ones round to tens, hundreds, …"""

    digits: Annotated[int, Field(ge=-30, le=30)] = 0


@decorator("round", "Rounds a number, halves away from zero.", Round)
def _round(chain: Chain, parameters: Round) -> None:
    value = _number(chain)
    chain.to_inferred(sql("round(:value, :digits)", value=value, digits=parameters.digits))


class Clamp(Part):
    """The bounds; at least one."""

    min: int | float | None = None
    max: int | float | None = None

    @model_validator(mode="after")
    def _has_a_bound(self) -> "Clamp":
        if self.min is None and self.max is None:
            raise ValueError("needs min or max")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError("needs a min that is not larger than max")
        return self


@decorator("clamp", "Raises what lies below `min` to it, and lowers what lies above `max`.", Clamp)
def _clamp(chain: Chain, parameters: Clamp) -> None:
    value = _number(chain)
    case = exp.Case()
    for bound, outside in ((parameters.min, exp.LT), (parameters.max, exp.GT)):
        if bound is not None:
            literal = exp.Literal(this=format(Decimal(repr(bound)), "f"), is_string=False)
            case = case.when(outside(this=value.copy(), expression=literal), literal.copy())
    chain.to_inferred(case.else_(value.copy()))


class JsonExtract(Part):
    """A JSON path such as `$.address.city`."""

    path: Annotated[Text, Field(min_length=1, max_length=500)]


@decorator("json_extract", "Keeps the value at `path` of a JSON value, as text.", JsonExtract)
def _json_extract(chain: Chain, parameters: JsonExtract) -> None:
    path = exp.Literal.string(parameters.path)
    value = chain.bind()
    if kind_of(chain.type) == "nested":
        value = chain.steps.add(sql("to_json(:value)", value=value), "JSON").column
    elif chain.type != "JSON":
        value = chain.bind_text()
        valid = chain.steps.add(sql("json_valid(:value)", value=value), "BOOLEAN").column
        chain.fault(exp.Is(this=valid, expression=exp.false()), "invalid_json", "The value is no JSON.")
        value = chain.steps.add(sql("CASE WHEN :ok THEN :v END", ok=valid, v=value), "VARCHAR").column
    chain.to_inferred(exp.Anonymous(this="json_extract_string", expressions=[value, path]))


def _number(chain: Chain) -> exp.Column:
    """The value as a bound number; text is read as a decimal."""
    kind = kind_of(chain.type)
    if kind == "floating":
        # NaN is larger than all numbers to DuckDB: a clamp would make its upper bound of it.
        chain.cast(BASE_TYPES["double" if chain.type == "DOUBLE" else "float"].resolve())
    elif kind not in {"whole", "decimal"}:
        chain.cast(BASE_TYPES["decimal"].resolve())
    return chain.bind()


def _parts(pattern: str) -> set[str]:
    """The letters of a strptime pattern's directives; `%-d` counts as `d`, `%%` is none."""
    return {letter for letter in re.findall(r"%-?(.?)", pattern) if letter != "%"}


@cache
def _number_syntax(name: str) -> tuple[str, str, str]:
    """Of a locale: the pattern of a whole number, the pattern of what groups its digits, its decimal sign."""
    locale = Locale.parse(name)
    point, group = get_decimal_symbol(locale), get_group_symbol(locale)
    # Where a space of some kind groups, people type any of them.
    groups = r"[ \x{00A0}\x{202F}]" if group.isspace() else f"[{re.escape(group)}]"
    first, others = locale.decimal_formats[None].grouping
    inner = rf"\d{{1,{others}}}({groups}\d{{{others}}})*{groups}\d{{{first}}}"
    return rf"[+-]?({inner}|\d+)({re.escape(point)}\d+)?", groups, point
