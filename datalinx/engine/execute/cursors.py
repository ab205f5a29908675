"""Reading only what is new: the condition on the first input, and the cursor to keep afterwards."""

from datalinx.engine.compile.plan import CompiledLoad
from datalinx.engine.execute.session import Session
from datalinx.engine.execute.text import duckdb_sql, literal


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


def later_cursor(session: Session, load: CompiledLoad, one: str | None, other: str | None) -> str | None:
    """Return the later of two cursors; a stored cursor never goes back."""
    if one is None or other is None:
        return one if other is None else other
    values = ", ".join(f"CAST({literal(each)} AS {load.cursor_type})" for each in (one, other))
    (found,) = session.row(f"SELECT CAST(greatest({values}) AS VARCHAR)")
    return str(found)
