"""Places: country, region, postal_code, latitude, longitude."""

from typing import Annotated

from pydantic import AfterValidator
from sqlglot import exp

from datalinx.engine.types.builtin import postal
from datalinx.engine.types.builtin.territories import (
    country_codes,
    country_entries,
    fold,
    region_codes,
    region_entries,
)
from datalinx.engine.types.semantic import Parameters, SemanticType
from datalinx.engine.types.sql import full_match, look_up, named, one_of, sql, trimmed, when
from datalinx.engine.types.text_casts import cast_as


def _known_country(code: str) -> str:
    if code not in country_codes():
        raise ValueError(f"`{code}` is no country code of ISO 3166-1 alpha-2; give one such as GB")
    return code


class CountryParameters(Parameters):
    """`country` (ISO 3166-1 alpha-2) says where the values come from."""

    country: Annotated[str, AfterValidator(_known_country)] | None = None


def _country_of(params: Parameters) -> str | None:
    return params.country if isinstance(params, CountryParameters) else None


COUNTRY = SemanticType(
    name="country",
    parent="string",
    base="string",
    description="A country. The normal form is the alpha-2 code of ISO 3166-1; read from alpha-2, alpha-3 and "
    "numeric codes and from names in English, six more languages and the country's own.",
    pii="none",
    reason="invalid_country",
    examples=("GB", "DE", "US", "JP"),
    counter_examples=("ZZ", "Atlantis", "Europe", "XK", "EU", "N/A", "n.a.", "na", ""),
    normalised=(
        ("United Kingdom", "GB"),
        (" uk ", "GB"),
        ("Deutschland", "DE"),
        ("USA", "US"),
        ("U.S.A.", "US"),
        ("Cote d'Ivoire", "CI"),
        ("Korea, Republic of", "KR"),
        ("gbr", "GB"),
        ("826", "GB"),
        ("日本", "JP"),
    ),
    checker=lambda value, params: full_match(value, one_of(country_codes())),
    normaliser=lambda value, params: named(value, one_of(country_codes()), fold(value), country_entries()),
    column_names=r"country|nation|land$|pays",
    weight=0.6,
)


def _normal_region(value: exp.Expression, params: Parameters) -> exp.Expression:
    pattern = one_of(region_codes())
    written = sql("regexp_replace(upper(:v), '[ _]', '-')", v=trimmed(value))
    branches = [(full_match(value, pattern), value), (full_match(written, pattern), written)]
    if country := _country_of(params):
        branches.append((sql(":v IS NOT NULL", v=value), look_up(fold(value), region_entries(country))))
    return when(*branches)


REGION = SemanticType(
    name="region",
    parent="string",
    base="string",
    description="A state, province or other part of a country, as its code of ISO 3166-2. With the parameter "
    "`country` also read from its name and its short code.",
    pii="none",
    reason="invalid_region",
    examples=("US-CA", "GB-LND", "FR-IDF", "DE-BY"),
    counter_examples=("US-ZZ", "GB-", "the north", "US-CALIFORNIA", ""),
    normalised=((" us-ca ", "US-CA"), ("de_by", "DE-BY")),
    checker=lambda value, params: full_match(value, one_of(region_codes())),
    normaliser=_normal_region,
    parameters=CountryParameters,
    column_names=r"region|state|province|county|bundesland|canton",
    weight=0.8,
)

POSTAL_CODE = SemanticType(
    name="postal_code",
    parent="string",
    base="string",
    description="A postal code, in capitals. With the parameter `country` it is checked against that country's "
    "form and written in it (SW1A 1AA); without, any 3 to 10 letters and digits with a digit among them.",
    pii="location",
    reason="invalid_postal_code",
    examples=("SW1A 1AA", "10115", "90210-1234", "D02 AF30", "100-0001"),
    counter_examples=("ABC", "1", "12345678901", "SW1A#1AA", "-1234", ""),
    normalised=((" sw1a  1aa ", "SW1A 1AA"), ("90210", "90210")),
    checker=lambda value, params: full_match(value, postal.pattern(_country_of(params))),
    normaliser=lambda value, params: postal.normal_form(value, _country_of(params)),
    masker=lambda value: sql("left(:v, 2) || '***'", v=value),
    parameters=CountryParameters,
    column_names=r"post_?(al|code)|^zip|_zip|zip_?code|plz",
    weight=0.0,
)

_DEGREES = r"[+-]?[0-9]{1,3}(?:\.[0-9]*)?"


def _coordinate(
    *, name: str, limit: int, letters: str, examples: tuple[str, ...], wrong: tuple[str, ...]
) -> SemanticType:
    """Latitude and longitude differ in their limit and in the letters of their hemispheres."""
    positive, negative = letters[0], letters[1]
    signed = rf"\s*{_DEGREES}\s*°?\s*"
    plain = r"[0-9]{1,3}(?:\.[0-9]*)?"
    lettered = rf"(?i)\s*(?:{plain}\s*°?\s*[{letters}]|[{letters}]\s*{plain}\s*°?)\s*"

    def check(value: exp.Expression, params: Parameters) -> exp.Expression:
        return sql(":v BETWEEN :low AND :high", v=value, low=-limit, high=limit)

    def normal(value: exp.Expression, params: Parameters) -> exp.Expression:
        number = cast_as(sql("regexp_extract(:v, :p)", v=value, p=_DEGREES), "DOUBLE")
        sign = sql("CASE WHEN regexp_matches(:v, :p) THEN -1 ELSE 1 END", v=value, p=f"(?i){negative}")
        # The number is asked for first, so that it is computed once.
        return when(
            (sql("abs(:n) > :limit", n=number, limit=limit), exp.null()),
            (full_match(value, signed), number),
            (full_match(value, lettered), sql(":sign * :number", sign=sign, number=number)),
        )

    return SemanticType(
        name=name,
        parent="double",
        base="double",
        description=f"A {name} in decimal degrees, from -{limit} to {limit}; read with a sign or with the letter of "
        f"its hemisphere ({positive} or {negative}).",
        pii="location",
        reason=f"invalid_{name}",
        examples=examples,
        counter_examples=(*wrong, "", "1,5", "north"),
        normalised=(
            (f" 51.5° {negative.lower()} ", "-51.5"),
            (f"{positive} 12", "12.0"),
            ("-0.127", "-0.127"),
        ),
        checker=check,
        normaliser=normal,
        masker=lambda value: sql("CAST(round(:v, 1) AS VARCHAR)", v=value),
        column_names=f"^{name[:3]}$|_{name[:3]}$|^{name[:3]}_|{name}"
        + ("|^lng$|_lng$" if name == "longitude" else ""),
        weight=0.0,
    )


LATITUDE = _coordinate(
    name="latitude", limit=90, letters="NS", examples=("51.5074", "-90", "0"), wrong=("90.1", "-91", "51.5 E")
)
LONGITUDE = _coordinate(
    name="longitude",
    limit=180,
    letters="EW",
    examples=("-0.1278", "180", "0"),
    wrong=("180.1", "-181", "0.1 N"),
)
