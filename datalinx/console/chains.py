"""Pipelines that start after others, as a drawing: who is waited for on the left, who starts then on the right."""

from collections.abc import Mapping, Sequence
from typing import Any

from datalinx.console.drawing.lineage import LineageBox, LineageLine, LineagePicture

# More pipelines than a person looks at are not drawn; it is told how many.
MOST_BOXES = 60
# Which end is waited for.
ENDS = {"success": "success", "failed": "failure", "finished": "end"}
# The look of a line, and what it says.
LEGEND = (("k-direct", "Has ended so since the last start"), ("k-lookup", "Is still waited for"))


def chain_picture(
    schedules: Sequence[Mapping[str, Any]], links: Mapping[str, str]
) -> tuple[LineagePicture, int]:
    """Return the picture of everything that starts after something, and how many pipelines are not drawn.

    `links` lead to pipelines, by their names.
    """
    known = {each["name"]: each for each in schedules}
    before = {name: tuple(each["after"]["pipelines"]) for name, each in known.items() if each["after"]}
    depths = _depths(before)
    shown = sorted(depths, key=lambda name: (depths[name], name))[:MOST_BOXES]
    boxes = {name: _box(name, known.get(name), links.get(name, "")) for name in shown}
    layers = tuple(
        tuple(boxes[name] for name in shown if depths[name] == depth)
        for depth in range(max((depths[name] for name in shown), default=-1) + 1)
    )
    lines = tuple(
        _line(upstream, known[name])
        for name in shown
        for upstream in before.get(name, ())
        if upstream in boxes
    )
    description = f"{len(shown)} pipelines that start after one another, from left to right."
    return LineagePicture(layers, lines, description), len(depths) - len(shown)


def _depths(before: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Return in which layer each pipeline stands: behind all that it starts after, and close before what follows it.

    The API lets nobody save a circle.
    """
    depths: dict[str, int] = {}

    def depth(name: str, path: frozenset[str]) -> int:
        if name not in depths:
            ahead = [depth(each, path | {name}) + 1 for each in before.get(name, ()) if each not in path]
            depths[name] = max(ahead, default=0)
        return depths[name]

    for name in before:
        depth(name, frozenset())
    # A line from far away would run behind the boxes between.
    for name in [name for name in depths if name not in before]:
        depths[name] = min(depths[follower] for follower, names in before.items() if name in names) - 1
    return depths


def _box(name: str, schedule: Mapping[str, Any] | None, href: str) -> LineageBox:
    when = "by hand"
    if schedule and schedule["after"]:
        many = len(schedule["after"]["pipelines"]) > 1
        when = f"after {'each' if many else 'its'} {ENDS[schedule['after']['on']]}"
    if schedule and schedule["cron_in_words"]:
        when = schedule["cron_in_words"] if schedule["enabled"] else "paused"
    return LineageBox(name, name, when, href=href)


def _line(upstream: str, schedule: Mapping[str, Any]) -> LineageLine:
    waits = upstream in schedule["waits_for"]
    outcome = {"success": "succeeded", "failed": "failed"}.get(schedule["after"]["on"], "ended")
    words = f"{schedule['name']} starts when {upstream} has {outcome}" + (
        ", which it waits for" if waits else ""
    )
    return LineageLine((upstream, ""), (schedule["name"], ""), "lookup" if waits else "direct", words)
