"""Backfills in the console: started, watched as a strip of chunks, steered by buttons."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from apps.pipelines.models import Backfill
from datalinx.console.drawing.chunks import MOST_CELLS, draw_chunks
from tests.apps.pipelines.backfilling import RANGE, begin, do, lay_days, look, work
from tests.world import World

Visit = Callable[..., Client]


def _text(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def test_backfill__started_in_the_console__is_shown_as_a_strip(world: World, visit: Visit) -> None:
    pipeline, client = lay_days(world), visit(world.ed)
    page = f"/w/production/pipelines/{pipeline['id']}/backfills"
    assert "No backfills yet" in _text(client.get(page))
    answer = client.post(f"{page}/start", {**RANGE, "chunk": "2 days", "order": "oldest"})
    made = Backfill.objects.get()
    assert answer["Location"] == f"/w/production/backfills/{made.pk}"
    work({"id": made.pk}, chunks=2)
    shown = client.get(answer["Location"])
    assert "2 of 5 chunks done" in _text(shown)
    assert "Of 5 chunks, from the oldest: done 2, running 1, waiting 2." in shown.content.decode()
    assert shown.content.decode().count("chunk-success") == 2
    assert "2024-01-01 – 2024-01-11" in _text(client.get(page))
    assert "Present run" in _text(shown)


def test_backfill__that_is_refused__keeps_what_was_typed_with_the_reason(world: World, visit: Visit) -> None:
    pipeline, client = lay_days(world), visit(world.ed)
    path = f"/w/production/pipelines/{pipeline['id']}/backfills/start"
    answer = client.post(path, {"since": "yesterday", "until": "2024-01-11"})
    assert (answer.status_code, 'value="yesterday"' in answer.content.decode()) == (422, True)
    begin(world, pipeline)
    answer = client.post(path, RANGE)
    assert answer.status_code == 422
    assert "let it end, or cancel it" in _text(answer)


def test_buttons__of_a_backfill__are_those_that_can_be_pressed(world: World, visit: Visit) -> None:
    made, client = begin(world, lay_days(world), chunk="5 days"), visit(world.ed)
    path = f"/w/production/backfills/{made['id']}"

    def buttons() -> list[str]:
        return re.findall(r'name="do" value="(\w+)"', client.get(path).content.decode())

    assert buttons() == ["pause", "cancel"]
    client.post(f"{path}/act", {"do": "pause"})
    work(made)
    assert buttons() == ["resume", "cancel"]
    client.post(f"{path}/act", {"do": "cancel"})
    assert (look(world, made)["status"], buttons()) == ("cancelled", [])
    assert client.post(f"{path}/act", {"do": "explode"}).status_code == 302


def test_backfill__of_viewers_and_strangers__is_looked_at_or_is_not_there(world: World, visit: Visit) -> None:
    pipeline = lay_days(world)
    made = begin(world, pipeline)
    path, viewer = f"/w/production/backfills/{made['id']}", visit(world.vera)
    assert 'name="do"' not in viewer.get(path).content.decode()
    assert viewer.post(f"{path}/act", {"do": "cancel"}).status_code == 403
    listed = viewer.get(f"/w/production/pipelines/{pipeline['id']}/backfills")
    assert "Read a range anew" not in _text(listed)
    assert visit(world.eve).get(path).status_code == 404
    assert look(world, made)["status"] == "running"


def test_events__of_a_backfill__bring_its_strip_and_buttons(world: World, visit: Visit) -> None:
    made = begin(world, lay_days(world), chunk="5 days")
    work(made, chunks=1)
    do(world, made, "cancel")
    body = b"".join(visit(world.ed).get(f"/w/production/backfills/{made['id']}/events")).decode()
    assert "event: run\n" in body
    assert "chunk-cancelled" in body
    assert body.rstrip().endswith("event: end\ndata:")


@pytest.mark.parametrize(("chunks", "drawn"), [(10, 10), (MOST_CELLS, MOST_CELLS), (10_000, 2)])
def test_strip__of_any_length__stays_small_and_fills_the_width(chunks: int, drawn: int) -> None:
    half = chunks // 2
    stretches = [{"status": "success", "chunks": half}, {"status": "failed", "chunks": chunks - half}]
    strip = draw_chunks(stretches, names=["a <b>", "c"])
    widths = [float(width) for width in re.findall(r' width="([\d.]+)%"', strip)]
    assert len(widths) == drawn
    assert sum(widths) == pytest.approx(100, abs=1)
    assert "a &lt;b&gt;" in strip
