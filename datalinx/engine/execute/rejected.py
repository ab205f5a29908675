"""Reading the rejected rows that an execution left: pages of them, as documents."""

from contextlib import closing
from pathlib import Path
from typing import Any

import orjson

from datalinx.engine.execute.rejects import REJECT_COLUMNS
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


def rejected_document(values: dict[str, Any]) -> dict[str, Any]:
    """Return a rejected row as a document: what was kept as JSON text becomes values."""
    for name in _JSON:
        if isinstance(values[name], str):
            values[name] = orjson.loads(values[name])
    return values
