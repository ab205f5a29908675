"""Cron lines: what may be written, and the moments at which one fires in a time zone.

The rules are those of Debian's cron(8). A line whose minute or hour begins with a star fires by the clock on the wall
as often as that shows the time: not at a time that is left out in spring, twice at one that is repeated in autumn. Any
other line fires once a day for each of its times: a time that is left out fires at the first minute that exists again,
a repeated one the first time alone.
"""

import heapq
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

# A line is only read here; any moment serves.
_A_MOMENT = datetime(2024, 1, 1)  # noqa: DTZ001  # the clock on the wall, which has no zone
# What the library's words get wrong: 21th, 22th, 43th.
_WRONG_ORDINAL = re.compile(r"\b([2-9])([123])th\b")
_ORDINALS = {"1": "st", "2": "nd", "3": "rd"}
_STEP = re.compile(r"/([0-9]+)$")
# What the parts of a line count, and how many there are.
_PARTS = (("minutes", 60), ("hours", 24), ("days", 31), ("months", 12), ("weekdays", 7))
# No zone has ever moved its clock by more than a day.
_LONGEST_JUMP = timedelta(days=1)
# Nor moved it back sooner than this.
_BETWEEN_LOOKS = _LONGEST_JUMP / 12


class CronFault(ValueError):
    """A line that cannot be a schedule; `code` is `invalid_cron` or `never_fires`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def check_cron(line: str) -> None:
    """Raise CronFault for a line that does not parse, and for one that names a day that no year has."""
    parts = line.split()
    if len(parts) == 6:
        message = "A cron line has no seconds: write minute, hour, day of month, month, day of week."
        raise CronFault("invalid_cron", message)
    if len(parts) != 5:
        message = "A cron line has five parts: minute, hour, day of month, month, day of week."
        raise CronFault("invalid_cron", message)
    _check_steps(parts)
    try:
        found = next(CronSim(line, _A_MOMENT), None)
    except CronSimError as error:
        # The library refuses 30 February as a bad day; with any month the same day is a good one.
        if not _parses(" ".join([*parts[:3], "*", parts[4]])) or not _parses(
            " ".join([*parts[:2], "*", *parts[3:]])
        ):
            message = f"The cron line does not parse: {error}. An example is `0 2 * * *`, every day at two."
            raise CronFault("invalid_cron", message) from error
        found = None
    if found is None:
        message = f"`{line}` never fires: no month that it names has such a day."
        raise CronFault("never_fires", message)


def _check_steps(parts: list[str]) -> None:
    """Raise CronFault for a step that is never taken: `*/90` of the minutes is no hour and a half, but every hour."""
    for (names, most), part in zip(_PARTS, parts, strict=True):
        for entry in part.split(","):
            step = _STEP.search(entry)
            if step and int(step[1]) > most:
                message = (
                    f"`{entry}` is a step of {step[1]} {names}, of which there are only {most}: it would take the "
                    f"first alone. Give at most {most}."
                )
                raise CronFault("invalid_cron", message)


def describe_cron(line: str) -> str:
    """Return a line that check_cron takes as words: `0 2 * * *` is `At 02:00 every day`."""
    said = CronSim(line, _A_MOMENT)
    words = said.explain()
    words = _WRONG_ORDINAL.sub(lambda found: f"{found[1]}{found[2]}{_ORDINALS[found[2]]}", words)
    words = words.replace("day of month", "day of the month")
    # With both kinds of day either of them is enough (crontab(5)).
    return words if said.day_and else words.replace(" and on ", " or on ")


def _parses(line: str) -> bool:
    try:
        CronSim(line, _A_MOMENT)
    except CronSimError:
        return False
    return True


def fire_times(line: str, zone: ZoneInfo, *, after: datetime) -> Iterator[datetime]:
    """Yield the moments later than `after`, in UTC and in order, at which a line fires by the zone's clock.

    The library counts on the wall's clock alone and the zone is laid over it here: on its own it loses times where a
    clock moves by half an hour, and can answer with a moment that has passed.
    """
    parts = line.split()
    by_the_wall = parts[0].startswith("*") or parts[1].startswith("*")
    begin = _begin(zone, after)
    waiting: list[datetime] = []
    last = after.astimezone(UTC)
    for wall in chain(CronSim(line, begin), [None]):
        first = None if wall is None else wall.replace(tzinfo=zone).astimezone(UTC)
        # Whatever comes later on the wall's clock comes later in truth too, except for a repeated hour.
        while waiting and (first is None or waiting[0] < first):
            moment = heapq.heappop(waiting)
            if moment > last:
                last = moment
                yield moment
        if wall is not None:
            for moment in _moments(wall, zone, by_the_wall=by_the_wall):
                heapq.heappush(waiting, moment)


def _begin(zone: ZoneInfo, after: datetime) -> datetime:
    """Return from where on the wall's clock to look for what fires later than a moment.

    A day earlier if the clock moves within a day of the moment, for then it can show a time again or have left one out.
    Otherwise just before: a line of every minute would be counted through that day each time somebody asks.
    """
    wall = after.astimezone(zone).replace(tzinfo=None)
    nearby = (after + step * _BETWEEN_LOOKS for step in range(-12, 13))
    moves = len({moment.astimezone(zone).utcoffset() for moment in nearby}) > 1
    return wall - (_LONGEST_JUMP if moves else timedelta(minutes=1))


def _moments(wall: datetime, zone: ZoneInfo, *, by_the_wall: bool) -> list[datetime]:
    """Return when the clock on the wall shows a time: once, twice, or never."""
    first, second = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first == second:
        return [first]
    if first < second:
        return [first, second] if by_the_wall else [first]
    # The time is left out. Read by the clock of before it lies after the jump, by that of afterwards before it.
    return [] if by_the_wall else [_jump(zone, second, first)]


def _jump(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """Return the moment between two at which the zone's clock moves."""
    old = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = (before + (after - before) / 2).replace(microsecond=0)
        if middle <= before:
            break
        if middle.astimezone(zone).utcoffset() == old:
            before = middle
        else:
            after = middle
    return after
