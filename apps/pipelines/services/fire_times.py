"""When schedules fire: the next times, and those that passed."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

from datalinx.engine.spec.cron import fire_times
from datalinx.engine.spec.pipeline import Schedule

# A time that is found later than this was missed; the scheduler looks every three seconds.
GRACE = timedelta(seconds=60)
# So many missed times are made up for at most, the newest ones.
MOST_MADE_UP = 100
# Further than this missed times are not counted.
MOST_COUNTED = 10_000


@dataclass(frozen=True)
class Due:
    """What is to be started now of a schedule, oldest first, and what is left out of the times that passed."""

    start: tuple[datetime, ...] = ()
    missed_count: int = 0
    last_missed_at: datetime | None = None


def next_fire_time(schedule: Schedule | None, *, after: datetime) -> datetime | None:
    """Return when a schedule fires next, or None when it is off or never fires again."""
    return next(iter(next_fire_times(schedule, after=after, count=1)), None)


def next_fire_times(schedule: Schedule | None, *, after: datetime, count: int) -> list[datetime]:
    """Return the next moments, at most `count`, at which a schedule fires."""
    if schedule is None or not schedule.enabled:
        return []
    return list(islice(fire_times(schedule.cron, ZoneInfo(schedule.timezone), after=after), count))


def fire_times_until(schedule: Schedule, *, after: datetime, until: datetime) -> Iterator[datetime]:
    """Yield the moments later than `after` and not later than `until` at which a schedule fires."""
    moments = fire_times(schedule.cron, ZoneInfo(schedule.timezone), after=after)
    return takewhile(lambda moment: moment <= until, moments)


def find_due(schedule: Schedule, *, first: datetime, now: datetime) -> Due:
    """Return what is due of the times from `first` to `now`, as the schedule's `missed` has it."""
    begin = first - timedelta(seconds=1)
    newest = _newest(schedule, begin=begin, now=now)
    if schedule.missed == "skip":
        start = [moment for moment in newest if now - moment <= GRACE][-1:]
    else:
        start = newest[-MOST_MADE_UP:] if schedule.missed == "all" else newest[-1:]
    until = start[0] - timedelta(seconds=1) if start else now
    passed = fire_times_until(schedule, after=begin, until=until)
    missed = sum(1 for _ in islice(passed, MOST_COUNTED))
    last = next((moment for moment in reversed(newest) if moment <= until), None)
    return Due(tuple(start), missed, last if missed else None)


def _newest(schedule: Schedule, *, begin: datetime, now: datetime) -> list[datetime]:
    """Return at least the newest hundred times that passed, or all: looking back further until they are found."""
    window = timedelta(hours=1)
    while True:
        start = max(begin, now - window)
        found = list(fire_times_until(schedule, after=start, until=now))
        if len(found) > MOST_MADE_UP or start == begin:
            return found
        window *= 2
