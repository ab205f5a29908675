"""Dates, time zones, languages and UUIDs against the standard library, dateutil and langcodes."""

import datetime as dt
import random
import string
import uuid
import zoneinfo

import langcodes
import pytest
from dateutil import parser

from datalinx.engine.types.base import BASE_TYPES
from datalinx.engine.types.builtin.locale import LANGUAGE, TIME_ZONE
from datalinx.engine.types.builtin.person import BIRTH_DATE
from datalinx.engine.types.casts import cast_from
from tests.engine.types.disagreements import Ways, compare
from tests.engine.types.evaluation import VALUE, Evaluate


def _days(random_: random.Random, count: int, *, first: int = 1000, last: int = 9999) -> list[dt.date]:
    low, high = dt.date(first, 1, 1).toordinal(), dt.date(last, 12, 31).toordinal()
    return [dt.date.fromordinal(random_.randint(low, high)) for _ in range(count)]


def test_date__thousands_of_texts__agree_with_the_standard_library(evaluate: Evaluate) -> None:
    random_ = random.Random(51)
    cases = []
    for day in _days(random_, 5_000):
        text = list(day.isoformat())
        if random_.random() < 0.5:
            text[random_.randrange(len(text))] = random_.choice("0123459-/")
        cases.append("".join(text))

    def by_python(text: str) -> dt.date | None:
        try:
            return dt.datetime.strptime(text, "%Y-%m-%d").date() if len(text) == 10 else None  # noqa: DTZ007
        except ValueError:
            return None

    ways: Ways = {}
    found = evaluate(cast_from(VALUE, "VARCHAR", BASE_TYPES["date"].resolve()), cases)
    compare(cases, found, [by_python(case) for case in cases], ways, least=4_000)


@pytest.mark.parametrize("style", ["%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%Y%m%d", "%d %b %Y", "%d %B %Y"])
def test_birth_date__in_a_declared_format__agrees_with_strptime(style: str, evaluate: Evaluate) -> None:
    random_ = random.Random(52)
    days = _days(random_, 1_000, first=1900, last=2030)
    cases = [day.strftime(style) for day in days]
    for place in range(0, len(cases), 3):
        at = random_.randrange(len(cases[place]))
        cases[place] = cases[place][:at] + random_.choice("0123459/") + cases[place][at + 1 :]

    def by_python(text: str) -> dt.date | None:
        try:
            found = dt.datetime.strptime(text, style).date()  # noqa: DTZ007
        except ValueError:
            return None
        return found if found.year >= 1900 else None

    params = BIRTH_DATE.parse_parameters({"formats": [style]})
    found = evaluate(BIRTH_DATE.normalise(VALUE, params), cases)
    theirs = [by_python(case) for case in cases]
    assert [case for case, own, other in zip(cases, found, theirs, strict=True) if own != other] == []


def test_timestamp__thousands_of_texts_with_offsets__are_the_instants_of_dateutil(evaluate: Evaluate) -> None:
    random_ = random.Random(53)
    cases = []
    for day in _days(random_, 3_000, first=1900, last=2100):
        time = dt.time(random_.randrange(24), random_.randrange(60), random_.randrange(60))
        moment = dt.datetime.combine(day, time)
        fraction = random_.choice(
            ["", "", f".{random_.randrange(10**6):06d}", f".{random_.randrange(10**3):03d}"]
        )
        offset = random_.choice(["Z", "", "+02:00", "-0530", "+14:00", "-11:45"])
        cases.append(moment.isoformat(random_.choice("T ")) + fraction + offset)

    def by_dateutil(text: str) -> dt.datetime:
        found = parser.isoparse(text)
        return found.astimezone(dt.UTC).replace(tzinfo=None) if found.tzinfo else found

    found = evaluate(cast_from(VALUE, "VARCHAR", BASE_TYPES["datetime"].resolve()), cases)
    assert found == [by_dateutil(case) for case in cases]


def test_uuid__thousands_of_texts__agree_with_the_standard_library(evaluate: Evaluate) -> None:
    random_ = random.Random(54)
    cases = []
    for _ in range(3_000):
        text = str(uuid.UUID(int=random_.getrandbits(128)))
        styles = [
            text,
            text.upper(),
            f" {text} ",
            text.replace("-", ""),
            f"{{{text}}}",
            f"urn:uuid:{text}",
            text[:-1],
            text + "0",
        ]
        cases.append(random_.choice([*styles, text, text, text.replace("a", "g")]))

    def by_python(text: str) -> uuid.UUID | None:
        try:
            return uuid.UUID(text.strip())
        except ValueError:
            return None

    ways: Ways = {
        "without hyphens, in braces, or as a URN": lambda text: "-" not in text or text[0] in "{u",
    }
    found = evaluate(cast_from(VALUE, "VARCHAR", BASE_TYPES["uuid"].resolve()), cases)
    compare(cases, found, [by_python(case) for case in cases], ways, least=2_500)


def test_time_zone__every_name_of_the_database__is_itself_in_any_case(evaluate: Evaluate) -> None:
    names = sorted(zoneinfo.available_timezones() - {"localtime"})
    assert len(names) > 500
    for style in (str, str.lower, str.upper, lambda name: f" {name.replace('_', ' ')} "):
        found = evaluate(TIME_ZONE.normalise(VALUE), [style(name) for name in names])
        differ = {name for name, own in zip(names, found, strict=True) if own != name}
        # What an operating system adds to the database.
        assert differ <= {"build/etc/localtime", "posixrules", "Factory"}


def test_language__thousands_of_tags__are_the_well_formed_ones_of_langcodes(evaluate: Evaluate) -> None:
    random_ = random.Random(55)
    languages = ["en", "de", "fr", "zh", "sr", "pt", "es", "haw", "yue", "ast", "xx", "e"]
    scripts = ["", "", "", "Latn", "Hant", "cyrl", "ARAB", "Xxxx"]
    regions = ["", "", "GB", "de", "419", "ZZ", "001", "BRA"]
    cases = [
        random_.choice("-_").join(part for part in parts if part)
        for parts in (
            (random_.choice(languages), random_.choice(scripts), random_.choice(regions))
            for _ in range(4_000)
        )
    ]

    def by_langcodes(text: str) -> str | None:
        try:
            tag = langcodes.standardize_tag(text)
        except langcodes.LanguageTagError:
            return None
        return langcodes.Language.get(text, normalize=False).to_tag() if langcodes.tag_is_valid(tag) else None

    ways: Ways = {
        "macrolanguages and regions beyond ISO 3166 (ZZ, 001 as codes in use)": lambda text: any(
            part in text for part in ("ZZ", "Xxxx", "BRA")
        ),
    }
    theirs = [by_langcodes(case) for case in cases]
    compare(cases, evaluate(LANGUAGE.normalise(VALUE), cases), theirs, ways, least=500)


def test_language__random_letters__are_languages_only_where_the_registry_has_them(evaluate: Evaluate) -> None:
    cases = [a + b for a in string.ascii_lowercase for b in string.ascii_lowercase]
    found = evaluate(LANGUAGE.normalise(VALUE), cases)
    differ = {
        case
        for case, own in zip(cases, found, strict=True)
        if (own is not None) != langcodes.tag_is_valid(case)
    }
    assert differ == _LANGUAGES_THAT_DIFFER


# Bihari is a group of languages, which ISO 639-1 has withdrawn.
_LANGUAGES_THAT_DIFFER = {"bh"}
