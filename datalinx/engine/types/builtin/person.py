"""Facts about a person: person_name, birth_date, gender."""

import datetime as dt
from typing import Annotated

import duckdb
from pydantic import AfterValidator, Field
from sqlglot import exp

from datalinx.engine.types.base import BASE_TYPES
from datalinx.engine.types.casts import cast_from
from datalinx.engine.types.semantic import Parameters, SemanticType
from datalinx.engine.types.sql import full_match, named, sql, trimmed, when

# Letters and marks of any script, the signs that names have, single blanks between words, at least one
# letter. No digits, except in "3rd".
_SIGNS = r"\p{L}\p{M}'’ʻʼ`´.,()/&·‐–-"
_ORDINAL = r"[1-9](?:st|nd|rd|th)"
_NAME = rf"[{_SIGNS}]*\p{{L}}[{_SIGNS}]*(?: (?:[{_SIGNS}]+|{_ORDINAL}))*"
MAX_NAME = 200


def _is_name(value: exp.Expression) -> exp.Expression:
    return sql("length(:v) <= :most AND regexp_full_match(:v, :p)", v=value, p=_NAME, most=MAX_NAME)


def _normal_name(value: exp.Expression) -> exp.Expression:
    composed = sql("nfc_normalize(:v)", v=value)
    collapsed = sql(
        "regexp_replace(nfc_normalize(:v), :blanks, ' ', 'g')",
        v=trimmed(value),
        blanks=r"[\s\x{A0}\x{202F}\x{3000}]+",
    )
    return when((_is_name(composed), composed), (_is_name(collapsed), collapsed))


PERSON_NAME = SemanticType(
    name="person_name",
    parent="string",
    base="string",
    description="A person's name, whole or in part. The normal form has composed letters (Unicode NFC) and "
    "single blanks; capitals are kept, as nobody can guess them.",
    pii="identity",
    reason="invalid_person_name",
    examples=(
        "Ada Lovelace",
        "O'Brien",
        "Jean-Luc Picard",
        "李小龙",
        "Martin Luther King, Jr.",
        "José",
        "A.",
    ),
    counter_examples=("", " ", "12345", "ada@example.org", "R2D2", "...", "a" * 201, "<b>Ada</b>"),
    normalised=(("  Ada \t Lovelace ", "Ada Lovelace"), ("Jose\u0301", "José")),
    checker=lambda value, params: _is_name(value),
    normaliser=lambda value, params: _normal_name(value),
    masker=lambda value: sql("left(:v, 1) || '***'", v=value),
    column_names=r"(first|last|full|middle|given|family|maiden|sur|contact|customer|person)_?name|^name$|surname",
    weight=0.0,
)

EARLIEST_BIRTH = dt.date(1900, 1, 1)


def _known_format(pattern: str) -> str:
    try:
        with duckdb.connect(config={"threads": 1}) as connection:
            connection.execute("SELECT try_strptime('', ?)", [pattern])
    except duckdb.Error as error:
        raise ValueError(f"`{pattern}` is no strptime pattern; write one such as %d/%m/%Y") from error
    return pattern


Format = Annotated[str, Field(min_length=2, max_length=50), AfterValidator(_known_format)]


class BirthDateParameters(Parameters):
    """`formats` are strptime patterns, tried in order; ISO 8601 without them. `maximum` is usually today."""

    formats: Annotated[tuple[Format, ...], Field(max_length=20)] = ()
    minimum: dt.date = EARLIEST_BIRTH
    maximum: dt.date | None = None


def _check_birth_date(value: exp.Expression, params: Parameters) -> exp.Expression:
    given = params if isinstance(params, BirthDateParameters) else BirthDateParameters()
    return sql(
        ":v BETWEEN CAST(:low AS DATE) AND CAST(:high AS DATE)",
        v=value,
        low=given.minimum.isoformat(),
        high=(given.maximum or dt.date.max).isoformat(),
    )


def _normal_birth_date(value: exp.Expression, params: Parameters) -> exp.Expression:
    given = params if isinstance(params, BirthDateParameters) else BirthDateParameters()
    date = cast_from(value, "VARCHAR", BASE_TYPES["date"].resolve())
    if given.formats:
        formats = exp.Array(expressions=[exp.Literal.string(pattern) for pattern in given.formats])
        date = cast_from(
            sql("try_strptime(:v, :formats)", v=trimmed(value), formats=formats),
            "TIMESTAMP",
            BASE_TYPES["date"].resolve(),
        )
    return when((_check_birth_date(date, given), date))


BIRTH_DATE = SemanticType(
    name="birth_date",
    parent="date",
    base="date",
    description="A person's date of birth, from 1900 on unless another minimum is given.",
    pii="identity",
    reason="invalid_birth_date",
    examples=("1985-12-10", "1900-01-01", "2024-02-29"),
    counter_examples=("1899-12-31", "1985-02-30", "10/12/1985", "unknown", ""),
    normalised=((" 1985-12-10 ", "1985-12-10"), ("1985-12-10T00:00:00Z", "1985-12-10")),
    checker=_check_birth_date,
    normaliser=_normal_birth_date,
    masker=lambda value: sql("strftime(:v, '%Y-**-**')", v=value),
    parameters=BirthDateParameters,
    column_names=r"birth|^dob$|_dob$|^dob_",
    weight=0.0,
)

_GENDERS = {
    "female": "f female woman girl w weiblich frau femme féminin mujer femenino donna femminile vrouw feminino "
    "mulher kvinna kobieta",
    "male": "m male man boy männlich mann homme masculin hombre masculino uomo maschile homem mężczyzna",
    "non_binary": "non_binary non-binary nonbinary nb enby x d divers diverse",
    "other": "other o autre otro altro andere sonstige",
    "unknown": "unknown u unspecified undisclosed n/a na unbekannt inconnu desconocido",
}
_PHRASES = {
    "non binary": "non_binary",
    "not known": "unknown",
    "not specified": "unknown",
    "not stated": "unknown",
    "prefer not to say": "unknown",
}
_GENDER_ENTRIES = {word: gender for gender, words in _GENDERS.items() for word in words.split()} | _PHRASES
_GENDER = "|".join(_GENDERS)

GENDER = SemanticType(
    name="gender",
    parent="string",
    base="string",
    description="A gender: female, male, non_binary, other or unknown; read from words and letters in use. "
    "Numbers are not read, as systems disagree on them: use map_values.",
    pii="demographic",
    reason="invalid_gender",
    examples=("female", "male", "non_binary", "other", "unknown"),
    counter_examples=("1", "yes", "fem ale", ""),
    normalised=(
        (" F ", "female"),
        ("MALE", "male"),
        ("Divers", "non_binary"),
        ("Prefer not to say", "unknown"),
    ),
    checker=lambda value, params: full_match(value, _GENDER),
    normaliser=lambda value, params: named(
        value, _GENDER, sql("lower(:v)", v=trimmed(value)), _GENDER_ENTRIES
    ),
    column_names=r"gender|^sex$",
    weight=0.5,
)
