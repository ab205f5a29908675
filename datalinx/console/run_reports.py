"""What is told of a run once it ended: tests of columns, what a test would change, and how a verification went."""

from collections.abc import Iterable, Mapping
from typing import Any

# Runs that are looked through for the one that a table was published by before.
LOOKED_THROUGH = 50
_VERDICTS = {
    "verified": ("success", "equal"),
    "different": ("failed", "differs"),
    "not_possible": ("unknown", "cannot be told"),
}
_COMPARED = ("inputs", "counts", "rejected_by_reason", "output_hash")

Run = Mapping[str, Any]


def may_replay(run: Run) -> bool:
    """Return whether a run is of the kind whose rejected rows can be replayed. The API has the last word."""
    return _publishes(run) and run["finished_at"] is not None and run["totals"]["rejected"] > 0


def may_verify(run: Run) -> bool:
    """Return whether a run is of the kind that can be verified. The API has the last word."""
    return _publishes(run) and run["status"] == "success"


def _publishes(run: Run) -> bool:
    loads = run["trigger"] not in {"replay", "verify"}
    return loads and not run["request"].get("test_mode")


def list_tests(run: Run) -> list[dict[str, Any]]:
    """Return the results of the tests of columns, those that failed first."""
    found = [{"table": step["table"], **test} for step in run["steps"] for test in step["tests"]]
    return sorted(found, key=lambda test: test["passed"])


def list_trials(run: Run, earlier: Iterable[Run]) -> list[dict[str, Any]]:
    """Return what a run in test mode found of each table. `earlier` are the runs before it, newest first."""
    if not run["request"].get("test_mode"):
        return []
    known = [each for each in earlier if _publishes(each)]
    return [_trial(step, known) for step in run["steps"] if step["report"]]


def _trial(step: Mapping[str, Any], earlier: Iterable[Run]) -> dict[str, Any]:
    report, changed = step["report"], (step["report"]["effect"] or {}).get("values_changed", {})
    before, then = _last_published(step["table"], earlier)
    return {
        "table": step["table"],
        **report,
        "columns": [
            {**column, "changed": changed.get(column["name"], 0) if report["effect"] else None}
            for column in report["columns"]
        ],
        "before": before,
        "rejects": _rejects(step["rejected_by_reason"], then if before else None),
    }


def _last_published(table: str, runs: Iterable[Run]) -> tuple[Run | None, Mapping[str, int]]:
    for run in runs:
        for step in run["steps"]:
            if step["table"] == table and step["status"] == "success":
                return run, step["rejected_by_reason"]
    return None, {}


def _rejects(now: Mapping[str, int], then: Mapping[str, int] | None) -> list[dict[str, Any]]:
    return [
        {
            "reason": reason,
            "now": now.get(reason, 0),
            "then": then.get(reason, 0) if then is not None else None,
            "gained": max(0, now.get(reason, 0) - then.get(reason, 0)) if then is not None else None,
            "lost": max(0, then.get(reason, 0) - now.get(reason, 0)) if then is not None else None,
        }
        for reason in sorted({*now, *(then or {})})
    ]


def list_verdicts(run: Run) -> list[dict[str, Any]]:
    """Return how the tables of a verification compare with those of the run that it repeats."""
    if not run["verify_of"]:
        return []
    return [_verdict(step) for step in run["steps"] if step["report"]]


def _verdict(step: Mapping[str, Any]) -> dict[str, Any]:
    report = step["report"]
    state, title = _VERDICTS[report["verdict"]]
    rows = [row for name in _COMPARED if name in report for row in _compared(name, report[name])]
    return {
        "table": step["table"],
        "state": state,
        "title": title,
        "reasons": report["reasons"],
        "rows": sorted(rows, key=lambda row: row["equal"]),
    }


def _compared(name: str, found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the lines of one comparison: of counts one for each that is not zero on both sides."""
    if name == "inputs":
        return [{"what": f"input {alias}", **each} for alias, each in found.items()]
    if name == "output_hash":
        return [{"what": "the rows, as a hash", **found}]
    expected, again = found["expected"], found["found"]
    title = "{}" if name == "counts" else "rejected: {}"
    return [
        {
            "what": title.format(key.replace("_", " ")),
            "expected": expected.get(key, 0),
            "found": again.get(key, 0),
            "equal": expected.get(key, 0) == again.get(key, 0),
        }
        for key in dict.fromkeys((*expected, *again))
        if expected.get(key) or again.get(key)
    ]


def rehearsed_reasons(rehearsal: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return why rows of a rehearsal would still be rejected, the most frequent reason first."""
    found = [
        {"table": each["table"], "reason": reason, "count": count}
        for each in rehearsal["tables"]
        for reason, count in each["rejected_by_reason"].items()
        if count
    ]
    return sorted(found, key=lambda each: (-each["count"], each["table"], each["reason"]))
