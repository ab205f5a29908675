"""Reading the rejected rows that an execution left: pages of them, as documents."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson

from datalinx.engine.execute.rejects import MALFORMED_RECORD, REJECT_COLUMNS
from datalinx.engine.execute.text import listed
from datalinx.engine.query.trusted import shared_cursor

# Both are written as JSON text, so that every reader of Parquet can show them.
_JSON = ("row", "reasons")


def rejected_page(path: Path, *, reason: str = "", offset: int = 0, limit: int = 50) -> list[dict[str, Any]]:
    """Return a page of a file of rejected rows, in the order of the input; `reason` chooses by first fault."""
    names = [name for name, _ in REJECT_COLUMNS]
    shown = ", ".join(f"to_json({name})" if name == "reasons" else f'"{name}"' for name in names)
    where, values = ("WHERE reason = $reason", {"reason": reason}) if reason else ("", {})
    sql = (
        f"SELECT {shown} FROM read_parquet($path, file_row_number = true) {where} "
        f"ORDER BY file_row_number LIMIT {int(limit)} OFFSET {int(offset)}"
    )
    with closing(shared_cursor()) as cursor:
        rows = cursor.execute(sql, {"path": str(path), **values}).fetchall()
    return [rejected_document(dict(zip(names, row, strict=True))) for row in rows]


def count_waiting(path: Path, *, reason: str = "", passed: Sequence[Path] = ()) -> int:
    """Return how many rows of a file of rejected rows could be replayed: those whose number is not in `passed`."""
    conditions, values = ["reason <> $malformed"], {"malformed": MALFORMED_RECORD}
    if reason:
        conditions.append("reason = $reason")
        values["reason"] = reason
    if passed:
        conditions.append(f"file_row_number NOT IN (SELECT number FROM read_parquet({listed(passed)}))")
    sql = f"SELECT count(*) FROM read_parquet($path, file_row_number = true) WHERE {' AND '.join(conditions)}"
    with closing(shared_cursor()) as cursor:
        (found,) = cursor.execute(sql, {"path": str(path), **values}).fetchall()
    return int(found[0])


def rejected_document(values: dict[str, Any]) -> dict[str, Any]:
    """Return a rejected row as a document: what was kept as JSON text becomes values."""
    for name in _JSON:
        if isinstance(values[name], str):
            values[name] = orjson.loads(values[name])
    return values
