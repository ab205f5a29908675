"""Dates by formats of strftime and strptime.

A format is read here, once; of Spark's own patterns only what has the same meaning is used for writing. For reading
the format becomes a regular expression whose groups are put together to a text in ISO 8601.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from sqlglot import exp

from datalinx.engine.compile.spark.casting import cast_to
from datalinx.engine.compile.spark.form import bound, call, form
from datalinx.engine.compile.spark.lowering import Lowered, Lowerer, function
from datalinx.engine.compile.spark.refusal import cannot
from datalinx.engine.types.casts import kind_of

_WRITTEN = {
    "Y": "yyyy",
    "y": "yy",
    "m": "MM",
    "d": "dd",
    "H": "HH",
    "I": "hh",
    "M": "mm",
    "S": "ss",
    "f": "SSSSSS",
    "g": "SSS",
    "p": "a",
    "B": "MMMM",
    "b": "MMM",
    "A": "EEEE",
    "a": "E",
    "j": "DDD",
    "-d": "d",
    "-m": "M",
    "-H": "H",
    "-I": "h",
    "-M": "m",
    "-S": "s",
    "-j": "D",
}
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_W = r"[\x09-\x0D ]"


def _names(names: Sequence[str], letters: int | None = None) -> str:
    return "((?i)" + "|".join(name[:letters] for name in names) + ")"


_READ = {
    "Y": "([0-9]{1,4})",
    "y": "([0-9]{1,2})",
    "m": "([0-9]{1,2})",
    "d": "([0-9]{1,2})",
    "H": "([0-9]{1,2})",
    "I": "([0-9]{1,2})",
    "M": "([0-9]{1,2})",
    "S": "([0-9]{1,2})",
    "f": "([0-9]{1,6})",
    "g": "([0-9]{1,3})",
    "p": "((?i)am|pm)",
    "B": _names(_MONTHS),
    "b": _names(_MONTHS, 3),
    "A": _names(_DAYS),
    "a": _names(_DAYS, 3),
    "j": "([0-9]{1,3})",
    "z": r"([+-][0-9]{2}(?::?[0-9]{2})?)",
}
_PLAIN = frozenset("YmdHMSf")

_Part = Callable[[str], exp.Expr]


@dataclass(frozen=True)
class _Format:
    """A format as a pattern; `groups` are the numbers of its groups by directive."""

    pattern: str
    groups: Mapping[str, int]


@lru_cache(maxsize=256)
def _read(text: str) -> _Format:
    if text != text.strip():
        raise cannot(f"the format {text[:60]}", "Leave out the blanks at its ends.")
    pattern: list[str] = []
    groups: dict[str, int] = {}
    for found in re.finditer(r"%(-?)(.)|(\s+)|(.)", text, re.DOTALL):
        _, letter, blank, plain = found.groups()
        if blank:
            pattern.append(f"{_W}+")
        elif plain or letter == "%":
            pattern.append(rf"\x{{{ord(plain or '%'):X}}}")
        elif letter not in _READ or letter in groups:
            raise cannot(f"the format {text[:60]}", f"%{letter} cannot stand there; write it in another way.")
        else:
            groups[letter] = len(groups) + 1
            pattern.append(_READ[letter])
    clashes = ({"b", "B", "m"}, {"Y", "y"}, {"H", "I"}, {"f", "g"}, {"j", "m"}, {"j", "d"})
    if any(len(clash & set(groups)) > 1 for clash in clashes):
        raise cannot(f"the format {text[:60]}", "It says the same part of a date twice.")
    return _Format(rf"\A{_W}*{''.join(pattern)}{_W}*\z", groups)


@function("try_strptime", "strptime", lazy=True)
def _strptime(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
    """The first of the formats that fits."""
    value = cast_to(to, to.lower(node.expressions[0]), "VARCHAR")
    given = node.expressions[1]
    literals = given.expressions if isinstance(given, exp.Anonymous) else [given]
    if not all(isinstance(each, exp.Literal) for each in literals):
        raise cannot(node.name, "Write the format as a literal.")
    formats = [_read(each.name) for each in literals]
    has_zone = "z" in formats[0].groups
    if any(("z" in each.groups) != has_zone for each in formats):
        raise cannot(node.name, "Either all formats have %z or none.")
    kind = "TIMESTAMP WITH TIME ZONE" if has_zone else "TIMESTAMP"

    def read(tree: exp.Expr) -> exp.Expr:
        found = [_moment(tree, each) for each in formats]
        return found[0] if len(found) == 1 else call("coalesce", *found)

    made = bound(value.tree, read)
    if node.name.lower() == "strptime":
        return to.strict(made, kind, value)
    return to.made(made, kind, value)


def _moment(tree: exp.Expr, given: _Format) -> exp.Expr:
    """The moment that a text says in a format, NULL where it does not fit."""
    slow = _by_parts(tree, given)
    if not set(given.groups) <= _PLAIN or not {"Y", "m", "d"} <= set(given.groups):
        return form("CASE WHEN :v RLIKE :p THEN :slow END", v=tree, p=given.pattern, slow=slow)
    # Most dates have their year in full: Spark reads them when the parts are only put in order.
    full = given.pattern.replace("([0-9]{1,4})", "([0-9]{4})")
    group = {letter: f"${number}" for letter, number in given.groups.items()}
    parts = f"{group['Y']}-{group['m']}-{group['d']}"
    if set("HMSf") & set(group):
        parts += f" {group.get('H', 0)}:{group.get('M', 0)}:{group.get('S', 0)}"
    if "f" in group:
        parts += f".{group['f']}"
    return form(
        "CASE WHEN :v RLIKE :full THEN TRY_CAST(regexp_replace(:v, :full, :parts) AS TIMESTAMP) "
        "WHEN :v RLIKE :p THEN :slow END",
        v=tree,
        full=full,
        parts=parts,
        p=given.pattern,
        slow=slow,
    )


def _by_parts(tree: exp.Expr, given: _Format) -> exp.Expr:
    def part(letter: str) -> exp.Expr:
        return call("regexp_extract", tree, given.pattern, given.groups[letter])

    def number(letters: str, default: str) -> exp.Expr:
        found = next((letter for letter in letters if letter in given.groups), None)
        return part(found) if found else exp.Literal.string(default)

    day = form(
        "TRY_CAST(concat_ws('-', :y, :m, :d) AS DATE)",
        y=_year(given, part),
        m=_month(given, part),
        d=number("d", "1"),
    )
    if "j" in given.groups:
        day = form(
            "CASE WHEN TRY_CAST(:j AS INTEGER) BETWEEN 1 AND 366 THEN date_add(:d, TRY_CAST(:j AS INTEGER) - 1) END",
            j=part("j"),
            d=day,
        )
    hour = number("HI", "0")
    if "I" in given.groups:
        hour = form("CASE WHEN TRY_CAST(:h AS INTEGER) BETWEEN 1 AND 12 THEN :h END", h=hour)
    if "p" in given.groups:
        hour = form(
            "CASE WHEN TRY_CAST(:h AS INTEGER) > 12 THEN NULL WHEN lower(:p) = 'am' THEN "
            "CASE WHEN TRY_CAST(:h AS INTEGER) = 12 THEN '0' ELSE :h END "
            "WHEN TRY_CAST(:h AS INTEGER) = 12 THEN :h ELSE CAST(TRY_CAST(:h AS INTEGER) + 12 AS VARCHAR) END",
            h=hour,
            p=part("p"),
        )
    moment = form(
        "TRY_CAST(concat(CAST(:day AS VARCHAR), ' ', :h, ':', :m, ':', :s, '.', :f) AS TIMESTAMP)",
        day=day,
        h=hour,
        m=number("M", "0"),
        s=number("S", "0"),
        f=number("fg", "0"),
    )
    if "z" not in given.groups:
        return moment
    return form(
        "CAST(try_add(:moment, make_interval(0, 0, 0, 0, - TRY_CAST(left(:z, 3) AS INTEGER), "
        "- TRY_CAST(concat(left(:z, 1), '0', regexp_replace(substring(:z, 4), ':', '')) AS INTEGER))) AS TIMESTAMPTZ)",
        moment=moment,
        z=part("z"),
    )


def _year(given: _Format, part: _Part) -> exp.Expr:
    if "Y" in given.groups:
        return call("lpad", part("Y"), 4, "0")
    if "y" in given.groups:
        return form(
            "concat(CASE WHEN TRY_CAST(:y AS INTEGER) < 69 THEN '20' ELSE '19' END, lpad(:y, 2, '0'))",
            y=part("y"),
        )
    return exp.Literal.string("1900")


def _month(given: _Format, part: _Part) -> exp.Expr:
    for letter in "bB":
        if letter in given.groups:
            first_letters = "".join(name[:3].lower() for name in _MONTHS)
            return form(
                "CAST((instr(:all, lower(left(:name, 3))) + 2) // 3 AS VARCHAR)",
                all=first_letters,
                name=part(letter),
            )
    return part("m") if "m" in given.groups else exp.Literal.string("1")


@function("strftime")
def _strftime(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
    value, given = arguments
    if kind_of(value.type) == "text":
        # DuckDB takes the two in either order.
        value, given = given, value
    if given.literal is None:
        raise cannot("strftime with a computed format", "Write the format as a literal.")
    if kind_of(value.type) not in {"date", "timestamp", "timestamptz"}:
        raise cannot(f"strftime of {value.type}", "Cast the value to a date or a timestamp first.")
    value = cast_to(to, value, "TIMESTAMP")
    return to.made(call("date_format", value.tree, _written(given.text)), "VARCHAR", value)


def _written(text: str) -> str:
    """Spark's pattern for a format of strftime."""
    pattern, plain = "", ""
    for found in re.finditer(r"%(-?.)|(.)", text, re.DOTALL):
        directive, letter = found.groups()
        if letter is not None or directive == "%":
            plain += letter or "%"
            continue
        if directive not in _WRITTEN:
            raise cannot(
                f"strftime with %{directive}", f"Use one of {', '.join('%' + each for each in _WRITTEN)}."
            )
        pattern, plain = pattern + _quoted(plain) + _WRITTEN[directive], ""
    return pattern + _quoted(plain)


def _quoted(plain: str) -> str:
    return "'" + plain.replace("'", "''") + "'" if plain else ""
