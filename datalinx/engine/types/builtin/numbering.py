"""Telephone numbering plans as SQL, made from the metadata of the `phonenumbers` library.

A number is valid here when it has the shape of its plan: a calling code of ITU-T E.164 and a national number
that the plan's general description admits (leading digits and lengths). Whether a range is assigned today
does not count: numbers reserved for fiction and new ranges are valid, as reserved domain names are in email.

How this differs from parsing and validating with the library (generated cases are compared in the tests):

* valid here, not there: numbers in ranges that are not assigned, and numbers that the region's general
  description admits but no type of line uses;
* refused here, taken there: letters (`1-800-FLOWERS`), extensions (E.164 has no place for them, and the
  number of a switchboard is not a person's), a trunk prefix other than 0 after the calling code (`+7 8 …`),
  more than the fifteen digits of E.164 (a few old German numbers), a carrier's code before the number.

Where both read a number they read the same one: none of 40,000 generated cases, formatted in eight ways,
differed, and five were read by the library alone.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import phonenumbers
from phonenumbers import PhoneMetadata
from sqlglot import exp

from datalinx.engine.types.shortcuts import Stage
from datalinx.engine.types.sql import around, full_match, sql, when

# What people write between digits. The rare ones are removed only where the usual ones do not suffice.
_USUAL = (" ", "-", "(", ")", ".")
_RARE = "\t\r\n/\u00a0\u200b\u200e\u200f\u2009\u202a\u202c\u202f\u2010\u2011\u2012\u2013\u2014\u2212\ufeff"


@dataclass(frozen=True)
class Plan:
    """What the metadata says of one region, or of one calling code that belongs to none (+800).

    `general` describes all national numbers. `dialled_abroad` and `dialled_at_home` are what is put before a
    number; `rewriting` says how the rest changes when the latter is taken off, in the few plans that do so.
    """

    code: str
    general: str
    dialled_abroad: str
    dialled_at_home: str
    rewriting: str


@cache
def regions() -> frozenset[str]:
    """Return the regions (ISO 3166-1 alpha-2, and a few that share them) that have a numbering plan."""
    return frozenset(phonenumbers.SUPPORTED_REGIONS)


@cache
def _plan(code: int, region: str) -> Plan:
    metadata = PhoneMetadata.metadata_for_region_or_calling_code(code, region)
    if metadata is None or metadata.general_desc is None:
        raise LookupError(f"phonenumbers has no metadata of {region}")
    return Plan(
        code=str(code),
        general=_compact(metadata.general_desc.national_number_pattern),
        dialled_abroad=_compact(metadata.international_prefix),
        dialled_at_home=_compact(metadata.national_prefix_for_parsing),
        rewriting=metadata.national_prefix_transform_rule or "",
    )


def _compact(pattern: str | None) -> str:
    return re.sub(r"\s", "", pattern or "")


@cache
def _plans() -> tuple[Plan, ...]:
    """The plans of all regions; those that share a calling code stand together, the main one first."""
    return tuple(
        _plan(code, region)
        for code, sharing in sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items())
        for region in sharing
    )


@cache
def international_pattern() -> str:
    """Return the pattern of all numbers in E.164 form, plus sign included."""
    return r"\+(?:" + "|".join(code + shapes for code, shapes in _shapes().items()) + ")"


@cache
def _shapes() -> dict[str, str]:
    """Calling code to the pattern of the national numbers of all regions that share it."""
    shapes: dict[str, dict[str, None]] = {}
    for plan in _plans():
        shapes.setdefault(plan.code, {})[plan.general] = None
    return {code: f"(?:{'|'.join(generals)})" for code, generals in shapes.items()}


@cache
def _trunk_zero_pattern() -> str:
    """Calling codes of plans whose national form starts with a zero, as in `+44 (0)20`, and that zero."""
    main = {plan.code: plan for plan in reversed(_plans())}
    codes = sorted(code for code, plan in main.items() if re.fullmatch(plan.dialled_at_home, "0"))
    return rf"^(\+(?:{'|'.join(codes)}))0"


# E.164 has fifteen digits at most.
_LENGTH = r"^\+[0-9]{5,15}$"


def digits_of(value: exp.Expression) -> exp.Expression:
    """The value without what stands between digits. Letters stay, so that they fail the pattern."""
    usual = value
    for separator in _USUAL:
        usual = sql("replace(:v, :separator, '')", v=usual, separator=separator)
    rare = sql(
        "regexp_replace(translate(:v, :separators, ''), '^tel:', '')",
        v=value,
        separators="".join(_USUAL) + _RARE,
    )
    return sql(
        "CASE WHEN regexp_full_match(:v, :bare) THEN :v WHEN regexp_full_match(:v, :formatted) THEN :usual "
        "ELSE :rare END",
        v=value,
        bare="[+]?[0-9]*",
        formatted="[+0-9 ().-]*",
        usual=usual,
        rare=rare,
    )


def candidate_of(digits: exp.Expression, region: str | None) -> exp.Expression:
    """The digits with plus sign and calling code, where they can be had; not yet known to be a number.

    `region` is where a number without calling code would be dialled; None takes international numbers alone.
    """
    return digits if region is None else _internationalised(digits, region)


def e164_of(candidate: exp.Expression) -> exp.Expression:
    """The E.164 form of a candidate, NULL where it is no number. Most are one as they stand."""
    return sql(
        "CASE WHEN strlen(:c) BETWEEN 6 AND 16 AND NOT regexp_matches(:c, :zero) "
        "AND regexp_full_match(:c, :pattern) THEN :c ELSE :corrected END",
        c=candidate,
        zero=_trunk_zero_pattern(),
        pattern=international_pattern(),
        corrected=_corrected(candidate),
    )


@cache
def shortcut(region: str | None) -> tuple[Stage, ...]:
    """The shortcut to the E.164 form of numbers in digits and the usual separators.

    What it reads holds nothing but these, as it matches a pattern of digits once they are taken out; so none of the
    patterns is needed by which the long way chooses among what people write.
    """
    return (
        Stage(lambda value, raw: sql("replace(replace(:v, ' ', ''), '-', '')", v=raw)),
        Stage(
            lambda digits, raw: sql(
                "CASE WHEN contains(:d, '(') OR contains(:d, '.') "
                "THEN replace(replace(replace(:d, '(', ''), ')', ''), '.', '') ELSE :d END",
                d=digits,
            )
        ),
        Stage(lambda digits, raw: _quick_candidate(digits, region)),
        Stage(lambda candidate, raw: _quick_number(candidate, region)),
    )


def _quick_candidate(digits: exp.Expression, region: str | None) -> exp.Expression:
    """The candidate, where the national number behind the prefix is one; else anything that is no number."""
    if region is None:
        return digits
    plan = _plan(phonenumbers.country_code_for_region(region), region)
    branches: list[tuple[exp.Expression, exp.Expression | str]] = [
        (sql("starts_with(:d, '+')", d=digits), digits),
        _from_abroad(digits, plan),
    ]
    prefixes = plan.dialled_at_home.split("|") if plan.dialled_at_home else []
    if plan.rewriting or not all(prefix.isdecimal() for prefix in prefixes):
        return when(*branches)
    for prefix in prefixes:
        cut = sql(":code || substr(:d, :start)", code=f"+{plan.code}", d=digits, start=len(prefix) + 1)
        branches.append((sql("starts_with(:d, :p)", d=digits, p=prefix), cut))
    return when(*branches, (exp.true(), sql(":code || :d", code=f"+{plan.code}", d=digits)))


def _quick_number(candidate: exp.Expression, region: str | None) -> exp.Expression:
    """A candidate that is a number as it stands; those of the region are asked first, by its short pattern."""
    is_number = sql(
        "NOT regexp_matches(:c, :zero) AND regexp_full_match(:c, :pattern)",
        c=candidate,
        zero=_trunk_zero_pattern(),
        pattern=international_pattern(),
    )
    if region is not None:
        code = str(phonenumbers.country_code_for_region(region))
        is_number = sql(
            "(NOT starts_with(:c, :zero) AND regexp_full_match(:c, :own)) OR :other",
            c=candidate,
            zero=f"+{code}0",
            own=rf"\+{code}{_shapes()[code]}",
            other=is_number,
        )
    return sql("CASE WHEN strlen(:c) BETWEEN 6 AND 16 AND (:n) THEN :c END", c=candidate, n=is_number)


def to_e164(value: exp.Expression, region: str | None) -> exp.Expression:
    """Return the E.164 form of a TEXT expression, NULL where there is none, as one expression.

    It is what the three steps above give one after the other, written so that it stays short.
    """
    return _corrected(candidate_of(digits_of(value), region))


def _corrected(candidate: exp.Expression) -> exp.Expression:
    # Each step takes the one before it once: what is written twice is planned twice.
    candidate = around(
        "regexp_replace(:c, :zero, :code)", c=candidate.copy(), zero=_trunk_zero_pattern(), code=r"\1"
    )
    for pattern in (_LENGTH, f"^(?:{international_pattern()})$"):
        candidate = around("regexp_extract(:c, :pattern)", c=candidate, pattern=pattern)
    return around("nullif(:c, '')", c=candidate)


def _internationalised(digits: exp.Expression, region: str) -> exp.Expression:
    """A number as dialled in a region, with plus sign and calling code."""
    plan = _plan(phonenumbers.country_code_for_region(region), region)
    shape = _shapes()[plan.code]
    at_home = _without_prefix(digits, plan)
    # Some leave out the plus sign alone, and some of them put the trunk prefix after the code.
    after_code = sql("substr(:d, :start)", d=digits, start=len(plan.code) + 1)
    after_both = _without_prefix(after_code, plan)

    def international(number: exp.Expression) -> exp.Expression:
        return sql(":code || :n", code=f"+{plan.code}", n=number)

    def is_coded(number: exp.Expression) -> exp.Expression:
        return sql(
            "starts_with(:d, :code) AND :matches", d=digits, code=plan.code, matches=full_match(number, shape)
        )

    return when(
        (sql("starts_with(:d, '+')", d=digits), digits),
        _from_abroad(digits, plan),
        (full_match(at_home, shape), international(at_home)),
        (full_match(digits, shape), international(digits)),
        (is_coded(after_both), international(after_both)),
        (is_coded(after_code), international(after_code)),
    )


def _from_abroad(digits: exp.Expression, plan: Plan) -> tuple[exp.Expression, exp.Expression]:
    """The branch of a number with the region's prefix for calls abroad."""
    prefix = plan.dialled_abroad
    if prefix.isdecimal():
        start = len(prefix) + 1
        is_abroad = sql(
            "starts_with(:d, :p) AND substr(:d, :start, 1) BETWEEN '1' AND '9'",
            d=digits,
            p=prefix,
            start=start,
        )
        return is_abroad, sql("'+' || substr(:d, :start)", d=digits, start=start)
    abroad = f"^(?:{prefix})"
    return (
        sql("regexp_matches(:d, :abroad)", d=digits, abroad=f"{abroad}[1-9]"),
        sql("regexp_replace(:d, :abroad, '+')", d=digits, abroad=abroad),
    )


def _without_prefix(digits: exp.Expression, plan: Plan) -> exp.Expression:
    """The national number without what is dialled before it at home."""
    prefix = plan.dialled_at_home
    if not prefix:
        return digits
    literal = prefix.split("|")
    if all(each.isdecimal() for each in literal) and not plan.rewriting:
        # The first of several that fits, as a pattern would take it.
        return _cut(digits, literal)
    start = f"^(?:{prefix})"
    plain = sql("regexp_replace(:d, :start, '')", d=digits, start=start)
    if not plan.rewriting:
        return plain
    return sql(
        "CASE WHEN regexp_extract(:d, :start, :group) <> '' "
        "THEN regexp_replace(:d, :start, :rewriting) ELSE :plain END",
        d=digits,
        start=start,
        group=re.compile(start).groups,
        rewriting=plan.rewriting,
        plain=plain,
    )


def _cut(digits: exp.Expression, prefixes: Sequence[str]) -> exp.Expression:
    """The digits without the first of the prefixes with which they begin."""
    case = exp.Case(default=digits.copy())
    for prefix in prefixes:
        begins = sql("starts_with(:d, :p)", d=digits, p=prefix)
        case = case.when(begins, sql("substr(:d, :start)", d=digits, start=len(prefix) + 1), copy=False)
    return case
