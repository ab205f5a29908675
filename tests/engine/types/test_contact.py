"""email, hashed_email and phone_number against reference implementations, over generated cases."""

import hashlib
import random
import string

import phonenumbers
import pytest
from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from datalinx.engine.types.builtin import numbering
from datalinx.engine.types.builtin.contact import EMAIL, HASHED_EMAIL, PHONE_NUMBER
from tests.engine.types.evaluation import VALUE, Evaluate


def _addresses(random_: random.Random, count: int) -> list[str]:
    """Addresses, most of them nearly right."""
    letters = string.ascii_letters + string.digits
    found = []
    for _ in range(count):
        local = "".join(random_.choices(letters + ".+_-'!#%", k=random_.choice([1, 5, 12, 63, 64, 65])))
        labels = [
            "".join(random_.choices(letters + "-", k=random_.choice([1, 3, 8, 63, 64])))
            for _ in range(random_.choice([0, 1, 1, 1, 2, 3]))
        ]
        top = random_.choice(["com", "org", "io", "x", "c0m", "museum", "xn--p1ai", "123", "co.uk"])
        address = f"{local}@{'.'.join([*labels, top])}"
        if random_.random() < 0.3:
            place = random_.randrange(len(address))
            address = address[:place] + random_.choice(" @.,;<>()é\t") + address[place:]
        found.append(address)
    return found


def _is_address(text: str) -> bool:
    """Django's validator, and the lengths of RFC 5321 which it leaves to the column."""
    try:
        EmailValidator(allowlist=[])(text)
    except ValidationError:
        return False
    local, _, domain = text.rpartition("@")
    # Django takes quoted local parts, literal and Unicode hosts; this type does not.
    taken = '"' not in local and text.isascii() and "[" not in domain
    return taken and len(local) <= 64 and len(text) <= 254


def test_email__thousands_of_addresses__agrees_with_djangos_validator(evaluate: Evaluate) -> None:
    addresses = _addresses(random.Random(11), 6_000)
    found = evaluate(EMAIL.check(VALUE), addresses)
    differ = [
        (address, ours)
        for address, ours in zip(addresses, found, strict=True)
        if ours is not _is_address(address)
    ]
    assert differ == []
    assert 0.1 < sum(map(bool, found)) / len(found) < 0.9


def test_email__any_address__is_trimmed_and_lowered_as_a_whole(evaluate: Evaluate) -> None:
    valid = [address for address in _addresses(random.Random(12), 2_000) if _is_address(address)]
    padded = [f"\u00a0 {address}\r\n" for address in valid]
    assert evaluate(EMAIL.normalise(VALUE), padded) == [address.lower() for address in valid]


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
