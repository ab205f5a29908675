"""Casts from dates and times, and from the texts of them that DuckDB reads."""

from collections.abc import Callable

from sqlglot import exp

from datalinx.engine.compile.spark.form import call, form, named, typed

Cast = Callable[[exp.Expr, str, str], exp.Expr]

_W = r"[\x09-\x0D ]"
_DAY = r"([0-9]{1,4})([-/ \\])([0-9]{1,2})\2([0-9]{1,2})"
_CLOCK = r"([0-9]{1,2}):([0-9]{1,2})(?::([0-9]{1,2})(?:\.([0-9]*))?)?"
_OFFSET = r"(Z|z|[+-][0-9]{2}(?::?[0-9]{2})?| ?UTC)"
_ANY_DAY = rf"\A{_W}*{_DAY}(?:(?:T|{_W}+){_CLOCK}{_OFFSET}?)?{_W}*\z"
_ANY_TIME = rf"\A{_W}*{_CLOCK}{_OFFSET}?{_W}*\z"

_ISO_DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_ISO_CLOCK = "[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.][0-9]{1,9})?)?"
_ISO_OFFSET = "(?:Z|[+-](?:0[0-9]|1[0-7])(?::?[0-5][0-9])?)"
# What Spark reads as DuckDB does.
_ISO = {
    "date": rf"\A{_ISO_DAY}\z",
    "timestamp": rf"\A{_ISO_DAY}(?:[T ]{_ISO_CLOCK})?\z",
    "timestamptz": rf"\A{_ISO_DAY}(?:[T ]{_ISO_CLOCK}{_ISO_OFFSET}?)?\z",
    "time": r"\A(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:[.][0-9]{1,9})?)?\z",
}
_SPARK = {"date": "DATE", "timestamp": "TIMESTAMP_NTZ", "timestamptz": "TIMESTAMP"}


def moment_of_text(tree: exp.Expr, target: str, *, is_iso: bool) -> exp.Expr:
    """A text as a date, a timestamp, an instant or a time, NULL where DuckDB cannot read it.

    Of a text that is known to be written as ISO 8601 has it no other form is tried.
    """
    direct = _clock(tree) if target == "time" else typed(tree, _SPARK[target])
    if is_iso:
        return form("CASE WHEN :v RLIKE :iso THEN :direct END", v=tree, iso=_ISO[target], direct=direct)
    return form(
        "CASE WHEN :v RLIKE :iso THEN :direct WHEN :v RLIKE :any THEN :other END",
        v=tree,
        iso=_ISO[target],
        direct=direct,
        any=_ANY_TIME if target == "time" else _ANY_DAY,
        other=_time(tree) if target == "time" else _other(tree, target),
    )


def _parts(tree: exp.Expr, pattern: str, count: int) -> exp.Expr:
    """The groups of a pattern that matches, as a list."""
    groups = "|".join(f"${number}" for number in range(1, count + 1))
    return form(
        "split(regexp_replace(:v, :p, :groups), :bar, -1)", v=tree, p=pattern, groups=groups, bar="[|]"
    )


def _other(tree: exp.Expr, target: str) -> exp.Expr:
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
        shifted = form(
            "CASE WHEN :o RLIKE '^[+-]' THEN try_add(:moment, make_interval(0, 0, 0, 0, "
            "- TRY_CAST(left(:o, 3) AS INTEGER), - TRY_CAST(concat(left(:o, 1), '0', "
            "regexp_replace(substring(:o, 4), ':', '')) AS INTEGER))) ELSE :moment END",
            o=_at(parts, 8),
            moment=moment,
        )
        return form("CAST(:v AS TIMESTAMPTZ)", v=shifted) if target == "timestamptz" else shifted

    return named(_parts(tree, _ANY_DAY, 9), made)


def _at(parts: exp.Expr, place: int) -> exp.Expr:
    return call("get", parts, place)


def _is_end(parts: exp.Expr, first: int) -> exp.Expr:
    """Whether the clock says 24:00:00."""
    return form(
        "concat_ws(':', :h, :m, :s, :f) RLIKE '^24:00?:(?:00?)?:0*$'",
        h=_at(parts, first),
        m=_at(parts, first + 1),
        s=_at(parts, first + 2),
        f=_at(parts, first + 3),
    )


def _clock_of(parts: exp.Expr, first: int) -> exp.Expr:
    return form(
        "concat(:h, ':', :m, ':', CASE WHEN :s = '' THEN '0' ELSE :s END, '.', :f, '0')",
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
        _parts(tree, _ANY_TIME, 5),
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
