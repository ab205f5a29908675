"""A record's look-up on the command line: how it is asked for, and what is shown of it."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

import typer

from datalinx.cli.output import Column, Output
from datalinx.cli.text import shown


class Asking(StrEnum):
    """Whether the source is asked."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


ColumnName = Annotated[
    str | None, typer.Option("--column", "-c", help="The column that KEY is a value of, if not the key.")
]
AskSource = Annotated[
    Asking, typer.Option("--source", help="Whether the source is asked: auto, where runs do not tell.")
]


def key_of(key: str, column: str | None) -> str | dict[str, str]:
    """Return what to look for."""
    return {column: key} if column else key


def show_record(found: Mapping[str, Any], out: Output) -> None:
    """Show what became of a record: the sentence, and each row that speaks of it."""
    out.done(found, f"{found['outcome']}: {found['message']}")
    if out.as_json:
        return
    source = found["source"]
    rows = [
        *({"what": row["change"], "where": row["run_id"]} for row in found.get("history") or []),
        *({"what": "rejected", "where": row["locator"], "why": row["message"]} for row in found["rejected"]),
        *(_traced(record) for record in source["records"]),
    ]
    if rows:
        out.table(rows, "what", "where", Column("why", lambda row: row.get("why") or ""))
    for note in [*found["notes"], *([source["note"]] if source["note"] else [])]:
        out.note(note)


def _traced(record: Mapping[str, Any]) -> dict[str, Any]:
    why = "; ".join(reason["message"] for reason in record["reasons"])
    if record["winner"]:
        at = f" at {record['winner_locator']}" if record["winner_locator"] else ""
        why = f"lost against {shown(record['winner'])}{at}"
    return {"what": f"{record['outcome']} now", "where": record["locator"], "why": why}
