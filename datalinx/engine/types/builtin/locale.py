"""Language and time: language tags and time zones."""

import importlib.resources
from functools import cache

import babel
import pycountry
from babel.core import get_global
from sqlglot import exp

from datalinx.engine.types.builtin.territories import country_codes
from datalinx.engine.types.semantic import SemanticType
from datalinx.engine.types.sql import full_match, look_up, named, one_of, shared, sql, trimmed, when


@cache
def _languages() -> frozenset[str]:
    """Primary subtags: BCP 47 takes the two-letter code of ISO 639-1, of ISO 639-3 only where there is none."""
    return frozenset(getattr(language, "alpha_2", language.alpha_3) for language in pycountry.languages)


@cache
def _scripts() -> frozenset[str]:
    return frozenset(script.alpha_4 for script in pycountry.scripts)


@cache
def _tag_pattern() -> str:
    """RFC 5646 in its recommended case: language, script, region, variants, private use."""
    region = f"(?:{one_of(country_codes())}|[0-9]{{3}})"
    variants = "(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*"
    extensions = "(?:-[a-wyz0-9](?:-[a-z0-9]{2,8})+)*(?:-x(?:-[a-z0-9]{1,8})+)?"
    return f"{one_of(_languages())}(?:-{one_of(_scripts())})?(?:-{region})?{variants}{extensions}"


@cache
def _language_entries() -> dict[str, str]:
    """Three-letter codes, and names in English and in the language itself, in lower case, to the subtag."""
    found: dict[str, set[str]] = {}
    english = babel.Locale("en").languages
    for language in pycountry.languages:
        code = getattr(language, "alpha_2", None)
        if code is None:
            continue
        names = [language.alpha_3, language.name, getattr(language, "bibliographic", language.alpha_3)]
        names += [name for name in (english.get(code), _own_name(code)) if name]
        for name in names:
            found.setdefault(name.lower(), set()).add(code)
    entries = {name: codes.pop() for name, codes in found.items() if len(codes) == 1}
    return entries | _RETIRED


# Subtags of old that phones and Java still write.
_RETIRED = {"iw": "he", "in": "id", "ji": "yi", "jw": "jv", "mo": "ro"}


def _own_name(code: str) -> str | None:
    try:
        return babel.Locale.parse(code).languages.get(code)
    except (babel.UnknownLocaleError, ValueError):
        return None


_LANGUAGE_ALONE = "[A-Za-z]{2,3}"
_LANGUAGE_AND_REGION = "[A-Za-z]{2,3}[-_][A-Za-z]{2}"
_EXTRA = r"(?:-[a-z0-9]{2,8}|-[a-z0-9](?:-[a-z0-9]{1,8})+)*"
_ANY_TAG = rf"^([a-z]{{2,3}})(?:-([a-z])([a-z]{{3}}))?(?:-([a-z]{{2}}|[0-9]{{3}}))?({_EXTRA})$"


def _in_recommended_case(value: exp.Expression) -> exp.Expression:
    """All in lower case, but Script and REGION; an underscore is a hyphen. NULL for what has no tag's shape."""
    text = trimmed(value)
    tag = sql("replace(lower(:v), '_', '-')", v=text)
    return when(
        (full_match(text, _LANGUAGE_ALONE), tag),
        (full_match(text, _LANGUAGE_AND_REGION), sql("left(:tag, -2) || upper(right(:tag, 2))", tag=tag)),
        (full_match(tag, _ANY_TAG), _by_parts(tag)),
    )


def _by_parts(tag: exp.Expression) -> exp.Expression:
    language, initial, script, region, rest = (
        sql("regexp_extract(:tag, :parts, :n)", tag=tag, parts=_ANY_TAG, n=number) for number in range(1, 6)
    )
    return sql(
        ":language || CASE WHEN :initial <> '' THEN '-' || upper(:initial) || :script ELSE '' END "
        "|| CASE WHEN :region <> '' THEN '-' || upper(:region) ELSE '' END || :rest",
        language=language,
        initial=initial,
        script=script,
        region=region,
        rest=rest,
    )


def _normal_language(value: exp.Expression) -> exp.Expression:
    written = _in_recommended_case(value)
    name = sql("lower(:v)", v=trimmed(value))
    return shared(
        name,
        when(
            (full_match(value, _tag_pattern()), value),
            (full_match(written, _tag_pattern()), written),
            (exp.true(), look_up(name, _language_entries())),
        ),
    )


LANGUAGE = SemanticType(
    name="language",
    parent="string",
    base="string",
    description="A language tag of BCP 47 (RFC 5646) in its recommended case; read in any case, with "
    "underscores, from three-letter codes, and from names in English or in the language itself.",
    pii="none",
    reason="invalid_language",
    examples=("en", "en-GB", "zh-Hant-TW", "es-419", "sl-rozaj", "de-CH-1996"),
    counter_examples=("xx", "english language", "en-", "en-ZZ", "e", "en--GB", ""),
    normalised=(
        ("EN_gb", "en-GB"),
        ("zh_hant_tw", "zh-Hant-TW"),
        ("eng", "en"),
        (" German ", "de"),
        ("français", "fr"),
    ),
    checker=lambda value, params: full_match(value, _tag_pattern()),
    normaliser=lambda value, params: _normal_language(value),
    column_names=r"lang|locale",
    weight=0.3,
)


@cache
def _zones() -> frozenset[str]:
    """The names of the IANA time-zone database, as the `tzdata` package has them."""
    names = importlib.resources.files("tzdata").joinpath("zones").read_text(encoding="utf-8").split()
    return frozenset(names)


@cache
def _zone_entries() -> dict[str, str]:
    """Names in lower case, with blanks for underscores too, and Windows' names, to the IANA name."""
    windows = {
        name.lower(): zone for name, zone in get_global("windows_zone_mapping").items() if zone in _zones()
    }
    spaced = {zone.lower().replace("_", " "): zone for zone in _zones()}
    return windows | spaced | {zone.lower(): zone for zone in _zones()}


TIME_ZONE = SemanticType(
    name="time_zone",
    parent="string",
    base="string",
    description="A time zone by its name in the IANA database; read in any case and from Windows' names.",
    pii="none",
    reason="invalid_time_zone",
    examples=("Europe/London", "America/Argentina/Buenos_Aires", "UTC", "Etc/GMT+12"),
    counter_examples=("Europe/Atlantis", "+01:00", "London", "CEST", ""),
    normalised=(
        (" europe/london ", "Europe/London"),
        ("america/new york", "America/New_York"),
        ("W. Europe Standard Time", "Europe/Berlin"),
    ),
    checker=lambda value, params: full_match(value, one_of(_zones())),
    normaliser=lambda value, params: named(
        value, one_of(_zones()), sql("lower(:v)", v=trimmed(value)), _zone_entries()
    ),
    column_names=r"time_?zone|^tz$|_tz$",
)
