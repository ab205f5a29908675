"""amount, currency and percentage as people write them."""

from decimal import Decimal

import pytest
from babel.numbers import format_currency, format_decimal
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datalinx.engine.types.base import BASE_TYPES
from datalinx.engine.types.builtin.money import AMOUNT, CURRENCY, PERCENTAGE, currency_codes
from datalinx.engine.types.casts import cast_from
from tests.engine.types.evaluation import VALUE, Evaluate

AMOUNTS = st.decimals(min_value=-(10**12), max_value=10**12, places=2, allow_nan=False)
RELAXED = settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("$0,123.45", "123.45"),
        ("$1,234,567", "1234567"),
        ("000,012,345.6", "12345.6"),
        ("1234567.891", "1234567.891"),
        ("-$1,000", "-1000"),
        ("$-1,000", "-1000"),
        ("- £ 1,000", "-1000"),
        ("\u22125", "-5"),
        ("+5", "5"),
        ("5-", "-5"),
        ("(5)", "-5"),
        ("$(5.00)", "-5"),
        ("(£5.00)", "-5"),
        ("( 1,000 EUR )", "-1000"),
        ("EUR 1,000.50", "1000.5"),
        ("1,000.50\u00a0€", "1000.5"),
        ("CA$12", "12"),
        ("kr 12", "12"),
        (".5", "0.5"),
        ("5.", "5"),
        ("0.123456789", "0.123456789"),
        ("0.1234567891", None),
        ("1,2345", None),
        ("1,234,56", None),
        (",123", None),
        ("1,,234", None),
        ("1.234.567", None),
        ("1 234", None),
        ("--5", None),
        ("-(5)", None),
        ("-5-", None),
        ("(5", None),
        ("5)", None),
        ("((5))", None),
        ("£", None),
        ("XYZ 5", None),
        ("5%", None),
        ("1e5", None),
        ("NaN", None),
        ("٣", None),
        ("9" * 30, None),
        ("9" * 29, "9" * 29),
    ],
)
def test_amount__as_written__is_read_to_the_letter(raw: str, value: str | None, evaluate: Evaluate) -> None:
    assert evaluate(AMOUNT.normalise(VALUE), [raw]) == [Decimal(value) if value else None]


@pytest.mark.parametrize(
    ("locale", "raw", "value"),
    [
        ("de_DE", "1.234,56 €", "1234.56"),
        ("de_DE", "0.123,45", "123.45"),
        ("de_DE", "1,234.56", None),
        ("de_DE", "1234,5", "1234.5"),
        ("de_DE", "(1.000,00)", "-1000"),
        ("fr_FR", "1\u202f234,56 €", "1234.56"),
        ("fr_FR", "1 234,56", "1234.56"),
        ("en_IN", "₹12,34,567.89", "1234567.89"),
        ("de_CH", "1'234.50", "1234.5"),
        ("de-AT", "1.5", None),
    ],
)
def test_amount__in_a_locale__follows_its_separators(
    locale: str, raw: str, value: str | None, evaluate: Evaluate
) -> None:
    params = AMOUNT.parse_parameters({"locale": locale})
    assert evaluate(AMOUNT.normalise(VALUE, params), [raw]) == [Decimal(value) if value else None]


@given(
    amounts=st.lists(AMOUNTS, min_size=1, max_size=50), currency=st.sampled_from(["USD", "EUR", "GBP", "JPY"])
)
@RELAXED
@pytest.mark.parametrize("locale", ["en_GB", "de_DE", "fr_FR", "pt_BR", "pl_PL", "en_IN", "sv_SE", "es_ES"])
def test_amount__written_by_babel_in_a_locale__is_read_back(
    evaluate: Evaluate, amounts: list[Decimal], currency: str, locale: str
) -> None:
    params = AMOUNT.parse_parameters({"locale": locale})
    written = [
        format_currency(amount, currency, locale=locale, currency_digits=False, format="¤ #,##0.00")
        if locale != "en_IN"
        else format_decimal(amount, locale=locale)
        for amount in amounts
    ]
    assert evaluate(AMOUNT.normalise(VALUE, params), written) == amounts


def test_currency__every_code_in_any_case__is_its_code(evaluate: Evaluate) -> None:
    codes = sorted(currency_codes())
    assert evaluate(CURRENCY.normalise(VALUE), [code.lower() for code in codes]) == codes
    assert set(evaluate(CURRENCY.check(VALUE), codes)) == {True}


@pytest.mark.parametrize(
    ("dollar", "raw", "code"),
    [
        (None, "$", None),
        ("CAD", "$", "CAD"),
        (None, "US$", "USD"),
        (None, "Pound Sterling", "GBP"),
        (None, "swiss francs", "CHF"),
        (None, "zł", "PLN"),
        (None, "036", "AUD"),
        (None, "bitcoin", None),
    ],
)
def test_currency__sign_or_name__is_read_only_when_it_is_one_currencys(
    dollar: str | None, raw: str, code: str | None, evaluate: Evaluate
) -> None:
    params = CURRENCY.parse_parameters({"dollar": dollar} if dollar else {})
    assert evaluate(CURRENCY.normalise(VALUE, params), [raw]) == [code]


def test_percentage__bounds_given__hold_for_text_and_stored_value(evaluate: Evaluate) -> None:
    params = PERCENTAGE.parse_parameters({"minimum": -50, "maximum": 150, "locale": "de_DE"})
    raw = ["-50,0 %", "150%", "150,1%", "-51", "1.000"]
    assert evaluate(PERCENTAGE.normalise(VALUE, params), raw) == [
        Decimal(-50),
        Decimal(150),
        None,
        None,
        None,
    ]
    stored = [Decimal("-50"), Decimal("150.1")]
    assert evaluate(PERCENTAGE.check(VALUE, params), stored, "DECIMAL(38,9)") == [True, False]


def test_amount__read_directly__is_what_casting_its_normal_form_gives(evaluate: Evaluate) -> None:
    assert AMOUNT.direct is not None
    for precision, scale in ((18, 2), (5, 0), (38, 9), (4, 4)):
        to = BASE_TYPES["decimal"].resolve(precision=precision, scale=scale)
        direct = AMOUNT.direct(VALUE, AMOUNT.parse_parameters({}), to)
        assert direct is not None
        raw = [
            "12.34",
            " 8117.65",
            "-5",
            "0.1234",
            "1.230",
            "99999.99",
            ".5",
            "5.",
            "$5",
            "1e3",
            "x",
            "",
            "007",
            None,
        ]
        found = evaluate(direct, raw)
        cast = evaluate(cast_from(AMOUNT.normalise(VALUE), "DECIMAL(38,9)", to), raw)
        assert [
            (text, one) for text, one, other in zip(raw, found, cast, strict=True) if one not in (None, other)
        ] == []
        assert any(one is not None for one in found)


@pytest.mark.parametrize(
    ("kind", "locale"),
    [("bigint", None), ("decimal(38,0)", None), ("decimal(18,10)", None), ("decimal(18,2)", "de_DE")],
)
def test_amount__what_its_normal_form_cannot_hold__is_not_read_directly(
    kind: str, locale: str | None
) -> None:
    name, _, figures = kind.rstrip(")").partition("(")
    precision, scale = (int(each) for each in figures.split(",")) if figures else (None, None)
    to = BASE_TYPES[name].resolve(precision=precision, scale=scale)
    assert AMOUNT.direct is not None
    assert AMOUNT.direct(VALUE, AMOUNT.parse_parameters({"locale": locale}), to) is None
