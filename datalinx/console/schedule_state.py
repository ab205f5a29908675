"""What the page of schedules shows: when each starts, the hours around now, and who starts after whom."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from datalinx.console.drawing.strips import STATES, Bar, Mark, Strip, draw_hours, draw_strip
from datalinx.console.run_state import TRIGGERS

HOURS = 12
# What becomes of a time that passed, and of a start that meets an active run.
MISSED = {"last": "runs the newest", "all": "runs all of them", "skip": "leaves them out"}
OVERLAP = {"queue": "waits for it", "skip": "is left out", "replace": "takes its place"}
_STEP = 3
# A run that is under way, or waits, is drawn up to now.
_OPEN = frozenset({"queued", "running"})


def schedule_state(
    schedules: Sequence[Mapping[str, Any]], links: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return what the changing part of the page shows; `links` lead to runs, by their ids."""
    if not schedules:
        return {"schedules": [], "live": False}
    timeline = schedules[0]["timeline"]
    hours = _Hours(timeline)
    states = dict.fromkeys(run["status"] for each in schedules for run in each["timeline"]["runs"])
    return {
        "schedules": [_row(each, hours, links or {}) for each in schedules],
        "now": timeline["now"],
        "axis": draw_hours(hours.labels, now=hours.place(timeline["now"])),
        "states": [(STATES[state][0], STATES[state][1]) for state in STATES if state in states],
        "live": bool(_OPEN & states.keys()),
        "cut": any(each["timeline"]["more_runs"] for each in schedules),
    }


class _Hours:
    """The hours that are drawn: where a moment lies, and the round hours between."""

    def __init__(self, timeline: Mapping[str, Any]) -> None:
        self.now = datetime.fromisoformat(timeline["now"])
        self.since, self.until = (datetime.fromisoformat(timeline[name]) for name in ("since", "until"))
        first = self.since.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        hours = [first + timedelta(hours=hour) for hour in range(2 * HOURS + 2)]
        round_ones = [each for each in hours if each.hour % _STEP == 0 and self.since <= each <= self.until]
        self.labels = [
            (self.place(each), f"{each:%H:%M}" if each.hour else f"{each:%-d %b}", _kind(each))
            for each in round_ones
        ]

    def place(self, moment: str | datetime) -> float:
        """Return where a moment lies, from 0 to 1."""
        at = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
        return (at - self.since) / (self.until - self.since)


def _kind(hour: datetime) -> str:
    return "between" if hour.hour % (2 * _STEP) else ""


def _row(schedule: Mapping[str, Any], hours: _Hours, links: Mapping[str, str]) -> dict[str, Any]:
    last = schedule["last_run"]
    return {
        **schedule,
        "strip": draw_strip(_strip(schedule, hours, links)),
        "missed_words": MISSED.get(schedule["missed"] or ""),
        "overlap_words": OVERLAP[schedule["concurrency"]],
        "stored": last and sum(last["totals"].get(name, 0) for name in ("inserted", "updated", "unchanged")),
    }


def _strip(schedule: Mapping[str, Any], hours: _Hours, links: Mapping[str, str]) -> Strip:
    timeline = schedule["timeline"]
    bars = tuple(_bar(run, hours, links.get(run["id"], "")) for run in timeline["runs"])
    marks = [Mark(hours.place(each), "coming", f"Starts at {_clock(each)}") for each in timeline["fires"]]
    for run in timeline["runs"]:
        if run["scheduled_for"]:
            words = f"Fired for {_clock(run['scheduled_for'])}"
            marks.append(Mark(hours.place(run["scheduled_for"]), "fired", words))
    for name, words in (("last_missed_at", "Missed"), ("last_skipped_at", "Left out")):
        if schedule[name]:
            marks.append(Mark(hours.place(schedule[name]), "missed", f"{words} at {_clock(schedule[name])}"))
    return Strip(
        bars=bars,
        marks=tuple(mark for mark in marks if 0 <= mark.place <= 1),
        now=hours.place(timeline["now"]),
        ticks=tuple(place for place, *_ in hours.labels),
        goes_on=timeline["more_fires"],
        description=_describe(schedule),
    )


def _bar(run: Mapping[str, Any], hours: _Hours, href: str) -> Bar:
    start = run["started_at"] or run["created_at"]
    end = run["finished_at"]
    word, why = STATES[run["status"]][1], TRIGGERS[run["trigger"]]
    words = f"{word}: {_clock(start)} to {_clock(end) if end else 'now'}, {why}"
    return Bar(hours.place(start), hours.place(end or hours.now), run["status"], words, href)


def _describe(schedule: Mapping[str, Any]) -> str:
    """Return the strip in words."""
    timeline = schedule["timeline"]
    counts = {state: sum(run["status"] == state for run in timeline["runs"]) for state in STATES}
    ran = ", ".join(f"{STATES[state][1].lower()} {count}" for state, count in counts.items() if count)
    fires = timeline["fires"]
    coming = (
        f"{'more than ' * timeline['more_fires']}{len(fires)} times, first at"
        if len(fires) > 1
        else "once, at"
    )
    coming = f"starts {coming} {_clock(fires[0])}" if fires else "starts by the clock not at all"
    return (
        f"{schedule['name']}: in the last {HOURS} hours {ran or 'no run'}; in the next {HOURS} it {coming}."
    )


def _clock(moment: str) -> str:
    return f"{datetime.fromisoformat(moment).astimezone(UTC):%H:%M} UTC"
