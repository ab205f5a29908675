"""Countries and their subdivisions by every name and code in use (ISO 3166 by pycountry, CLDR by Babel)."""

import unicodedata
from functools import cache

import babel
import pycountry
from babel.languages import get_official_languages
from sqlglot import exp

from datalinx.engine.types.sql import sql

# Written in business data beside a country's own languages.
_LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "nl")

# What CLDR and ISO do not list and people write all the same. EL and UK are the European Union's codes.
_IN_USE = {
    "AE": ("uae", "emirates"),
    "BR": ("brasil",),
    "CD": ("drc", "dr congo"),
    "CI": ("ivory coast",),
    "CN": ("prc", "mainland china"),
    "CV": ("cape verde",),
    "CZ": ("czech republic",),
    "GB": ("uk", "great britain", "britain", "england", "scotland", "wales", "northern ireland"),
    "GR": ("el",),
    "HK": ("hong kong",),
    "IE": ("republic of ireland", "eire"),
    "KP": ("north korea",),
    "KR": ("korea", "south korea", "republic of korea"),
    "MK": ("macedonia",),
    "MM": ("burma",),
    "MO": ("macau",),
    "NL": ("holland", "the netherlands"),
    "PS": ("palestine",),
    "RU": ("russia",),
    "SA": ("ksa",),
    "SZ": ("swaziland",),
    "TL": ("east timor",),
    "TR": ("turkey", "turkiye"),
    "US": ("us", "usa", "america", "the united states", "united states of america"),
    "VA": ("vatican", "vatican city"),
}

_PUNCTUATION = " .,'’`-‐–_()&\u00a0\t\r\n"


@cache
def country_codes() -> frozenset[str]:
    """Return the alpha-2 codes of ISO 3166-1."""
    return frozenset(country.alpha_2 for country in pycountry.countries)


@cache
def country_entries() -> dict[str, str]:
    """Return names and codes, folded, to alpha-2. What two countries share is left out.

    So is `na`: it means "not available" more often than Namibia, which is NA in capitals or its name.
    """
    found: dict[str, set[str]] = {}
    for country in pycountry.countries:
        code = country.alpha_2
        names = [
            getattr(country, key) for key in ("name", "common_name", "official_name") if hasattr(country, key)
        ]
        # "Bolivia, Plurinational State of" is also written the way it is spoken.
        names += [" ".join(reversed(name.split(", "))) for name in names if ", " in name]
        for language in {*_LANGUAGES, *(get_official_languages(code) or ())}:
            names += _territory_names(language, code)
        for name in (*names, country.alpha_2, country.alpha_3, country.numeric):
            found.setdefault(folded(name), set()).add(code)
    entries = {name: codes.pop() for name, codes in found.items() if len(codes) == 1 and name != "na"}
    return entries | {folded(name): code for code, names in _IN_USE.items() for name in names}


def _territory_names(language: str, code: str) -> list[str]:
    try:
        name = babel.Locale.parse(language).territories.get(code)
    except (babel.UnknownLocaleError, ValueError):
        return []
    return [name] if name else []


@cache
def region_codes() -> frozenset[str]:
    """Return the codes of ISO 3166-2."""
    return frozenset(subdivision.code for subdivision in pycountry.subdivisions)


@cache
def region_entries(country: str) -> dict[str, str]:
    """Return the names and short codes of one country's subdivisions, folded, to their ISO 3166-2 code."""
    found: dict[str, set[str]] = {}
    for subdivision in pycountry.subdivisions:
        if subdivision.country_code != country:
            continue
        short = subdivision.code.partition("-")[2]
        for name in (subdivision.code, short, subdivision.name, *subdivision.name.split("/")):
            found.setdefault(folded(name), set()).add(subdivision.code)
    return {name: codes.pop() for name, codes in found.items() if len(codes) == 1}


def folded(name: str) -> str:
    """Return a name as look-ups see it: without case, accents, blanks and punctuation. `fold` does it in SQL."""
    plain = "".join(
        letter for letter in unicodedata.normalize("NFD", name) if not unicodedata.combining(letter)
    )
    return unicodedata.normalize("NFC", plain).lower().translate({ord(sign): None for sign in _PUNCTUATION})


def fold(value: exp.Expression) -> exp.Expression:
    """Return the folded form of a TEXT expression. Most names are ASCII letters and blanks, which is quicker."""
    return sql(
        "CASE WHEN regexp_full_match(:plain, '[a-z ]*') THEN replace(:plain, ' ', '') "
        "ELSE translate(:plain, :signs || chr(9) || chr(10) || chr(13), '') END",
        plain=sql("lower(strip_accents(:v))", v=value),
        signs=_PUNCTUATION.rstrip("\t\r\n"),
    )
