"""A run's window: the bounds `since` and `until` of a request, and whether the chosen tables have a cursor for them."""

from collections.abc import Mapping, Sequence
from typing import Any

from apps.mappings.services.compile import Documents, compile_table
from apps.pipelines.services.tables import parse_moment
from datalinx.engine.execute.window import Window, require_window
from datalinx.errors import FieldError, Invalid

BOUNDS = ("since", "until")


def read_window(request: Mapping[str, Any]) -> Window | None:
    """Return the window that a run was asked for, None when it has no bounds."""
    since, until = (parse_moment(request[name]) if request.get(name) else None for name in BOUNDS)
    return Window(since, until) if since or until else None


def require_windows(documents: Documents, tables: Sequence[str], request: Mapping[str, Any]) -> None:
    """Raise Invalid WINDOW_NOT_POSSIBLE when a run has bounds and a table of it cannot be bounded by them."""
    if read_window(request) is None:
        return
    faults = []
    for table in tables:
        try:
            require_window(compile_table(documents, table), rebuild=bool(request.get("full_refresh")))
        except Invalid as error:
            faults.append(FieldError(table, error.code, error.message))
    if faults:
        raise Invalid("WINDOW_NOT_POSSIBLE", faults[0].message, errors=faults)


def window_to_json(request: Mapping[str, Any]) -> dict[str, str]:
    """Return the bounds of a request as a run's manifest keeps them."""
    return {name: str(request[name]) for name in BOUNDS if request.get(name)}
