"""A run's window: moments that bound the cursor of the rows that it reads, whatever was read before."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from sqlglot import exp

from datalinx.engine.compile.plan import CompiledLoad, CompiledMapping
from datalinx.engine.execute.cursors import since_condition
from datalinx.engine.execute.text import duckdb_sql
from datalinx.engine.types.casts import kind_of
from datalinx.errors import Invalid

# What each kind of cursor is compared as.
_COMPARED_AS = {"date": "DATE", "timestamp": "TIMESTAMP", "timestamptz": "TIMESTAMP WITH TIME ZONE"}


@dataclass(frozen=True)
class Window:
    """Rows with `since` <= cursor < `until` are read; both are moments with a zone, None is no bound."""

    since: datetime | None = None
    until: datetime | None = None


def require_window(compiled: CompiledMapping, *, rebuild: bool = False) -> None:
    """Raise `Invalid` `WINDOW_NOT_POSSIBLE` when no moments can bound what a mapping reads."""
    table, load = compiled.table, compiled.load
    if rebuild:
        message = (
            f"A full refresh replaces the whole of `{table}`, so it cannot read a part of its input only: "
            "leave out `full_refresh`, or `since` and `until`."
        )
    elif load.cursor_input is None or load.cursor_type is None:
        message = (
            f"`since` and `until` bound the cursor, and the mapping of `{table}` has none: give its load a `cursor`, "
            "or choose other tables."
        )
    elif kind_of(load.cursor_type) not in _COMPARED_AS:
        message = (
            f"`since` and `until` are moments, and the cursor of `{table}` is of type {load.cursor_type}: map it "
            "directly to a column of type date, datetime or timestamp, or choose other tables."
        )
    else:
        return
    raise Invalid("WINDOW_NOT_POSSIBLE", message)


def window_condition(load: CompiledLoad, window: Window) -> exp.Expression:
    """Return the condition on the first input by which a row lies in the window; one without a cursor does not.

    A cursor without a zone is taken to be in UTC, and a date to be its midnight. `load` is one that
    `require_window` lets pass.
    """
    if load.cursor_input is None or load.cursor_type is None:
        raise ValueError("there is no cursor to bound")
    kind = kind_of(load.cursor_type)
    whole: exp.Expression = exp.Boolean(this=True)
    for compare, moment in ((exp.GTE, window.since), (exp.LT, window.until)):
        if moment is None:
            continue
        bound = exp.cast(
            exp.Literal.string(_bound(moment.astimezone(UTC), kind)),
            exp.DataType.build(_COMPARED_AS[kind], dialect="duckdb"),
        )
        value = exp.Paren(this=load.cursor_input.copy())
        whole = exp.And(this=whole, expression=compare(this=value, expression=bound))
    return whole


def reading_condition(load: CompiledLoad, *, window: Window | None, cursor: str | None) -> str | None:
    """Return which rows of the first input a run reads, as SQL; None when all of them are.

    `cursor` is the stored one, None for a run that reads from the beginning.
    """
    if window is not None:
        return duckdb_sql(window_condition(load, window))
    return since_condition(load, cursor)


def _bound(moment: datetime, kind: str) -> str:
    """The bound as text. The first day that is not before a moment stands for it among dates."""
    if kind == "date":
        day: date = moment.date()
        return (day if moment.timetz() == time(tzinfo=UTC) else day + timedelta(days=1)).isoformat()
    text = moment.replace(tzinfo=None).isoformat(sep=" ")
    return text + "+00:00" if kind == "timestamptz" else text
