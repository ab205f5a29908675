"""Reading only what is new: the condition on the first input, and the cursor to keep afterwards."""

import duckdb

from datalinx.engine.compile.plan import CompiledLoad
from datalinx.engine.execute.session import Session
from datalinx.engine.execute.text import duckdb_sql, literal
from datalinx.engine.types.casts import kind_of


def since_condition(load: CompiledLoad, cursor: str | None) -> str | None:
    """Return the condition for rows after the stored cursor, None when all rows are to be read.

    A row without a cursor may be new. A merge reads it each time and finds it unchanged; an append would add
    it each time.
    """
    if load.cursor_input is None or cursor is None:
        return None
    value = f"({duckdb_sql(load.cursor_input)})"
    is_unknown = f" OR {value} IS NULL" if load.mode in {"merge", "history"} else ""
    return f"({value} > {start_expression(load, cursor)}{is_unknown})"


def start_expression(load: CompiledLoad, cursor: str) -> str:
    """Return where reading begins: the stored cursor less the lookback."""
    start = f"CAST({literal(cursor)} AS {load.cursor_type})"
    if load.lookback_seconds:
        start += f" - INTERVAL ({load.lookback_seconds}) SECOND"
    if load.lookback_months:
        start += f" - INTERVAL ({load.lookback_months}) MONTH"
    return start


def is_carried(load: CompiledLoad, cursor: str, kind: str) -> bool:
    """Tell whether a cursor that was of the type `kind` says the same of this load's cursor.

    As text 9 comes after 10, and 5.5 is no whole number: rows after it would be told wrongly. An empty `kind` is not
    known; then the cursor only has to fit.
    """
    now = load.cursor_type
    if now is None or kind == now:
        return now is not None
    if kind and (kind_of(kind) == "text") != (kind_of(now) == "text"):
        return False
    there = f"TRY_CAST(TRY_CAST({literal(cursor)} AS {kind or now}) AS {now})"
    with duckdb.connect(":memory:", config={"threads": 1}) as connection:
        connection.execute("SET \"TimeZone\" = 'UTC'")
        same = f"TRY_CAST({there} AS {kind}) = TRY_CAST({literal(cursor)} AS {kind})" if kind else "TRUE"
        (found,) = connection.execute(f"SELECT coalesce({there} IS NOT NULL AND {same}, FALSE)").fetchall()[0]
    return bool(found)


def later_cursor(session: Session, load: CompiledLoad, one: str | None, other: str | None) -> str | None:
    """Return the later of two cursors; a stored cursor never goes back."""
    if one is None or other is None:
        return one if other is None else other
    values = ", ".join(f"CAST({literal(each)} AS {load.cursor_type})" for each in (one, other))
    (found,) = session.row(f"SELECT CAST(greatest({values}) AS VARCHAR)")
    return str(found)
