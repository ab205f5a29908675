"""How people write numbers: groups, decimal separators, signs, per locale (CLDR, by Babel)."""

from dataclasses import dataclass
from functools import cache
from typing import Annotated

import babel
from babel.numbers import get_decimal_symbol, get_group_symbol
from pydantic import AfterValidator
from sqlglot import exp

from datalinx.engine.types.sql import sql
from datalinx.engine.types.text_casts import cast_as

BLANK = r"[\s\x{A0}\x{202F}\x{2009}]*"
MINUS = r"[-\x{2212}]"
SIGN = r"[+\x{2212}-]"

_SPACES = r" \x{A0}\x{202F}\x{2009}"
_APOSTROPHES = r"'\x{2019}"

# What DECIMAL(38,9) holds.
_WHOLE_DIGITS = 29
_FRACTION_DIGITS = 9


@dataclass(frozen=True)
class Writing:
    """How numbers are written somewhere. `group` is the inside of a character class, `sizes` its group sizes."""

    decimal: str
    group: str
    sizes: tuple[int, int]

    @property
    def pattern(self) -> str:
        """The pattern of an unsigned number that DECIMAL(38,9) holds without loss."""
        last, others = self.sizes
        groups = (
            rf"[0-9]{{1,{others}}}(?:[{self.group}][0-9]{{{others}}}){{0,8}}[{self.group}][0-9]{{{last}}}"
        )
        fraction = rf"[{self.decimal}][0-9]{{0,{_FRACTION_DIGITS}}}0*"
        bare = rf"[{self.decimal}][0-9]{{1,{_FRACTION_DIGITS}}}0*"
        return rf"(?:(?:0*[0-9]{{1,{_WHOLE_DIGITS}}}|{groups})(?:{fraction})?|{bare})"

    def to_decimal(self, value: exp.Expression, is_negative: exp.Expression) -> exp.Expression:
        """Return the one number in a text that was found to match, as DECIMAL(38,9)."""
        written = sql(
            "regexp_extract(:v, :p)", v=value, p=rf"[{self.decimal}]?[0-9][0-9{self.group}{self.decimal}]*"
        )
        plain = self._without_groups(written)
        if self.decimal != ".":
            plain = sql("replace(:v, ',', '.')", v=plain)
        signed = sql("CASE WHEN :negative THEN '-' || :v ELSE :v END", negative=is_negative, v=plain)
        return cast_as(signed, "DECIMAL(38,9)")

    def _without_groups(self, written: exp.Expression) -> exp.Expression:
        if self.group in {",", "."}:
            return sql("replace(:v, :g, '')", v=written, g=self.group)
        return sql("regexp_replace(:v, :g, '', 'g')", v=written, g=f"[{self.group}]+")


DEFAULT = Writing(decimal=".", group=",", sizes=(3, 3))


@cache
def writing(locale: str | None) -> Writing:
    """Return how a locale such as `de_DE` writes numbers; None is the point and groups of three by comma."""
    if locale is None:
        return DEFAULT
    known = babel.Locale.parse(locale.replace("-", "_"))
    group = get_group_symbol(known)
    if group.isspace():
        group = _SPACES
    elif group in {"’", "'"}:
        group = _APOSTROPHES
    return Writing(get_decimal_symbol(known), group, known.decimal_formats[None].grouping)


def _known_locale(locale: str) -> str:
    try:
        decimal = writing(locale).decimal
    except (babel.UnknownLocaleError, ValueError):
        decimal = ""
    if decimal not in {".", ","}:
        raise ValueError(
            f"`{locale}` is no locale whose numbers can be read; give one such as en_GB or de_DE"
        )
    return locale


NumberLocale = Annotated[str, AfterValidator(_known_locale)]
"""A parameter that names a locale, checked."""
