"""Reading only what is new: the condition on the first input, and the cursor to keep afterwards."""

from datalinx.engine.compile.plan import CompiledLoad, CompiledMapping
from datalinx.engine.execute.session import Session
from datalinx.engine.execute.text import duckdb_sql, literal, quoted


def since_condition(load: CompiledLoad, cursor: str | None) -> str | None:
    """Return the condition for rows after the stored cursor, None when all rows are to be read.

    A row without a cursor may be new. A merge reads it each time and finds it unchanged; an append would add
    it each time.
    """
    if load.cursor_input is None or cursor is None:
        return None
    start = f"CAST({literal(cursor)} AS {load.cursor_type})"
    if load.lookback_seconds:
        start += f" - INTERVAL ({load.lookback_seconds}) SECOND"
    if load.lookback_months:
        start += f" - INTERVAL ({load.lookback_months}) MONTH"
    value = f"({duckdb_sql(load.cursor_input)})"
    is_unknown = f" OR {value} IS NULL" if load.mode in {"merge", "history"} else ""
    return f"({value} > {start}{is_unknown})"


def new_cursor(session: Session, compiled: CompiledMapping, cursor: str | None) -> str | None:
    """Return the largest cursor of all rows read, rejected and filtered ones too; it never goes back."""
    load = compiled.load
    if load.cursor_input is None:
        return None
    table, column = ("gathered", quoted("=cursor")) if compiled.group_by else ("staged", "cursor")
    known = f"CAST({literal(cursor)} AS {load.cursor_type})"
    (found,) = session.row(f"SELECT CAST(greatest(max({column}), {known}) AS VARCHAR) FROM {table}")
    return found if found is None else str(found)
