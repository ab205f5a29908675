"""hashed_email and phone_number: what they read, and phone numbers against the library over generated cases."""

import hashlib
import random
import string

import phonenumbers
import pytest
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from datalinx.engine.types.builtin import numbering
from datalinx.engine.types.builtin.contact import HASHED_EMAIL, PHONE_NUMBER
from tests.engine.types.evaluation import VALUE, Evaluate


def test_hashed_email__an_address_in_any_writing__has_the_hash_of_its_normal_form(evaluate: Evaluate) -> None:
    wanted = hashlib.sha256(b"ada@example.org").hexdigest()
    raw = ["Ada@Example.org", " ada@example.org ", wanted, wanted.upper(), f" {wanted}\n"]
    assert evaluate(HASHED_EMAIL.normalise(VALUE), raw) == [wanted] * len(raw)


@pytest.mark.parametrize(
    ("region", "raw", "normal"),
    [
        ("GB", "020 7946 0958", "+442079460958"),
        ("GB", "(020) 7946-0958", "+442079460958"),
        ("GB", "07700 900123", "+447700900123"),
        ("GB", "00 1 202 555 0123", "+12025550123"),
        ("GB", "44 20 7946 0958", "+442079460958"),
        ("US", "(202) 555-0123", "+12025550123"),
        ("US", "1-202-555-0123", "+12025550123"),
        ("US", "011 44 20 7946 0958", "+442079460958"),
        ("US", "202.555.0123", "+12025550123"),
        ("IT", "06 1234 5678", "+390612345678"),
        ("RU", "8 (800) 123-45-67", "+78001234567"),
        ("RU", "78001234567", "+78001234567"),
        ("BR", "(011) 2345-6789", "+551123456789"),
        ("AR", "011 15 2345-6789", "+5491123456789"),
        ("BB", "234 5678", "+12462345678"),
        ("HU", "06 1 234 5678", "+3612345678"),
        ("FR", "01\u00a023\u00a045\u00a067\u00a089", "+33123456789"),
        ("DE", "030\u2013123456", "+4930123456"),
        ("GB", "020 7946 095", None),
        ("GB", "020 7946 0958 x12", None),
        ("US", "555-0123", None),
        (None, "020 7946 0958", None),
        (None, "0044 20 7946 0958", None),
        (None, "+44 (0) 20 7946 0958", "+442079460958"),
        (None, "+44+20 7946 0958", None),
    ],
)
def test_phone_number__as_written_in_a_region__becomes_e164(
    region: str | None, raw: str, normal: str | None, evaluate: Evaluate
) -> None:
    params = PHONE_NUMBER.parse_parameters({"default_region": region} if region else {})
    assert evaluate(PHONE_NUMBER.normalise(VALUE, params), [raw]) == [normal]


def _as_the_library(text: str, region: str) -> str | None:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if number.extension or not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def _written(region: str, random_: random.Random) -> list[str]:
    """Numbers of a region, some with damaged digits, each in the ways in which people write them."""
    found = set()
    for kind in (PhoneNumberType.FIXED_LINE, PhoneNumberType.MOBILE, PhoneNumberType.TOLL_FREE):
        example = phonenumbers.example_number_for_type(region, kind)
        if example is None:
            continue
        digits = list(phonenumbers.national_significant_number(example))
        for place in random_.choices(range(len(digits)), k=random_.choice([0, 1, 2])):
            digits[place] = random_.choice(string.digits)
        national = "".join(digits)
        number = phonenumbers.PhoneNumber(
            country_code=example.country_code,
            national_number=int(national),
            italian_leading_zero=national.startswith("0") or None,
        )
        styles = (
            PhoneNumberFormat.E164,
            PhoneNumberFormat.INTERNATIONAL,
            PhoneNumberFormat.NATIONAL,
            PhoneNumberFormat.RFC3966,
        )
        found |= {phonenumbers.format_number(number, style) for style in styles}
        found |= {national, f"+{example.country_code} (0){national}"}
        found.add(phonenumbers.format_out_of_country_calling_number(number, "GB"))
    found |= {str(random_.randrange(10 ** random_.randrange(3, 14))) for _ in range(5)}
    return sorted(found)


# Plans that differ from the rest: shared calling codes, no trunk prefix, two of them, rewritten numbers.
_PECULIAR = {
    "US",
    "CA",
    "BB",
    "GB",
    "JE",
    "IT",
    "SM",
    "AR",
    "BR",
    "MX",
    "RU",
    "KZ",
    "HU",
    "BY",
    "LT",
    "JP",
    "DE",
}


def test_phone_number__numbers_of_many_regions__agree_with_the_library(evaluate: Evaluate) -> None:
    random_ = random.Random(13)
    cases, only_theirs = 0, 0
    for region in sorted(_PECULIAR | set(random_.sample(sorted(numbering.regions()), 40))):
        written = _written(region, random_)
        params = PHONE_NUMBER.parse_parameters({"default_region": region})
        for text, ours in zip(written, evaluate(PHONE_NUMBER.normalise(VALUE, params), written), strict=True):
            theirs = _as_the_library(text, region)
            cases += 1
            only_theirs += ours is None and theirs is not None
            # Ours alone may read a number that no range is assigned to; never two readings of one text.
            assert theirs is None or ours in {None, theirs}, (region, text)
    assert cases > 1_000
    assert only_theirs <= 2


def test_phone_number__every_valid_example_of_the_library__passes_the_check(evaluate: Evaluate) -> None:
    examples = [
        phonenumbers.format_number(number, PhoneNumberFormat.E164)
        for region in numbering.regions()
        if (number := phonenumbers.example_number(region))
    ]
    assert set(evaluate(PHONE_NUMBER.check(VALUE), examples)) == {True}


def test_phone_number__its_stages__give_what_its_normaliser_gives(evaluate: Evaluate) -> None:
    random_ = random.Random(29)
    for region in ("GB", "IT", "US", "RU", "BR"):
        written = [
            *_written(region, random_),
            "+4402079460958",
            "+3906123",
            "",
            "+",
            "tel:+44 20 7946 0958",
            None,
        ]
        params = PHONE_NUMBER.parse_parameters({"default_region": region})
        staged = written
        for stage in PHONE_NUMBER.stages:
            staged = evaluate(stage(VALUE, params), staged)
        assert staged == evaluate(PHONE_NUMBER.normalise(VALUE, params), written)
        assert any(staged)
