"""Runs while they run, and their ledgers when they are done."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from datalinx.cli.output import Output
from datalinx.cli.refusal import FAILED
from datalinx.cli.text import count, plain, seconds, shown

if TYPE_CHECKING:
    from rich.progress import Progress

    from datalinx.client.models import Run
    from datalinx.client.workspace import WorkspaceClient

# The ledger's columns; those in the second line only where a run has any.
COUNTS = ("read", "filtered", "deduplicated", "rejected", "inserted", "updated", "unchanged")
RARE = ("joined_in", "joined_out", "grouped", "deleted")


def follow_run(view: "WorkspaceClient", run_id: str, out: Output) -> int:
    """Show a run until it ends, then its ledger. Return the exit code: 0 for success, else 1."""
    try:
        with _bar(out, run_id) as update:
            run = view.runs.wait(run_id, on_progress=update, check=False)
    except KeyboardInterrupt:
        out.note(
            f"Run {run_id} goes on: `datalinx runs watch {run_id}` follows it, `datalinx runs cancel` ends it."
        )
        raise
    show_run(run, out)
    return 0 if run.status == "success" else FAILED


def show_run(run: "Run", out: Output) -> None:
    """Write a run: its state, the ledger of each table, why rows were rejected, and what went wrong."""
    if out.as_json:
        out.json(run)
        return
    out.line(f"Run {run.id}: {run.status}{_share(run)}{_took(run)}")
    steps: Sequence[Mapping[str, Any]] = run.get("steps") or []
    if steps:
        names = [*COUNTS, *(name for name in RARE if any(_counts(step).get(name) for step in steps))]
        headers = ["table", "status", *(name.replace("_", " ") for name in names), "time"]
        out.grid(headers, [_ledger_line(step, names) for step in steps])
    for step in steps:
        reasons = step.get("rejected_by_reason") or {}
        if reasons:
            listed = ", ".join(f"{reason} {count(number)}" for reason, number in reasons.items())
            out.line(f"{step.get('table')}: rejected {listed}")
        effect = (step.get("report") or {}).get("effect")
        if effect:
            told = ", ".join(
                f"{count(effect.get(name))} {name}" for name in ("new", "changed", "unchanged", "gone")
            )
            out.line(f"{step.get('table')}: would be {told}")
        _show_error(f"{step.get('table')}: ", step.get("error"), out)
        for delivery in step.get("deliveries") or []:
            _show_delivery(step, delivery, out)
    _show_error("", run.get("error"), out)


def _show_delivery(step: Mapping[str, Any], delivery: Mapping[str, Any], out: Output) -> None:
    where = f"{step.get('table')} to {delivery.get('destination')}: "
    if delivery.get("error"):
        _show_error(where, delivery["error"], out)
    elif delivery.get("outcome"):
        held = f"version {delivery.get('snapshot')}, {count(delivery.get('rows'))} rows"
        out.line(f"{where}{delivery['outcome']}, holds {held}")
    else:
        out.line(f"{where}{shown(delivery.get('status'))}")


def _show_error(where: str, error: Any, out: Output) -> None:
    if not error:
        return
    if isinstance(error, Mapping):
        code = error.get("code") or error.get("error_code")
        out.line(f"{where}{error.get('message') or ''}" + (f" [{code}]" if code else ""))
    else:
        out.line(f"{where}{shown(error)}")


def _counts(step: Mapping[str, Any]) -> Mapping[str, Any]:
    found = step.get("counts")
    return found if isinstance(found, Mapping) else {}


def _ledger_line(step: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    counts = _counts(step)
    return [
        shown(step.get("table")),
        shown(step.get("status")),
        *(count(counts.get(name)) for name in names),
        seconds(step.get("seconds")),
    ]


def _share(run: Mapping[str, Any]) -> str:
    progress = run.get("progress")
    finished = run.get("status") in {"success", "failed", "cancelled"}
    return "" if finished or not isinstance(progress, int | float) else f", {progress:.0%}"


def _took(run: Mapping[str, Any]) -> str:
    total = sum(step.get("seconds") or 0 for step in run.get("steps") or [])
    return f", {total:.1f} s in its tables" if total else ""


@contextmanager
def _bar(out: Output, run_id: str) -> Iterator[Any]:
    """Give a function that shows a run's state: a bar for a person, lines in a log, nothing with `--json`."""
    if out.as_json:
        yield None
    elif sys.stderr.isatty():
        with rich_bar() as bar:
            task = bar.add_task(run_id, total=1.0, rows="")
            yield lambda run: bar.update(task, completed=run.get("progress") or 0.0, rows=_doing(run))
    else:
        yield _Lines()


def rich_bar() -> "Progress":
    """Return a bar on stderr, with what is being done behind it."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[rows]}", markup=False),
    )
    return Progress(*columns, console=Console(stderr=True, highlight=False), transient=True)


class _Lines:
    """A line on stderr each time the status of a run changes."""

    def __init__(self) -> None:
        self._seen = ""

    def __call__(self, run: "Run") -> None:
        if run.status != self._seen:
            self._seen = run.status
            sys.stderr.write(plain(f"Run {run.id}: {run.status}") + "\n")


def _doing(run: Mapping[str, Any]) -> str:
    now = [
        plain(str(step.get("table"))) for step in run.get("steps") or [] if step.get("status") == "running"
    ]
    rows = (run.get("totals") or {}).get("read") or 0
    parts = (", ".join(now), f"{rows:,} rows" if rows else "", _waits(run), _left(run))
    return " · ".join(part for part in parts if part)


def _waits(run: Mapping[str, Any]) -> str:
    """Why a queued run has not begun."""
    return str((run.get("waiting") or {}).get("message", ""))


def _left(run: Mapping[str, Any]) -> str:
    """How much time a run has left, where earlier ones tell."""
    left = (run.get("estimate") or {}).get("seconds_left")
    if not isinstance(left, int | float):
        return ""
    words = f"{left:.0f} s" if left < 120 else f"{left / 60:.0f} min"
    return f"about {words} left" if run.get("status") == "running" else f"takes about {words}"
