"""The numbers for Prometheus: what they say of runs, schedules and deliveries, and who uses which."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from apps.pipelines.models import Pipeline, Run
from apps.workspaces.models import Delivery, Event, Webhook
from tests.world import World

DOCS = Path(__file__).parents[3] / "docs"
ALERTS: dict[str, Any] = yaml.safe_load((DOCS / "monitoring/alerts.yml").read_text())
DASHBOARD: dict[str, Any] = json.loads((DOCS / "monitoring/dashboard.json").read_text())
RULES = [rule for group in ALERTS["groups"] for rule in group["rules"]]


def numbers() -> dict[str, float]:
    """Return what /metrics says, `name{label}` for each sample; of a label its value alone."""
    found = {}
    for family in text_string_to_metric_families(Client().get("/metrics").text):
        for sample in family.samples:
            label = ",".join(sample.labels.values())
            found[f"{sample.name}{{{label}}}" if label else sample.name] = sample.value
    return found


def run(world: World, **values: Any) -> Run:
    return Run.objects.create(workspace=world.workspace, **values)


def deliveries(world: World, **values: Any) -> Delivery:
    webhook, _ = Webhook.objects.get_or_create(
        workspace=world.workspace, defaults={"url": "https://example.com", "events": [], "sealed_secret": ""}
    )
    sequence = Event.objects.count() + 1
    event = Event.objects.create(workspace=world.workspace, type="x", sequence=sequence, body="{}")
    return Delivery.objects.create(webhook=webhook, event=event, **values)


def test_runs__by_state__are_counted_and_the_oldest_is_told(world: World) -> None:
    now = timezone.now()
    first = run(world)
    Run.objects.filter(pk=first.pk).update(created_at=now - timedelta(seconds=500))
    # One that pauses before it is tried again waits for nobody.
    paused = run(world, not_before=now + timedelta(hours=1))
    Run.objects.filter(pk=paused.pk).update(created_at=now - timedelta(seconds=9_000))
    run(world, status="running", heartbeat_at=now - timedelta(seconds=33), started_at=now)
    for minutes, status in ((5, "failed"), (50, "failed"), (70, "failed"), (1, "success")):
        run(world, status=status, finished_at=now - timedelta(minutes=minutes))
    found = numbers()
    assert (found["datalinx_runs{queued}"], found["datalinx_runs{running}"]) == (2, 1)
    assert found["datalinx_runs_ended_last_hour{failed}"] == 2
    assert found["datalinx_runs_ended_last_hour{success}"] == 1
    assert found["datalinx_runs_ended_last_hour{cancelled}"] == 0
    assert 500 <= found["datalinx_run_queue_age_seconds"] < 600
    assert 33 <= found["datalinx_run_heartbeat_age_seconds"] < 93


def test_heartbeat_age__of_a_run_that_never_beat__is_that_of_its_claim(world: World) -> None:
    run(world, status="running", started_at=timezone.now() - timedelta(seconds=120))
    assert 120 <= numbers()["datalinx_run_heartbeat_age_seconds"] < 180


def test_histograms__of_the_last_hour__count_runs_by_how_long_they_took_and_waited(world: World) -> None:
    now = timezone.now()
    for took, waited, status in ((3, 0.5, "success"), (70, 20, "success"), (9_000, 4_000, "failed")):
        ended = now - timedelta(minutes=2)
        began = ended - timedelta(seconds=took)
        made = run(world, status=status, started_at=began, finished_at=ended)
        Run.objects.filter(pk=made.pk).update(created_at=began - timedelta(seconds=waited))
    # One that was taken up again waited for other reasons; one that ended long ago or never began is not of the hour.
    late = run(world, status="running", started_at=now, attempt=2)
    Run.objects.filter(pk=late.pk).update(created_at=now - timedelta(seconds=600))
    run(world, status="cancelled", finished_at=now)
    run(world, status="success", started_at=now - timedelta(hours=3), finished_at=now - timedelta(hours=2))
    going = run(world, status="running", started_at=now - timedelta(minutes=1))
    Run.objects.filter(pk=going.pk).update(created_at=now - timedelta(minutes=3))
    found = numbers()
    took = {
        edge: found[f"datalinx_run_seconds_last_hour_bucket{{{edge},success}}"]
        for edge in ("1", "5", "60", "300", "+Inf")
    }
    assert took == {"1": 0, "5": 1, "60": 1, "300": 2, "+Inf": 2}
    assert found["datalinx_run_seconds_last_hour_gsum{success}"] == pytest.approx(73)
    assert found["datalinx_run_seconds_last_hour_gcount{failed}"] == 1
    assert found["datalinx_run_seconds_last_hour_bucket{3600,failed}"] == 0
    assert found["datalinx_run_seconds_last_hour_bucket{14400,failed}"] == 1
    assert found["datalinx_run_seconds_last_hour_gcount{cancelled}"] == 0
    waited = {
        edge: found[f"datalinx_run_wait_seconds_last_hour_bucket{{{edge}}}"]
        for edge in ("1", "15", "60", "300", "+Inf")
    }
    assert waited == {"1": 1, "15": 1, "60": 2, "300": 3, "+Inf": 3}
    assert found["datalinx_run_wait_seconds_last_hour_gsum"] == pytest.approx(140.5)


def test_ages__of_nothing__are_zero(world: World) -> None:
    found = numbers()
    ages = {name: value for name, value in found.items() if name.endswith("_seconds") and "http" not in name}
    assert len(ages) == 5
    assert set(ages.values()) == {0}


def test_schedule_lag__of_the_most_overdue__is_told(world: World) -> None:
    for name, seconds in (("late", 300), ("later", 700), ("early", -700)):
        Pipeline.objects.create(
            workspace=world.workspace,
            name=name,
            document={},
            next_run_at=timezone.now() - timedelta(seconds=seconds),
        )
    assert 700 <= numbers()["datalinx_schedule_lag_seconds"] < 760


def test_deliveries__on_their_way__are_counted_with_how_late_they_are(world: World) -> None:
    now = timezone.now()
    deliveries(world, due_at=now - timedelta(seconds=100))
    deliveries(world, due_at=now + timedelta(hours=1), attempts=3)
    deliveries(world, due_at=None, status="delivered", attempts=1)
    deliveries(world, due_at=now - timedelta(seconds=900), claimed_at=now, attempts=1)
    Webhook.objects.update(failing_since=now)
    found = numbers()
    assert (found["datalinx_deliveries_pending{first}"], found["datalinx_deliveries_pending{again}"]) == (
        1,
        2,
    )
    assert 100 <= found["datalinx_outbox_lag_seconds"] < 160
    assert (found["datalinx_webhooks{failing}"], found["datalinx_webhooks{enabled}"]) == (1, 0)


def test_attempts__of_the_last_hour__are_counted_by_what_came_of_them(world: World) -> None:
    row, now = deliveries(world, due_at=None, status="delivered"), timezone.now()
    # 610 is no status that there is, but receivers answer anything.
    answers = [200, 204, 302, 410, 429, 500, 503, 610, None]
    for number, status in enumerate(answers):
        row.log.create(number=number, at=now - timedelta(minutes=59), seconds=0.1, response_status=status)
    row.log.create(number=99, at=now - timedelta(minutes=61), seconds=0.1, response_status=200)
    found = numbers()
    assert {
        outcome: found[f"datalinx_delivery_attempts_last_hour{{{outcome}}}"]
        for outcome in ("delivered", "refused", "receiver_failed", "unanswered")
    } == {"delivered": 2, "refused": 3, "receiver_failed": 3, "unanswered": 1}


def test_numbers__of_many_runs__take_as_many_queries_as_of_none(world: World) -> None:
    with CaptureQueriesContext(
        connection,
    ) as before:
        numbers()
    Run.objects.bulk_create(Run(workspace=world.workspace) for _ in range(30))
    with CaptureQueriesContext(connection) as after:
        numbers()
    assert len(after) <= len(before)


def test_numbers__of_an_app_that_cannot_tell__are_missing_and_the_rest_is_there(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert numbers()["datalinx_metrics_complete"] == 1

    def fail() -> Iterator[Any]:
        raise OSError("away")

    monkeypatch.setattr("apps.pipelines.metrics.collect_metrics", fail)
    found = numbers()
    assert found["datalinx_metrics_complete"] == 0
    assert "datalinx_runs{queued}" not in found
    assert "datalinx_outbox_lag_seconds" in found
    assert "datalinx_ready{database}" in found


def names_in(expression: str) -> set[str]:
    return set(re.findall(r"datalinx_\w+", expression))


def test_dashboard_and_alerts__of_each_number__name_one_that_is_given(world: World) -> None:
    # What is counted of answers begins with one.
    Client().get("/api/nothing-here")
    given = {name.partition("{")[0] for name in numbers()}
    panels = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    used = {name for text in [*panels, *(rule["expr"] for rule in RULES)] for name in names_in(text)}
    assert used - given == set()
    documented = names_in((DOCS / "operations.md").read_text())
    own = {name for name in given if not name.endswith(("_bucket", "_sum", "_count", "_created"))}
    own = {name for name in own if not name.endswith(("_gsum", "_gcount"))}
    documented |= {name.removesuffix("_bucket") for name in documented}
    assert own - documented <= {"datalinx_build_info"}


def test_alerts__each__say_what_is_wrong_and_lead_to_what_to_do() -> None:
    headings = re.findall(r"^#+ (.+)$", (DOCS / "operations.md").read_text(), re.MULTILINE)
    anchors = {"-".join(heading.lower().split()) for heading in headings}
    assert len({rule["alert"] for rule in RULES}) == len(RULES) > 5
    for rule in RULES:
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert {"summary", "description", "runbook"} == set(rule["annotations"])
        page, _, anchor = rule["annotations"]["runbook"].partition("#")
        assert (page, anchor in anchors) == ("operations.md", True), rule["alert"]
