"""What is said of a record in one word and one sentence, from what was found of it."""

from collections.abc import Mapping, Sequence
from typing import Any

from apps.pipelines.models import Run, RunStep
from datalinx.engine.execute.finding import StoredRows

Rows = Sequence[Mapping[str, Any]]

OUTCOMES = (
    "new",
    "changed",
    "unchanged",
    "ended",
    "gone",
    "rejected",
    "replayed",
    "deduplicated",
    "filtered",
    "joined_out",
    "not_read",
    "valid",
    "not_in_source",
    "not_published",
    "pending",
    "unknown",
)
"""What may have become of a record in a run."""

TABLE_OUTCOMES = (
    "stored",
    "ended",
    "gone",
    "rejected",
    "replayed",
    "deduplicated",
    "filtered",
    "joined_out",
    "not_read",
    "valid",
    "not_in_source",
    "unknown",
)
"""What may have become of a record of a table."""

CHANGES = ("new", "changed", "unchanged", "ended", "gone", "absent")
"""What may have happened to a record's rows from one version of a table to another."""

_CHANGED = {
    "new": "It was not in the table before, and this run brought it in.",
    "changed": "It was in the table before, and this run changed it.",
    "unchanged": "It was in the table before, and this run left it as it was.",
    "ended": "It was in the table before, and this run made what is stored of it a former version.",
    "gone": "It was in the table before, and this run took it out.",
}

# In the order in which they speak for the record where its rows fare differently.
TRACED = {
    "valid": "Its row passes everything",
    "rejected": "Its row is rejected",
    "deduplicated": "Its row loses against another one of the same key",
    "filtered": "The mapping's filter drops its row",
    "joined_out": "No join of the mapping keeps its row",
    "not_read": "Its row was not read: it does not lie after the cursor, or in the window, that reading began with",
}


def change_of(before: StoredRows, after: StoredRows) -> str:
    """Return what happened to a record's rows: new, changed, unchanged, gone, or absent both times.

    In a table that keeps history they have `ended` when former versions alone are left of what was there.
    """
    if not before.rows:
        return "new" if after.rows else "absent"
    if not after.rows:
        return "gone"
    if after.ended_at and not before.ended_at:
        return "ended"
    if before.digest is None and after.digest is None:
        return "unchanged" if _sorted(before.rows) == _sorted(after.rows) else "changed"
    return "unchanged" if before.digest == after.digest else "changed"


def _sorted(rows: Rows) -> list[list[tuple[str, str]]]:
    return sorted(sorted((name, repr(value)) for name, value in row.items()) for row in rows)


def verdict_in_run(
    run: Run, step: RunStep, *, stored: Mapping[str, Any] | None, rejected: Rows, source: Mapping[str, Any]
) -> tuple[str, str]:
    """Return the outcome of a record in a run, one of `OUTCOMES`, and the sentence that says it."""
    if not run.is_finished and step.published_at is None:
        return "pending", "The run has not made this table yet: ask again once it has."
    change = stored["change"] if stored is not None else None
    if change == "gone" and rejected:
        return change, f"{_CHANGED[change]} {_of_rejected(rejected)[1]}"
    if change in {"new", "changed", "gone"}:
        return change, _CHANGED[change]
    if rejected:
        return _of_rejected(rejected)
    if stored is not None and change == "ended":
        return change, f"{_CHANGED[change]} It ended at {stored['ended_at']}."
    if stored is not None and change == "unchanged":
        if stored["ended_at"] is None:
            return change, _CHANGED[change]
        outcome, message = _of_source(source, expects_row=False)
        return outcome, f"{_former(stored['ended_at'])} {message}"
    if stored is None and run.publishes:
        why = f": {step.error['message']}" if step.error else "."
        return "not_published", f"This run published nothing of the table{why}"
    return _of_source(source, expects_row=run.publishes and stored is not None and stored["known"])


def verdict_in_table(
    *, stored: StoredRows, history: Rows, rejected: Rows, source: Mapping[str, Any]
) -> tuple[str, str]:
    """Return the outcome of a record of a table, one of `TABLE_OUTCOMES`, and the sentence that says it."""
    if stored.rows and stored.ended_at is None:
        return "stored", "It is in the table."
    if stored.ended_at is not None:
        by = next((each["run_id"] for each in history if each["change"] == "ended"), None)
        told = f" {_of_source(source, expects_row=False)[1]}" if source["read"] else ""
        return "ended", f"{_former(stored.ended_at, by)}{told}"
    if history and history[0]["change"] == "gone":
        since = f" by the run {history[0]['run_id']}" if history[0]["run_id"] else ""
        return "gone", f"It was in the table, and was taken out{since}."
    if rejected:
        return _of_rejected(rejected)
    outcome, message = _of_source(source, expects_row=False)
    return outcome, _PASSED_BY if outcome == "not_read" else message


def _former(ended_at: str, by: str | None = None) -> str:
    """That a table keeps former versions of a record alone."""
    made = f", by the run {by}" if by else ""
    return f"Former versions of it alone are in the table: the last ended at {ended_at}{made}."


_PASSED_BY = (
    "Its row passes everything, and the next run does not read it: it does not lie after the cursor that the table was "
    "loaded up to. This is how the source is now."
)


def _of_rejected(rejected: Rows) -> tuple[str, str]:
    waiting = [row for row in rejected if not row["replayed"]]
    if not waiting:
        by = rejected[0]["replayed_by"]
        return "replayed", "It was rejected, and a replay took it in later" + (f": {by}." if by else ".")
    first = waiting[0]
    where = f" at {first['locator']}" if first["locator"] else ""
    return "rejected", f"Its row{where} was rejected: {first['message']} ({first['reason']})"


def _of_source(source: Mapping[str, Any], *, expects_row: bool) -> tuple[str, str]:
    """What the source tells; `expects_row` says that a row which passes would have to be in the table."""
    if not source["read"]:
        return "unknown", source["note"] or "What is kept does not tell, and the source was not asked."
    outcomes = {record["outcome"] for record in source["records"]}
    then = _as_then(source["as_then"])
    if not outcomes:
        if not source["tells_all"]:
            return "unknown", f"No row that comes out of the mapping has this value. {then}"
        return "not_in_source", f"No row of the source is this record's. {then}"
    outcome = next(name for name in TRACED if name in outcomes)
    if outcome == "valid" and expects_row:
        return "unknown", f"{TRACED['valid']} now, and it did not come into the table then. {then}"
    return outcome, f"{TRACED[outcome]}{_reason(source, outcome)}. {then}"


def _reason(source: Mapping[str, Any], outcome: str) -> str:
    if outcome != "rejected":
        return ""
    fault = next(record for record in source["records"] if record["outcome"] == outcome)["reasons"][0]
    return f": {fault['message'].removesuffix('.')} ({fault['reason']})"


def _as_then(as_then: bool | None) -> str:
    if as_then is None:
        return "This is how the source is now."
    return (
        "The source is as it was then." if as_then else "This is how the source is now; it has changed since."
    )
