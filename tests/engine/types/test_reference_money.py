"""amount, currency and percentage against Babel and pycountry, over thousands of generated cases."""

import random
import re
from decimal import Decimal

import pycountry
import pytest
from babel.numbers import NumberFormatError, format_decimal, get_currency_symbol, parse_decimal

from datalinx.engine.types.builtin.money import AMOUNT, CURRENCY, PERCENTAGE
from tests.engine.types.disagreements import Ways, compare
from tests.engine.types.evaluation import VALUE, Evaluate

LOCALES = (
    *(
        "en_US",
        "en_GB",
        "de_DE",
        "de_CH",
        "de_AT",
        "fr_FR",
        "fr_CH",
        "es_ES",
        "it_IT",
        "pt_BR",
        "pt_PT",
        "nl_NL",
    ),
    *(
        "sv_SE",
        "nb_NO",
        "da_DK",
        "fi_FI",
        "pl_PL",
        "cs_CZ",
        "hu_HU",
        "ro_RO",
        "tr_TR",
        "ru_RU",
        "uk_UA",
        "en_IN",
    ),
    *("hi_IN", "ja_JP", "zh_CN", "ko_KR", "en_ZA", "es_MX", "fr_CA", "el_GR"),
)


def _numbers(random_: random.Random, count: int) -> list[Decimal]:
    return [
        Decimal(random_.randrange(-(10 ** random_.randrange(1, 13)), 10 ** random_.randrange(1, 13)))
        / 10 ** random_.randrange(0, 4)
        for _ in range(count)
    ]


@pytest.mark.parametrize("locale", LOCALES)
def test_amount__numbers_written_by_babel__are_read_back_as_they_were(
    locale: str, evaluate: Evaluate
) -> None:
    random_ = random.Random(31)
    numbers = _numbers(random_, 200)
    written = [format_decimal(number, locale=locale, decimal_quantization=False) for number in numbers]
    params = AMOUNT.parse_parameters({"locale": locale})
    assert evaluate(AMOUNT.normalise(VALUE, params), written) == numbers
    assert [parse_decimal(text, locale=locale) for text in written] == numbers


@pytest.mark.parametrize(
    ("locale", "currency"),
    [
        ("de_DE", "EUR"),
        ("en_US", "USD"),
        ("fr_FR", "EUR"),
        ("en_GB", "GBP"),
        ("de_CH", "CHF"),
        ("en_IN", "INR"),
        ("pl_PL", "PLN"),
        ("sv_SE", "SEK"),
        ("pt_BR", "BRL"),
        ("ja_JP", "JPY"),
        ("cs_CZ", "CZK"),
        ("hu_HU", "HUF"),
    ],
)
def test_amount__with_sign_code_and_parentheses__is_the_number_between_them(
    locale: str, currency: str, evaluate: Evaluate
) -> None:
    params = AMOUNT.parse_parameters({"locale": locale})
    symbol = get_currency_symbol(currency, locale=locale)
    wanted, written = [], []
    for number in _numbers(random.Random(32), 100):
        plain = format_decimal(abs(number), locale=locale, decimal_quantization=False)
        styles = [f"{symbol}{plain}", f"{plain} {symbol}", f"{plain}\u00a0{currency}", f"{currency} {plain}"]
        written += [
            *styles,
            f"({plain})",
            f"({symbol}{plain})",
            f"-{symbol}{plain}",
            f"{plain}-",
            f"-{plain} {currency}",
        ]
        wanted += [abs(number)] * len(styles) + [-abs(number)] * 5
    assert evaluate(AMOUNT.normalise(VALUE, params), written) == wanted


def _by_babel(text: str, locale: str) -> Decimal | None:
    try:
        found = parse_decimal(text, locale=locale, strict=True)
    except NumberFormatError:
        return None
    return found if found.is_finite() else None


_AMOUNT_WAYS: Ways = {
    "a first group that is 0 or zero-padded": lambda text: bool(
        re.match(r"-?0[0-9]*[.,][0-9]{3}(?:[.,]|$)", text)
    ),
    "nothing before or after the decimal sign": lambda text: bool(
        re.match(r"-?[.,][0-9]", text) or re.search(r"[0-9][.,]$", text)
    ),
}


@pytest.mark.parametrize("locale", ["en_US", "de_DE"])
def test_amount__thousands_of_damaged_numbers__agree_with_babels_strict_reading(
    locale: str, evaluate: Evaluate
) -> None:
    random_ = random.Random(33)
    cases = []
    for number in _numbers(random_, 4_000):
        text = format_decimal(number, locale=locale, decimal_quantization=False)
        place = random_.randrange(len(text) + 1)
        cases.append(
            text[:place]
            + random_.choice(["", "", ".", ",", "0", "5"])
            + text[place + random_.choice([0, 1]) :]
        )
    params = AMOUNT.parse_parameters({"locale": locale})
    theirs = [_by_babel(case, locale) for case in cases]
    compare(cases, evaluate(AMOUNT.normalise(VALUE, params), cases), theirs, _AMOUNT_WAYS, least=2_000)


def test_percentage__thousands_of_numbers__are_read_with_and_without_their_sign(evaluate: Evaluate) -> None:
    numbers = [abs(number) % 100 for number in _numbers(random.Random(34), 1_000)]
    for style in ("{}", "{}%", "{} %", " {}\u00a0% "):
        written = [style.format(number) for number in numbers]
        assert evaluate(PERCENTAGE.normalise(VALUE), written) == numbers


def test_currency__every_code_number_and_name_of_iso_4217__is_its_currency(evaluate: Evaluate) -> None:
    for key in ("alpha_3", "numeric", "name"):
        entries = [(getattr(currency, key), currency.alpha_3) for currency in pycountry.currencies]
        unique = [
            entry for entry in entries if sum(other[0].lower() == entry[0].lower() for other in entries) == 1
        ]
        assert len(unique) > 150
        texts = [f" {text.lower()} " for text, _ in unique]
        assert evaluate(CURRENCY.normalise(VALUE), texts) == [code for _, code in unique]
