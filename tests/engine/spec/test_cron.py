"""When cron lines fire across changes of clocks, against a minute by minute look at the clock on the wall."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim

from datalinx.engine.spec.cron import CronFault, check_cron, describe_cron, fire_times

CHANGES = {
    "Europe/London": (datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 10, 25, 1, tzinfo=UTC)),
    "America/New_York": (datetime(2026, 3, 8, 7, tzinfo=UTC), datetime(2026, 11, 1, 6, tzinfo=UTC)),
    "Australia/Lord_Howe": (datetime(2026, 10, 3, 15, 30, tzinfo=UTC), datetime(2026, 4, 4, 15, tzinfo=UTC)),
}
BOTH = [(zone, change) for zone, changes in CHANGES.items() for change in changes]


def fired(line: str, zone: str, since: datetime, until: datetime) -> list[datetime]:
    return list(takewhile(lambda moment: moment <= until, fire_times(line, ZoneInfo(zone), after=since)))


def shown(line: str, zone: str, since: datetime, until: datetime) -> Iterator[datetime]:
    moment = since
    while (moment := moment + timedelta(minutes=1)) <= until:
        wall = moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        if next(CronSim(line, wall - timedelta(seconds=1))) == wall:
            yield moment


@pytest.mark.parametrize(("zone", "change"), BOTH)
@pytest.mark.parametrize("line", ["0 * * * *", "30 * * * *", "*/15 * * * *", "*/15 2 * * *", "*/15 3 * * *"])
def test_fire_times__of_a_line_with_a_star__are_every_time_that_the_clock_shows(
    zone: str, change: datetime, line: str
) -> None:
    since, until = change - timedelta(hours=12), change + timedelta(hours=12)
    assert fired(line, zone, since, until) == list(shown(line, zone, since, until))


@pytest.mark.parametrize(
    ("zone", "line", "left_out", "repeated"),
    [
        # The first minute that exists again; the first of the two passes.
        ("Europe/London", "30 1 * * *", "2026-03-29T01:00", "2026-10-25T00:30"),
        ("America/New_York", "30 2 * * *", "2026-03-08T07:00", "2026-11-01T07:30"),
        ("America/New_York", "30 1 * * *", "2026-03-08T06:30", "2026-11-01T05:30"),
        ("Australia/Lord_Howe", "15 2 * * *", "2026-10-03T15:30", "2026-04-04T15:45"),
        ("Australia/Lord_Howe", "45 1 * * *", "2026-10-03T15:15", "2026-04-04T14:45"),
    ],
)
def test_fire_times__of_a_daily_line__are_one_a_day(
    zone: str, line: str, left_out: str, repeated: str
) -> None:
    for change, expected in zip(CHANGES[zone], (left_out, repeated), strict=True):
        begin = change - timedelta(hours=12)
        [moment] = fired(line, zone, begin, begin + timedelta(hours=23))
        assert moment == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@pytest.mark.parametrize(("zone", "change"), BOTH)
@pytest.mark.parametrize("line", ["45 1 * * *", "*/15 * * * *", "0,30 1,2 * * *"])
def test_fire_times__looked_at_from_any_minute__lie_ahead_and_agree(
    zone: str, change: datetime, line: str
) -> None:
    since, until = change - timedelta(hours=3), change + timedelta(hours=3)
    whole = fired(line, zone, since, until)
    assert whole == sorted(set(whole))
    moment = since
    while moment < until:
        assert fired(line, zone, moment, until) == [each for each in whole if each > moment]
        moment += timedelta(minutes=7)


@pytest.mark.parametrize(
    ("zone", "change"), [*BOTH, ("Pacific/Apia", datetime(2011, 12, 30, 10, tzinfo=UTC))]
)
@pytest.mark.parametrize("line", ["45 1 * * *", "*/20 * * * *", "0,30 0,1,2 * * *"])
def test_fire_times__looked_at_from_days_around_a_change__agree(
    zone: str, change: datetime, line: str
) -> None:
    since, until = change - timedelta(hours=30), change + timedelta(hours=30)
    whole = fired(line, zone, since - timedelta(days=3), until)
    for minutes in range(0, 60 * 60, 57):
        moment = since + timedelta(minutes=minutes)
        assert fired(line, zone, moment, until) == [each for each in whole if each > moment]


def test_fire_times__of_every_minute__do_not_count_through_a_day() -> None:
    begun = CronSim.__next__
    looks = 0

    def count(self: CronSim) -> datetime:
        nonlocal looks
        looks += 1
        return begun(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CronSim, "__next__", count)
        next(fire_times("* * * * *", ZoneInfo("Europe/London"), after=datetime(2026, 7, 1, tzinfo=UTC)))
    assert looks < 5


def test_fire_times__of_a_leap_day__are_four_years_apart() -> None:
    found = islice(fire_times("0 0 29 2 *", ZoneInfo("UTC"), after=datetime(2026, 1, 1, tzinfo=UTC)), 2)
    assert [moment.year for moment in found] == [2028, 2032]


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("0 0 30 2 *", "never_fires", "never fires"),
        ("0 0 31 2,4,6 *", "never_fires", "never fires"),
        ("0 0 32 * *", "invalid_cron", "Bad day-of-month"),
        ("0 0 1 13 *", "invalid_cron", "Bad month"),
        ("0 25 * * *", "invalid_cron", "Bad hour"),
        ("0 0 2 * * *", "invalid_cron", "no seconds"),
        ("0 2", "invalid_cron", "five parts"),
        ("*/90 * * * *", "invalid_cron", "a step of 90 minutes, of which there are only 60"),
        ("0 0,1-23/25 * * *", "invalid_cron", "a step of 25 hours, of which there are only 24"),
        ("0 0 * * */8", "invalid_cron", "a step of 8 weekdays"),
    ],
)
def test_check__of_a_line_that_is_no_schedule__says_why(line: str, code: str, words: str) -> None:
    with pytest.raises(CronFault, match=words) as caught:
        check_cron(line)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "line", ["* * * * *", "0 0 29 2 *", "0 0 * 2 MON#5", "0 0 L * *", "0 9 * * MON-FRI", "*/60 * * * *"]
)
def test_check__of_a_line_that_fires_however_rarely__is_silent(line: str) -> None:
    check_cron(line)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("0 2 * * *", "At 02:00 every day"),
        ("*/15 9-17 * * mon-fri", "Every 15th minute from 09:00 through 17:59 on Monday through Friday"),
        ("0 9 21,22,31 * *", "At 09:00 on the 21st, the 22nd, and the 31st day of the month"),
        ("*/43 * * * *", "Every 43rd minute of every hour"),
        ("0 9 13 * 5", "At 09:00 on the 13th day of the month or on Friday"),
        ("0 9 */2 * 5", "At 09:00 on every second day of the month if it's on Friday"),
        ("0 0 L * *", "At 00:00 on the last day of every month"),
    ],
)
def test_describe__of_a_line__is_what_a_person_would_say(line: str, words: str) -> None:
    assert describe_cron(line) == words
