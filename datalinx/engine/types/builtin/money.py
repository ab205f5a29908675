"""Money and shares: amount, currency, percentage."""

from decimal import Decimal
from functools import cache
from typing import Annotated

import babel
import pycountry
from pydantic import AfterValidator
from sqlglot import exp

from datalinx.engine.types.base import ResolvedType
from datalinx.engine.types.builtin.numbers import BLANK, MINUS, SIGN, NumberLocale, Writing, writing
from datalinx.engine.types.semantic import Parameters, SemanticType
from datalinx.engine.types.sql import full_match, named, one_of, sql, trimmed, when
from datalinx.engine.types.text_casts import cast_as, decimal_pattern


@cache
def currency_codes() -> frozenset[str]:
    """Return the alphabetic codes of ISO 4217."""
    return frozenset(currency.alpha_3 for currency in pycountry.currencies)


class AmountParameters(Parameters):
    """`locale` says how numbers are written (`de_DE`: 1.234,56); without it 1,234.56."""

    locale: NumberLocale | None = None


@cache
def _money_pattern(shape: Writing) -> str:
    """A number, a currency before or after it, and signs or parentheses wherever people put them."""
    codes = one_of(currency_codes() | {code.lower() for code in currency_codes()})
    currency = rf"(?:{codes}|[A-Z]{{0,2}}\p{{Sc}}(?:[A-Z]{{2}})?|kr|zł|Kč|Ft|R)?"
    before = rf"{BLANK}{SIGN}?{BLANK}\(?{BLANK}{currency}{BLANK}\(?{SIGN}?{BLANK}"
    after = rf"{BLANK}{MINUS}?{BLANK}{currency}{BLANK}\)?{BLANK}"
    return before + shape.pattern + after


# One sign at most, or one pair of parentheses instead.
_TWICE_SIGNED = r"[+(\x{2212}-].*[+(\x{2212}-]|^[^(]*\)|\([^)]*$"


def _normal_amount(value: exp.Expression, params: Parameters) -> exp.Expression:
    locale = params.locale if isinstance(params, AmountParameters) else None
    shape = writing(locale)
    is_negative = sql("regexp_matches(:v, :p)", v=value, p=r"[(\x{2212}-]")
    is_money = sql(
        "regexp_full_match(:v, :p) AND NOT regexp_matches(:v, :twice)",
        v=value,
        p=_money_pattern(shape),
        twice=_TWICE_SIGNED,
    )
    money = (is_money, shape.to_decimal(value, is_negative))
    if shape.decimal != ".":
        return when(money)
    # A plain number needs no search; it is what most files hold.
    plain = (full_match(value, decimal_pattern(38, 9)), cast_as(value, "DECIMAL(38,9)"))
    return when(plain, money)


def _direct_amount(value: exp.Expression, params: Parameters, to: ResolvedType) -> exp.Expression | None:
    """A plain number, or one in dollars, as the column's own decimal.

    Casting it once is half of what making it a long decimal first costs, and a third of what finding its sign does.
    """
    locale = params.locale if isinstance(params, AmountParameters) else None
    whole, scale = (to.precision or 0) - (to.scale or 0), to.scale or 0
    if to.base != "decimal" or writing(locale).decimal != "." or whole > 29 or scale > 9:
        return None
    in_dollars = rf"\$?(?:[0-9]{{1,3}}(?:,[0-9]{{3}})+|[0-9]+)(?:\.[0-9]{{0,{scale}}}0*)?"
    digits = sql("replace(replace(:v, '$', ''), ',', '')", v=value)
    return when(
        (full_match(value, decimal_pattern(to.precision or 1, scale)), cast_as(value, to.duckdb)),
        (full_match(value, in_dollars), cast_as(digits, to.duckdb)),
    )


AMOUNT = SemanticType(
    name="amount",
    parent="decimal",
    base="decimal",
    description="An amount of money, stored as a decimal. Read with an optional currency sign or code, "
    "a sign or parentheses for less than nothing, and groups of three.",
    pii="none",
    reason="invalid_amount",
    examples=("123.45", "-0.5", "0"),
    counter_examples=(
        "$",
        "1,23",
        "12,34,567",
        "1.234,56",
        "12.3.4",
        "(5",
        "--5",
        "five",
        "1e5",
        "",
        "5 apples",
    ),
    normalised=(
        ("$0,123.45", "123.45"),
        ("£1,234,567.8", "1234567.8"),
        ("(1,000.00)", "-1000"),
        ("-€5", "-5"),
        ("USD 12", "12"),
        ("12.50 eur", "12.5"),
        ("US$ .99", "0.99"),
        ("5.00-", "-5"),
        (" 007 ", "7"),
    ),
    checker=lambda value, params: sql(":v = :v", v=value),
    normaliser=_normal_amount,
    direct=_direct_amount,
    detector=lambda value: sql(
        "regexp_matches(:v, :sign) AND :n IS NOT NULL",
        v=value,
        sign=r"[\p{L}\p{Sc}]",
        n=_normal_amount(value, AmountParameters()),
    ),
    parameters=AmountParameters,
    column_names=r"amount|price|cost|revenue|sales|spend|total|value|balance|fee|discount",
    weight=0.9,
)


def _known_currency(code: str) -> str:
    if code not in currency_codes():
        raise ValueError(f"`{code}` is no currency code of ISO 4217; give one such as EUR")
    return code


class CurrencyParameters(Parameters):
    """`dollar` (ISO 4217) is what a bare `$` means; without it a bare `$` cannot be read."""

    dollar: Annotated[str, AfterValidator(_known_currency)] | None = None


# Signs that CLDR's English data lacks, or that only one currency in use has. ¥ is the yen's and the yuan's,
# $ and "kr" belong to many: they are read only when a parameter says so.
_SIGNS_OF = {
    "€": "EUR", "£": "GBP", "stg": "GBP", "₹": "INR", "₩": "KRW", "₪": "ILS", "₫": "VND", "₱": "PHP",
    "₽": "RUB", "₴": "UAH", "₦": "NGN", "₺": "TRY", "₸": "KZT", "₾": "GEL", "₼": "AZN", "₲": "PYG",
    "₡": "CRC", "₵": "GHS", "₭": "LAK", "zł": "PLN", "kč": "CZK", "ft": "HUF", "rmb": "CNY",
    "us$": "USD", "a$": "AUD", "au$": "AUD", "c$": "CAD", "ca$": "CAD", "nz$": "NZD", "hk$": "HKD",
    "s$": "SGD", "nt$": "TWD", "r$": "BRL", "mx$": "MXN", "jp¥": "JPY", "cn¥": "CNY",
}  # fmt: skip


@cache
def _currency_entries() -> dict[str, str]:
    """Codes in lower case, numeric codes, signs and English names, to the alphabetic code."""
    entries: dict[str, set[str]] = {}
    english = babel.Locale("en")
    for currency in pycountry.currencies:
        code = currency.alpha_3
        names = [code, currency.numeric, currency.name, english.currencies.get(code, currency.name)]
        names += english._data["currency_names_plural"].get(code, {}).values()
        for name in names:
            entries.setdefault(name.lower(), set()).add(code)
    # A name or number that two currencies share says nothing.
    return {key: codes.pop() for key, codes in entries.items() if len(codes) == 1} | _SIGNS_OF


def _normal_currency(value: exp.Expression, params: Parameters) -> exp.Expression:
    dollar = params.dollar if isinstance(params, CurrencyParameters) else None
    entries = _currency_entries() | ({"$": dollar} if dollar else {})
    return named(value, one_of(currency_codes()), sql("lower(:v)", v=trimmed(value)), entries)


CURRENCY = SemanticType(
    name="currency",
    parent="string",
    base="string",
    description="A currency. The normal form is the alphabetic code of ISO 4217; read from codes, "
    "numeric codes, signs that only one currency has, and English names.",
    pii="none",
    reason="invalid_currency",
    examples=("EUR", "GBP", "USD", "JPY"),
    counter_examples=("EURO $", "$", "¥", "ABC", "dollars", ""),
    normalised=((" eur ", "EUR"), ("£", "GBP"), ("US Dollar", "USD"), ("978", "EUR"), ("US$", "USD")),
    checker=lambda value, params: full_match(value, one_of(currency_codes())),
    normaliser=_normal_currency,
    parameters=CurrencyParameters,
    column_names=r"currency|^ccy$|_ccy$",
    weight=0.9,
)


class PercentageParameters(Parameters):
    """Bounds (inclusive) in percent, and the locale of the text."""

    minimum: Decimal = Decimal(0)
    maximum: Decimal = Decimal(100)
    locale: NumberLocale | None = None


def _check_percentage(value: exp.Expression, params: Parameters) -> exp.Expression:
    bounds = params if isinstance(params, PercentageParameters) else PercentageParameters()
    return sql(
        ":v BETWEEN :low AND :high",
        v=value,
        low=exp.Literal.number(bounds.minimum),
        high=exp.Literal.number(bounds.maximum),
    )


def _normal_percentage(value: exp.Expression, params: Parameters) -> exp.Expression:
    given = params if isinstance(params, PercentageParameters) else PercentageParameters()
    shape = writing(given.locale)
    pattern = rf"{BLANK}(?:{SIGN}{BLANK})?{shape.pattern}{BLANK}%?{BLANK}"
    number = shape.to_decimal(value, sql("regexp_matches(:v, :p)", v=value, p=MINUS))
    is_valid = sql(
        ":within AND regexp_full_match(:v, :p)", within=_check_percentage(number, given), v=value, p=pattern
    )
    return when((is_valid, number))


PERCENTAGE = SemanticType(
    name="percentage",
    parent="decimal",
    base="decimal",
    description="A share in percent, stored as a decimal: 12.5 is 12.5 %. From 0 to 100 unless bounds are given.",
    pii="none",
    reason="invalid_percentage",
    examples=("0", "12.5", "100"),
    counter_examples=("101", "-1", "12,5", "half", "12 %%", "%", ""),
    normalised=(("12.5 %", "12.5"), (" 7% ", "7"), ("100", "100")),
    checker=_check_percentage,
    normaliser=_normal_percentage,
    detector=lambda value: full_match(value, rf"{BLANK}[+-]?[0-9]+(?:[.,][0-9]+)?{BLANK}%{BLANK}"),
    parameters=PercentageParameters,
    column_names=r"percent|pct|_rate$|ratio",
)
