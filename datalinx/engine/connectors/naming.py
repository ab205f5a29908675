"""The names of a source's columns: kept as they stand, and told apart where they would be taken for one."""

from collections.abc import Sequence

from datalinx.engine.connectors.base import FILE_COLUMN, RECORD_COLUMN

# What a scan adds; a column of the source steps aside for it.
_RESERVED = frozenset({RECORD_COLUMN, FILE_COLUMN})


def distinct_names(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the names, distinct without regard to case, and a sentence for each that had to change.

    SQL takes `Email` and `email` for one name. The first keeps its own, the next becomes `email_2`; a column
    without a name becomes `column_` and its place. A name that is free is never given to another column.
    """
    taken = {name.casefold() for name in names} | _RESERVED
    used: set[str] = set(_RESERVED)
    kept: list[str] = []
    notices: list[str] = []
    for place, name in enumerate(names, start=1):
        chosen = name if name.strip() else f"column_{place}"
        if chosen.casefold() in used or (not name.strip() and chosen.casefold() in taken):
            chosen = _free(chosen, taken | used)
        if chosen != name:
            shown = f"is named {name!r}, as another is" if name.strip() else "has no name"
            notices.append(f"Column {place} {shown}; it is read as {chosen!r}.")
        used.add(chosen.casefold())
        kept.append(chosen)
    return kept, notices


def _free(name: str, taken: set[str]) -> str:
    number = 2
    while f"{name}_{number}".casefold() in taken:
        number += 1
    return f"{name}_{number}"
