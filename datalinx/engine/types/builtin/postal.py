"""Postal codes: the form of each country (Universal Postal Union, addressing systems of its members)."""

from dataclasses import dataclass

from sqlglot import exp

from datalinx.engine.types.sql import full_match, sql, when


@dataclass(frozen=True)
class Form:
    """A country's form: the pattern of the code without separators, in parts that `separator` joins."""

    parts: tuple[str, ...]
    separator: str = ""
    last_is_optional: bool = False

    @property
    def pattern(self) -> str:
        """The pattern of the normal form."""
        if self.last_is_optional:
            return f"{self.parts[0]}(?:{self.separator}{self.parts[1]})?"
        return self.separator.join(self.parts)


_FOUR, _FIVE, _SIX = Form(("[0-9]{4}",)), Form(("[0-9]{5}",)), Form(("[0-9]{6}",))

_FORMS: dict[str, Form] = {
    **dict.fromkeys(
        ("AT", "AU", "BE", "BG", "CH", "CY", "DK", "HU", "LU", "NO", "NZ", "PH", "SI", "TN", "ZA"), _FOUR
    ),
    **dict.fromkeys(("DE", "EE", "ES", "FI", "FR", "HR", "ID", "IT", "MX", "MY", "TH", "TR", "UA"), _FIVE),
    **dict.fromkeys(("CN", "IN", "RO", "RU", "SG"), _SIX),
    "US": Form(("[0-9]{5}", "[0-9]{4}"), "-", last_is_optional=True),
    "BR": Form(("[0-9]{5}", "[0-9]{3}"), "-"),
    "PT": Form(("[0-9]{4}", "[0-9]{3}"), "-"),
    "PL": Form(("[0-9]{2}", "[0-9]{3}"), "-"),
    "JP": Form(("[0-9]{3}", "[0-9]{4}"), "-"),
    **dict.fromkeys(("CZ", "GR", "SE", "SK"), Form(("[0-9]{3}", "[0-9]{2}"), " ")),
    "NL": Form(("[1-9][0-9]{3}", "[A-Z]{2}"), " "),
    "CA": Form(("[ABCEGHJ-NPRSTVXY][0-9][ABCEGHJ-NPRSTV-Z]", "[0-9][ABCEGHJ-NPRSTV-Z][0-9]"), " "),
    "GB": Form(("(?:[A-Z]{1,2}[0-9][A-Z0-9]?|GIR)", "[0-9][ABD-HJLNP-UW-Z]{2}"), " "),
    "IE": Form(("(?:[AC-FHKNPRTV-Y][0-9]{2}|D6W)", "[0-9AC-FHKNPRTV-Y]{4}"), " "),
    "IL": Form(("[0-9]{5}(?:[0-9]{2})?",)),
    "KR": _FIVE,
    # Viet Nam had six digits until 2018; Serbia has five, and six for one street.
    **dict.fromkeys(("RS", "VN"), Form(("[0-9]{5}[0-9]?",))),
    "AR": Form(("(?:[A-HJ-NP-Z])?[0-9]{4}(?:[A-Z]{3})?",)),
}

_SIGN = "[A-Z0-9]"
_MOST_LETTERS_FIRST = 4


def countries_with_a_form() -> frozenset[str]:
    """Return the countries (ISO 3166-1 alpha-2) whose form is known."""
    return frozenset(_FORMS)


def pattern(country: str | None) -> str:
    """Return the pattern of a normal postal code; of any country where none is given or its form is not known."""
    form = _FORMS.get(country or "")
    if form:
        return form.pattern
    # RE2 has no look-ahead: a digit first, or letters before the first digit, bounded in all.
    starts = [
        f"(?:[A-Z][ -]?){{{n}}}[0-9](?:[ -]?{_SIGN}){{{max(0, 2 - n)},{9 - n}}}"
        for n in range(_MOST_LETTERS_FIRST + 1)
    ]
    return f"(?:{'|'.join(starts)})"


def normal_form(value: exp.Expression, country: str | None) -> exp.Expression:
    """Return the code in capitals in its country's form, NULL when it is none."""
    normal = pattern(country)
    form = _FORMS.get(country or "")
    if form is None or len(form.parts) == 1:
        squeezed = sql("trim(regexp_replace(upper(:v), :blanks, ' ', 'g'))", v=value, blanks=r"[\s\x{A0}]+")
        return when((full_match(value, normal), value), (full_match(squeezed, normal), squeezed))
    bare = sql("regexp_replace(upper(:v), :separators, '', 'g')", v=value, separators=r"[\s\x{A0}-]+")
    first, second = form.parts
    joined = rf"\1{form.separator}\2"
    written = sql(
        "regexp_replace(:bare, :form, :joined)", bare=bare, form=f"^({first})({second})$", joined=joined
    )
    return when((full_match(value, normal), value), (full_match(written, normal), written))
