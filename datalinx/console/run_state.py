"""The state of a run as its page shows it: drawn once when the page is asked for, and again at each change."""

from typing import Any

from datalinx.console.drawing.bars import draw_bar
from datalinx.console.drawing.ledger import draw_ledger

# What started a run, as people say it.
TRIGGERS = {
    "manual": "by hand",
    "schedule": "by the clock",
    "after": "after others",
    "retry": "a retry",
    "replay": "a replay",
    "verify": "a verification",
    "backfill": "by a backfill",
}


def run_state(run: dict[str, Any]) -> dict[str, Any]:
    """Return what the changing part of a run's page shows."""
    return {
        "run": run,
        "live": run["status"] in {"queued", "running"},
        "ledger": draw_ledger(run["totals"]),
        "steps": [_step(step) for step in run["steps"]],
        "reasons": list_reasons(run["steps"]),
        "progress": draw_bar(run["progress"] or 0, 1),
    }


def _step(step: dict[str, Any]) -> dict[str, Any]:
    counts = step["counts"]
    stored = sum(counts.get(name, 0) for name in ("inserted", "updated", "unchanged"))
    return {**step, "stored": stored, "ledger": draw_ledger(counts)}


def list_reasons(steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return why rows were rejected, by table and reason, the most frequent first."""
    found = [
        {"table": step["table"], "reason": reason, "count": count}
        for step in steps
        for reason, count in step["rejected_by_reason"].items()
        if count
    ]
    found.sort(key=lambda each: (-each["count"], each["table"], each["reason"]))
    highest = found[0]["count"] if found else 0
    return [{**each, "bar": draw_bar(each["count"], highest, kind="rejected")} for each in found]
