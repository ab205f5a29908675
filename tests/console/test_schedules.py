"""Schedules in the console: when each starts, the hours around now, who starts after whom, pause and resume."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from apps.pipelines.models import Pipeline, Run
from apps.pipelines.services.scheduling import start_due_runs
from apps.pipelines.services.triggering import start_triggered_runs
from datalinx.console.chains import MOST_BOXES, chain_picture
from datalinx.console.drawing.strips import Bar, Mark, Strip, draw_strip, merge_bars
from tests.apps.pipelines.ground import start
from tests.apps.pipelines.time import DatabaseClock, change, end, make
from tests.console.test_pages import Outline
from tests.journey import lay_out
from tests.resources import assert_success
from tests.world import World

Visit = Callable[..., Client]
PAGE = "/w/production/schedules"
NIGHT = {"cron": "0 2 * * *", "timezone": "Europe/London", "missed": "skip"}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> DatabaseClock:
    return DatabaseClock(monkeypatch, datetime(2026, 1, 10, 1, 59, tzinfo=UTC))


@pytest.fixture
def nightly(world: World, clock: DatabaseClock) -> dict[str, Any]:
    """A pipeline that starts at night, and one that starts after it."""
    pipeline = lay_out(world)
    change(world, pipeline, schedule=NIGHT)
    make(world, "later", after={"pipelines": ["nightly"], "on": "success"}, concurrency="replace")
    return pipeline


def text(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def test_schedules__of_an_editor__tell_when_what_and_after_whom(
    world: World, visit: Visit, nightly: dict[str, Any]
) -> None:
    answer = visit(world.ed).get(PAGE)
    page, said = answer.content.decode(), text(answer)
    assert Outline(page).check() == []
    assert "At 02:00 every day 0 2 * * * Europe/London" in said
    assert "After success of nightly" in said
    assert "10 Jan 2026, 02:00 UTC" in said
    assert "Missed times: leaves them out While one runs: waits for it" in said
    assert "While one runs: takes its place" in said
    assert "waits for nightly" in said
    assert "nightly: in the last 12 hours no run; in the next 12 it starts once, at 02:00 UTC." in page
    assert page.count('class="mark coming"') == 2
    assert "later starts when nightly has succeeded, which it waits for" in page
    assert 'aria-current="page">Schedules' in page
    assert 'http-equiv="refresh"' not in page


def test_schedules__after_a_fire__show_the_run_and_what_it_gave(
    world: World, visit: Visit, nightly: dict[str, Any], clock: DatabaseClock
) -> None:
    clock.move_to(datetime(2026, 1, 10, 2, 0, 1, tzinfo=UTC))
    assert start_due_runs() == 1
    run = Run.objects.get()
    Run.objects.update(created_at=clock.moment)
    client = visit(world.vera)
    page = client.get(PAGE).content.decode()
    assert f'href="/w/production/runs/{run.pk}" tabindex="-1"' in page
    assert "Fired for 02:00 UTC" in page
    assert "run-queued" in page
    # Something is under way: without scripts the page comes back by itself.
    assert '<noscript><meta http-equiv="refresh"' in page
    end(run, "failed")
    Run.objects.update(
        started_at=clock.moment, finished_at=clock.moment, error={"code": "X", "message": "It <b>broke</b>."}
    )
    failed = client.get(PAGE)
    assert "It &lt;b&gt;broke&lt;/b&gt;." in failed.content.decode()
    assert "run-failed" in failed.content.decode()
    assert "in the last 12 hours failed 1" in failed.content.decode()


def test_schedules__of_missed_and_left_out_times__count_them(
    world: World, visit: Visit, nightly: dict[str, Any], clock: DatabaseClock
) -> None:
    last = clock.moment - timedelta(hours=3)
    Pipeline.objects.filter(name="nightly").update(missed_count=1200, last_missed_at=last)
    Pipeline.objects.filter(name="later").update(skipped_count=3, last_skipped_at=last)
    answer = visit(world.vera).get(PAGE)
    assert "1,200 missed, the last" in text(answer)
    assert "3 left out, the last" in text(answer)
    assert "Missed at 22:59 UTC" in answer.content.decode()
    assert "Left out at 22:59 UTC" in answer.content.decode()


def test_buttons__of_a_schedule__pause_and_resume_it(
    world: World, visit: Visit, nightly: dict[str, Any]
) -> None:
    client = visit(world.ed)
    path = f"{PAGE}/{nightly['id']}/act"

    def buttons() -> list[str]:
        return re.findall(r'name="do" value="(\w+)"', client.get(PAGE).content.decode())

    # What starts after others alone has nothing to pause.
    assert buttons() == ["pause"]
    said = client.post(path, {"do": "pause"}, follow=True)
    assert "The schedule of nightly is paused." in text(said)
    assert "not before it is resumed" in text(said)
    assert buttons() == ["resume"]
    assert Pipeline.objects.get(name="nightly").next_run_at is None
    assert client.post(path, {"do": "explode"}).status_code == 302
    assert buttons() == ["resume"]
    client.post(path, {"do": "resume"})
    assert Pipeline.objects.get(name="nightly").next_run_at == datetime(2026, 1, 10, 2, tzinfo=UTC)
    later = Pipeline.objects.get(name="later")
    refused = client.post(f"{PAGE}/{later.pk}/act", {"do": "pause"}, follow=True)
    assert "This pipeline has no schedule" in text(refused)
    assert client.get(path).status_code == 405


def test_schedules__of_others__are_looked_at_or_are_not_there(
    world: World, visit: Visit, nightly: dict[str, Any]
) -> None:
    path = f"{PAGE}/{nightly['id']}/act"
    viewer = visit(world.vera)
    assert 'name="do"' not in viewer.get(PAGE).content.decode()
    assert viewer.post(path, {"do": "pause"}).status_code == 403
    assert visit(world.max).get(PAGE).status_code == 403
    assert visit(world.max).post(path, {"do": "pause"}).status_code == 403
    # Another organization has a workspace of the same name, in which nothing starts by itself.
    eve = visit(world.eve)
    assert "Nothing starts by itself yet" in text(eve.get(PAGE))
    assert eve.post(path, {"do": "pause"}).status_code == 404
    assert Client().get(PAGE)["Location"].startswith("/login")
    assert Client().post(path, {"do": "pause"})["Location"].startswith("/login")
    assert assert_success(world.vera.client().get("/api/schedules"))[1]["enabled"] is True


def test_schedules__of_an_empty_workspace__say_what_to_do(world: World, visit: Visit) -> None:
    said = text(visit(world.ed).get(PAGE))
    assert "Give a pipeline a schedule , or let it start after others." in said
    assert "Whoever may edit production" in text(visit(world.vera).get(PAGE))


def test_schedules__more_than_a_page__are_paged_with_the_whole_chain(
    world: World, visit: Visit, nightly: dict[str, Any]
) -> None:
    for number in range(30):
        make(world, f"a{number:02}", schedule=NIGHT)
    client = visit(world.ed)
    first = client.get(PAGE).content.decode()
    assert "1–25 of 32" in text(client.get(PAGE))
    assert "later starts when nightly" in first
    second = client.get(f"{PAGE}?page=2").content.decode()
    action = f"{PAGE}/{nightly['id']}/act?page=2"
    assert f'action="{action}"' in second
    assert client.post(action, {"do": "pause"})["Location"] == f"{PAGE}?page=2"


def test_run__that_something_started__leads_back_to_it(
    world: World, visit: Visit, nightly: dict[str, Any], clock: DatabaseClock
) -> None:
    client = visit(world.vera)
    clock.move_to(datetime(2026, 1, 10, 2, 0, 1, tzinfo=UTC))
    start_due_runs()
    fired = Run.objects.get()
    page = client.get(f"/w/production/runs/{fired.pk}")
    assert "for the time 10 Jan 2026, 02:00 UTC of its schedule" in text(page)
    assert f'href="{PAGE}"' in page.content.decode()
    end(fired)
    start_triggered_runs()
    follower = Run.objects.get(trigger="after")
    page = client.get(f"/w/production/runs/{follower.pk}")
    assert "started after the run of nightly" in text(page)
    assert f'href="/w/production/runs/{fired.pk}"' in page.content.decode()
    again = start(world, nightly)
    end(again, "failed")
    retried = assert_success(world.ed.client().post(f"/api/runs/{again}/retry"), 201)
    page = client.get(f"/w/production/runs/{retried['id']}")
    assert "runs again what this run did not finish" in text(page)
    assert f'href="/w/production/runs/{again}"' in page.content.decode()


def schedule(name: str, *upstreams: str, on: str = "success", waits: tuple[str, ...] = ()) -> dict[str, Any]:
    after = {"pipelines": list(upstreams), "on": on} if upstreams else None
    return {"name": name, "after": after, "waits_for": list(waits), "cron_in_words": None, "enabled": True}


def test_chain__of_pipelines__stands_in_the_order_of_its_starts() -> None:
    found = [
        schedule("report", "clean", "import", on="finished", waits=("clean",)),
        schedule("clean", "import"),
        schedule("alone"),
    ]
    picture, left_off = chain_picture(found, {"report": "/p/1"})
    assert [[box.title for box in layer] for layer in picture.layers] == [["import"], ["clean"], ["report"]]
    assert [(line.start[0], line.end[0], line.kind) for line in picture.lines] == [
        ("import", "clean", "direct"),
        ("clean", "report", "lookup"),
        ("import", "report", "direct"),
    ]
    assert (picture.layers[0][0].subtitle, picture.layers[2][0].subtitle) == (
        "by hand",
        "after each end",
    )
    assert left_off == 0
    many = [schedule(f"p{number}", "import") for number in range(100)]
    picture, left_off = chain_picture(many, {})
    assert (sum(map(len, picture.layers)), left_off) == (MOST_BOXES, 101 - MOST_BOXES)
    assert chain_picture([], {})[0].layers == ()


def test_strip__of_many_runs_and_times__stays_small_and_hides_no_failure() -> None:
    bars = [Bar(number / 1000, number / 1000 + 0.0005, "success", f"run {number}") for number in range(500)]
    bars.append(Bar(0.2501, 0.2502, "failed", "<b>"))
    merged = merge_bars(bars)
    assert [bar.status for bar in merged] == ["success", "failed", "success"]
    assert (merged[0].start, merged[-1].end) == (0, 0.4995)
    assert "the last one run 499" in merged[-1].words
    marks = tuple(Mark(0.5 + number / 1000, "coming", "x") for number in range(200))
    drawn = draw_strip(Strip(tuple(bars), (*marks, Mark(0.1, "missed", "m")), goes_on=True, description="d"))
    assert drawn.count("<circle") < 20
    assert 'class="closely" x1="50%" x2="100%"' in drawn
    assert "<b>" not in drawn
    assert drawn.count("×") == 1


def test_bar__beyond_the_hours__is_cut_at_their_ends() -> None:
    drawn = draw_strip(Strip((Bar(-0.5, 0.1, "running", "a"), Bar(0.9999, 2.0, "queued", "b"))))
    assert re.findall(r'<rect[^>]* x="([\d.]+)%" width="([\d.]+)%"', drawn) == [("0", "10"), ("99.5", "0.5")]
