"""Casts from dates and times, and from the texts of them that DuckDB reads."""

import re
from collections.abc import Callable

from sqlglot import exp

from datalinx.engine.compile.spark.form import call, form, named, typed

Cast = Callable[[exp.Expr, str, str], exp.Expr]

_W = r"[\x09-\x0D ]"
_DAY = r"([0-9]{1,4})([-/ \\])([0-9]{1,2})\2([0-9]{1,2})"
# Minutes and seconds may be left out behind their colon; a clock alone then ends there.
_CLOCK = r"([0-9]{1,2}):(?:([0-9]{1,2})(?::(?:([0-9]{1,2})(?:\.([0-9]*))?)?)?)?"
_CLOCK_ALONE = r"([0-9]{1,2}):(?:\z|([0-9]{1,2})(?:\z|:(?:\z|([0-9]{1,2})(?:\.([0-9]*))?.*)))"
_OFFSET = "(Z|[+-][0-9]{2}(?::?[0-9]{2}(?::?[0-9]{2})?)?)"
# Behind one blank stands what only an instant reads as the name of a zone.
_ZONE = "[ ]([A-Za-z0-9_/+:-]*)"
_REST = rf"(?:T{_W}*|{_W}+){_CLOCK}(?:(?:{_OFFSET}|{_ZONE}){_W}*)?"
_ANY_MOMENT = rf"\A{_W}*{_DAY}(?:{_REST})?\z"
# Blanks may follow a day alone where a date is wanted.
_ANY_DATE = rf"\A{_W}*{_DAY}(?:{_W}*|{_REST})\z"
_ANY_TIME = rf"(?s)\A{_W}*{_CLOCK_ALONE}\z"
_EPOCH = rf"(?i)\A{_W}*epoch{_W}*\z"
# Names that Spark knows too: it reads them in this writing only.
_ZONE_NAME = "^[A-Z][A-Za-z0-9_]+(?:[/+-][A-Za-z0-9_+:-]+)*$"

_ISO_DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_ISO_CLOCK = "(?:[01][0-9]|2[0-3]):[0-9]{2}(?::[0-9]{2}(?:[.][0-9]{1,9})?)?"
_ISO_OFFSET = "(?:Z|[+-](?:0[0-9]|1[0-7])(?::?[0-5][0-9])?)"
# What Spark reads as DuckDB does.
_ISO = {
    "date": rf"\A{_ISO_DAY}\z",
    "timestamp": rf"\A{_ISO_DAY}(?:[T ]{_ISO_CLOCK})?\z",
    # An offset has to stand behind seconds.
    "timestamptz": rf"\A{_ISO_DAY}(?:[T ]{_ISO_CLOCK}(?:(?<=:[0-9]{{2}}:[0-9]{{2}}|[.][0-9]{{1,9}}){_ISO_OFFSET})?)?\z",
    "time": r"\A(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:[.][0-9]{1,9})?)?\z",
}
# The same of a text that is written in the plan, in the patterns of this language.
_ISO_CONSTANT = {
    "date": re.compile(_ISO_DAY),
    "timestamp": re.compile(rf"{_ISO_DAY}(?:[T ]{_ISO_CLOCK})?"),
    "timestamptz": re.compile(
        rf"{_ISO_DAY}(?:[T ](?:[01][0-9]|2[0-3]):[0-9]{{2}}:[0-9]{{2}}(?:[.][0-9]{{1,9}})?{_ISO_OFFSET}?)?"
    ),
}
_SPARK = {"date": "DATE", "timestamp": "TIMESTAMP_NTZ", "timestamptz": "TIMESTAMP"}


def moment_of_text(tree: exp.Expr, target: str, *, is_iso: bool) -> exp.Expr:
    """A text as a date, a timestamp, an instant or a time, NULL where DuckDB cannot read it.

    Of a text that is known to be written as ISO 8601 has it no other form is tried.
    """
    direct = _clock(tree) if target == "time" else typed(tree, _SPARK[target])
    if (
        target in _ISO_CONSTANT
        and isinstance(tree, exp.Literal)
        and _ISO_CONSTANT[target].fullmatch(tree.name)
    ):
        # All that would be tried besides is not even folded away by Spark, and it is long.
        return direct
    if is_iso:
        return form("CASE WHEN :v RLIKE :iso THEN :direct END", v=tree, iso=_ISO[target], direct=direct)
    if target == "time":
        return form(
            "CASE WHEN :v RLIKE :iso THEN :direct WHEN :v RLIKE :any THEN :time WHEN :v RLIKE :moment "
            "THEN substring(CAST(:other AS VARCHAR), 12) WHEN :v RLIKE :epoch THEN '00:00:00' END",
            v=tree,
            iso=_ISO[target],
            direct=direct,
            any=_ANY_TIME,
            time=_time(tree),
            moment=_ANY_MOMENT,
            other=_other(tree, "timestamp", _ANY_MOMENT),
            epoch=_EPOCH,
        )
    pattern = _ANY_DATE if target == "date" else _ANY_MOMENT
    return form(
        "CASE WHEN :v RLIKE :iso THEN :direct WHEN :v RLIKE :any THEN :other WHEN :v RLIKE :epoch THEN :zero END",
        v=tree,
        iso=_ISO[target],
        direct=direct,
        any=pattern,
        other=_other(tree, target, pattern),
        epoch=_EPOCH,
        zero=typed(exp.Literal.string("1970-01-01"), _SPARK[target]),
    )


def _parts(tree: exp.Expr, pattern: str, count: int) -> exp.Expr:
    """The groups of a pattern that matches, as a list."""
    groups = "|".join(f"${number}" for number in range(1, count + 1))
    return form(
        "split(regexp_replace(:v, :p, :groups), :bar, -1)", v=tree, p=pattern, groups=groups, bar="[|]"
    )


def _other(tree: exp.Expr, target: str, pattern: str) -> exp.Expr:
    def made(parts: exp.Expr) -> exp.Expr:
        day = form(
            "TRY_CAST(concat(lpad(:a, 4, '0'), '-', :b, '-', :c) AS DATE)",
            a=_at(parts, 0),
            b=_at(parts, 2),
            c=_at(parts, 3),
        )
        moment = form(
            "CASE WHEN :h = '' THEN CAST(:day AS TIMESTAMP) WHEN :midnight THEN CAST(date_add(:day, 1) AS TIMESTAMP) "
            "ELSE TRY_CAST(concat(CAST(:day AS VARCHAR), ' ', :clock) AS TIMESTAMP) END",
            h=_at(parts, 4),
            day=day,
            midnight=_is_end(parts, 4),
            clock=_clock_of(parts, 4),
        )
        if target == "date":
            return form("CASE WHEN :moment IS NOT NULL THEN :day END", moment=moment, day=day)
        if target == "timestamp":
            return moment
        return form(
            "CASE WHEN :zone <> '' THEN CASE WHEN :zone RLIKE :name THEN :in_zone END "
            "WHEN :o RLIKE '^[+-]' THEN try_subtract(CAST(:moment AS TIMESTAMPTZ), :offset) "
            "ELSE CAST(:moment AS TIMESTAMPTZ) END",
            zone=_at(parts, 9),
            name=_ZONE_NAME,
            in_zone=_in_zone(moment, _at(parts, 9)),
            moment=moment,
            o=_at(parts, 8),
            offset=_offset(form("regexp_replace(:o, ':', '')", o=_at(parts, 8))),
        )

    return named(_parts(tree, pattern, 10), made)


def _in_zone(moment: exp.Expr, zone: exp.Expr) -> exp.Expr:
    instant = form(
        "TRY_CAST(concat(CAST(:moment AS VARCHAR), ' ', :zone) AS TIMESTAMPTZ)", moment=moment, zone=zone
    )
    return later_of_two(instant, form("CAST(:moment AS TIMESTAMPTZ)", moment=moment), zone)


def later_of_two(instant: exp.Expr, local: exp.Expr, zone: exp.Expr | str) -> exp.Expr:
    """The instant of a local time that comes twice where clocks are set back: DuckDB takes the later one.

    Spark takes the earlier one, `instant`. `local` is the clock's face as an instant in UTC. The other candidate is
    what the zone's offset of a day later makes of it, and that is right where the zone shows the same face then.
    """

    def chosen(later: exp.Expr) -> exp.Expr:
        return form(
            "CASE WHEN from_utc_timestamp(:later, :zone) = :local THEN :later ELSE :instant END",
            later=later,
            zone=zone,
            local=local,
            instant=instant,
        )

    def by_next_day(day: exp.Expr) -> exp.Expr:
        offset = form("unix_micros(from_utc_timestamp(:day, :zone)) - unix_micros(:day)", day=day, zone=zone)
        return form(
            "timestamp_micros(try_subtract(unix_micros(:local), :offset))", local=local, offset=offset
        )

    next_day = form("timestamp_micros(try_add(unix_micros(:instant), 86400000000))", instant=instant)
    return named(named(next_day, by_next_day), chosen)


def _offset(digits: exp.Expr) -> exp.Expr:
    """An offset without colons, ±HH[MM[SS]], as a span."""
    hours, minutes, seconds = (
        form("TRY_CAST(concat(left(:d, 1), '0', substring(:d, :place, 2)) AS INTEGER)", d=digits, place=place)
        for place in (2, 4, 6)
    )
    return call("make_interval", 0, 0, 0, 0, hours, minutes, seconds)


def _at(parts: exp.Expr, place: int) -> exp.Expr:
    return call("get", parts, place)


def _is_end(parts: exp.Expr, first: int) -> exp.Expr:
    """Whether the clock says 24:00:00."""
    return form(
        "concat_ws(':', :h, :m, :s, :f) RLIKE '^24:0{0,2}:0{0,2}:0*$'",
        h=_at(parts, first),
        m=_at(parts, first + 1),
        s=_at(parts, first + 2),
        f=_at(parts, first + 3),
    )


def _clock_of(parts: exp.Expr, first: int) -> exp.Expr:
    return form(
        "concat(:h, ':', CASE WHEN :m = '' THEN '0' ELSE :m END, ':', CASE WHEN :s = '' THEN '0' ELSE :s END, "
        "'.', :f, '0')",
        h=_at(parts, first),
        m=_at(parts, first + 1),
        s=_at(parts, first + 2),
        f=form("left(:f, 6)", f=_at(parts, first + 3)),
    )


def _clock(tree: exp.Expr) -> exp.Expr:
    """A time of day in DuckDB's own writing, HH:MM:SS with what the fraction needs."""
    return form("substring(CAST(TRY_CAST(concat('1970-01-01 ', :v) AS TIMESTAMP) AS VARCHAR), 12)", v=tree)


def _time(tree: exp.Expr) -> exp.Expr:
    return named(
        _parts(tree, _ANY_TIME, 4),
        lambda parts: form(
            "CASE WHEN :midnight THEN '24:00:00' ELSE :clock END",
            midnight=_is_end(parts, 0),
            clock=_clock(_clock_of(parts, 0)),
        ),
    )


def _text(tree: exp.Expr, source: str, kind: str) -> exp.Expr:
    """Beyond the year 9999 Spark writes a sign, and years before the first with a minus instead of BC."""
    return form(
        "CASE WHEN year(:v) BETWEEN 1 AND 9999 THEN CAST(:v AS VARCHAR) WHEN year(:v) > 9999 "
        "THEN substring(CAST(:v AS VARCHAR), 2) ELSE concat(lpad(1 - year(:v), 4, '0'), "
        "regexp_replace(CAST(:v AS VARCHAR), '^-?[0-9]+(-[0-9]{2}-[0-9]{2})', '$1 (BC)')) END",
        v=tree,
    )


def _instant_text(tree: exp.Expr, source: str, kind: str) -> exp.Expr:
    return form("concat(:v, '+00')", v=_text(tree, source, kind))


def _blob_text(tree: exp.Expr, source: str, kind: str) -> exp.Expr:
    """Visible ASCII as it stands, every other byte as `\\xNN`; quotes and backslashes too."""
    return form(
        "CASE WHEN hex(:v) RLIKE :plain THEN decode(:v, 'UTF-8') ELSE array_join(transform("
        "regexp_extract_all(hex(:v), '(..)', 1), lambda h: CASE WHEN h RLIKE :visible "
        "THEN decode(unhex(h), 'UTF-8') ELSE concat(:mark, h) END), '') END",
        v=tree,
        plain=rf"\A(?:{_VISIBLE})*\z",
        visible=rf"\A(?:{_VISIBLE})\z",
        mark="\\x",
    )


_VISIBLE = "2[013-689A-F]|[346][0-9A-F]|5[0-9ABDEF]|7[0-9A-E]"


def _date_to_moment(tree: exp.Expr, source: str, kind: str) -> exp.Expr:
    return form("CAST(:v AS TIMESTAMP)", v=tree)


def _to_date(tree: exp.Expr, source: str, kind: str) -> exp.Expr:
    return form("CAST(:v AS DATE)", v=tree)


def _to_instant(tree: exp.Expr, source: str, kind: str) -> exp.Expr:
    return form("CAST(:v AS TIMESTAMPTZ)", v=tree)


def _to_time(tree: exp.Expr, source: str, kind: str) -> exp.Expr:
    return form("substring(CAST(CAST(:v AS TIMESTAMP) AS VARCHAR), 12)", v=tree)


def _cut(tree: exp.Expr, source: str, kind: str) -> exp.Expr:
    """Between kinds of timestamps: what the coarser one keeps."""
    part = {"TIMESTAMP_S": "second", "TIMESTAMP_MS": "millisecond"}.get(kind)
    return call("date_trunc", part, tree) if part else tree


CASTS_FROM_MOMENTS: dict[tuple[str, str], Cast] = {
    **{(source, "text"): _text for source in ("date", "timestamp")},
    ("timestamptz", "text"): _instant_text,
    ("binary", "text"): _blob_text,
    ("date", "timestamp"): _date_to_moment,
    ("date", "timestamptz"): _to_instant,
    ("timestamp", "date"): _to_date,
    ("timestamptz", "date"): _to_date,
    ("timestamp", "timestamp"): _cut,
    ("timestamp", "timestamptz"): _to_instant,
    ("timestamptz", "timestamp"): _date_to_moment,
    ("timestamp", "time"): _to_time,
    ("timestamptz", "time"): _to_time,
}
