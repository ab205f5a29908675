"""country, region, postal_code and coordinates against the lists that they come from."""

import babel
import pycountry
import pytest

from datalinx.engine.types.builtin.place import COUNTRY, LATITUDE, LONGITUDE, POSTAL_CODE, REGION
from datalinx.engine.types.builtin.territories import country_codes, country_entries, fold, folded
from tests.engine.types.evaluation import VALUE, Evaluate


def test_country__every_code_of_iso_3166__is_its_country(evaluate: Evaluate) -> None:
    countries = [country for country in pycountry.countries if country.alpha_2 != "NA"]
    wanted = [country.alpha_2 for country in countries]
    for key in ("alpha_2", "alpha_3", "numeric", "name"):
        assert evaluate(COUNTRY.normalise(VALUE), [getattr(country, key) for country in countries]) == wanted
    assert evaluate(COUNTRY.normalise(VALUE), [code.lower() for code in wanted]) == wanted


@pytest.mark.parametrize("language", ["en", "de", "fr", "es", "it", "pt", "nl"])
def test_country__every_name_of_cldr__is_its_country(language: str, evaluate: Evaluate) -> None:
    names = {
        name: code
        for code, name in babel.Locale(language).territories.items()
        if code in country_codes() and country_entries().get(folded(name)) == code
    }
    written = [f" {name.upper()} " for name in names]
    found = evaluate(COUNTRY.normalise(VALUE), written)
    assert dict(zip(names, found, strict=True)) == names
    # Names that two countries share are left out; there are hardly any.
    assert len(names) > 240


def test_fold__every_name__folds_in_sql_as_it_does_here(evaluate: Evaluate) -> None:
    names = [
        name
        for language in ("en", "de", "fr", "ja", "ar", "el", "tr", "vi")
        for name in babel.Locale(language).territories.values()
    ]
    # Capital letters outside ASCII are folded by Unicode's simple rules in DuckDB and its full rules in Python.
    names = [name for name in names if "İ" not in name]
    assert evaluate(fold(VALUE), names) == [folded(name) for name in names]


@pytest.mark.parametrize("raw", ["NA", "Namibia", "nam"])
def test_country__namibia__is_not_taken_for_a_missing_value(raw: str, evaluate: Evaluate) -> None:
    assert evaluate(COUNTRY.normalise(VALUE), [raw]) == ["NA"]


@pytest.mark.parametrize("raw", ["na", "n/a", "N.A.", "none", "null", "-"])
def test_country__a_missing_value__is_not_taken_for_namibia(raw: str, evaluate: Evaluate) -> None:
    assert evaluate(COUNTRY.normalise(VALUE), [raw]) == [None]


def test_region__every_code_of_iso_3166_2__passes(evaluate: Evaluate) -> None:
    codes = [subdivision.code for subdivision in pycountry.subdivisions]
    assert set(evaluate(REGION.check(VALUE), codes)) == {True}
    assert evaluate(REGION.normalise(VALUE), [code.lower() for code in codes]) == codes


@pytest.mark.parametrize(
    ("country", "raw", "code"),
    [
        ("US", "California", "US-CA"),
        ("US", " ca ", "US-CA"),
        ("US", "new york", "US-NY"),
        ("US", "GB-LND", "GB-LND"),
        ("DE", "Baden-Wuerttemberg", None),
        ("DE", "Baden-Württemberg", "DE-BW"),
        ("FR", "ile de france", "FR-IDF"),
        (None, "California", None),
    ],
)
def test_region__name_or_short_code__needs_its_country(
    country: str | None, raw: str, code: str | None, evaluate: Evaluate
) -> None:
    params = REGION.parse_parameters({"country": country} if country else {})
    assert evaluate(REGION.normalise(VALUE, params), [raw]) == [code]


@pytest.mark.parametrize(
    ("country", "raw", "normal"),
    [
        ("GB", "sw1a1aa", "SW1A 1AA"),
        ("GB", "M1 1AE", "M1 1AE"),
        ("GB", "10115", None),
        ("US", "90210", "90210"),
        ("US", "902101234", "90210-1234"),
        ("US", "9021", None),
        ("NL", "1012ab", "1012 AB"),
        ("CA", "k1a-0b1", "K1A 0B1"),
        ("SE", "11455", "114 55"),
        ("PL", "00950", "00-950"),
        ("DE", "10115", "10115"),
        ("DE", "1011", None),
        ("BR", "01310100", "01310-100"),
        ("KE", "00100", "00100"),
        (None, "d02  af30", "D02 AF30"),
        (None, "no digits", None),
    ],
)
def test_postal_code__in_a_country__takes_its_form(
    country: str | None, raw: str, normal: str | None, evaluate: Evaluate
) -> None:
    params = POSTAL_CODE.parse_parameters({"country": country} if country else {})
    assert evaluate(POSTAL_CODE.normalise(VALUE, params), [raw]) == [normal]
    if normal:
        assert evaluate(POSTAL_CODE.check(VALUE, params), [normal]) == [True]


@pytest.mark.parametrize(
    ("raw", "latitude", "longitude"),
    [
        ("51.5", 51.5, 51.5),
        ("-91", None, -91.0),
        ("12.5° s", -12.5, None),
        ("W 12.5", None, -12.5),
        ("-12.5 S", None, None),
        ("181", None, None),
        ("51 30 00", None, None),
    ],
)
def test_coordinates__with_sign_or_hemisphere__are_signed_degrees(
    raw: str, latitude: float | None, longitude: float | None, evaluate: Evaluate
) -> None:
    assert evaluate(LATITUDE.normalise(VALUE), [raw]) == [latitude]
    assert evaluate(LONGITUDE.normalise(VALUE), [raw]) == [longitude]
