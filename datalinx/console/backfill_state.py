"""The state of a backfill as its page shows it: drawn once when the page is asked for, and again at each change."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from datalinx.console.drawing.chunks import STATES, draw_chunks
from datalinx.console.drawing.ledger import draw_ledger

OPEN = frozenset({"running", "pausing", "paused", "cancelling"})


def backfill_state(backfill: dict[str, Any]) -> dict[str, Any]:
    """Return what the changing part of a backfill's page shows."""
    zone, status, chunks = ZoneInfo(backfill["timezone"]), backfill["status"], backfill["chunks"]
    stretches = backfill["stretches"]
    names = [f"{_day(each['since'], zone)} – {_day(each['until'], zone)}" for each in stretches]
    return {
        "backfill": backfill,
        "live": status in OPEN,
        "strip": draw_chunks(stretches, names=names),
        "first": _day(backfill["since"], zone),
        "last": _day(backfill["until"], zone),
        "states": [(kind, word, chunks[state]) for state, (kind, word) in STATES.items() if chunks[state]],
        "ledger": draw_ledger(backfill["totals"]),
        "can": {
            "pause": status == "running",
            "resume": status in {"paused", "pausing"},
            "cancel": status in {"running", "pausing", "paused"},
            "retry": bool(chunks["failed"]) and status not in {"cancelling", "cancelled"},
        },
    }


def _day(text: str, zone: ZoneInfo) -> str:
    """Return a moment as the zone's clock shows it, without a time at midnight."""
    moment = datetime.fromisoformat(text).astimezone(zone)
    return moment.strftime("%Y-%m-%d" if not (moment.hour or moment.minute) else "%Y-%m-%d %H:%M")
