"""Alert rules: raised once, recovered by themselves, and honest about their own trouble."""

import json
from typing import Any, ClassVar

import pytest

from apps.monitoring.models import AlertRule
from apps.monitoring.services.alerts import evaluate_changed_rules, evaluate_rule
from apps.workspaces.models import Event
from tests.journey import CONTACTS, lay_out, run, upload
from tests.resources import ResourceTests, assert_failure, assert_success
from tests.world import World

MANY = CONTACTS + b"7,gil@example.org,1,2024-03-01\n8,hal@example.org,1,2024-03-02\n"


def threshold(name: str = "few", **changes: Any) -> dict[str, Any]:
    rule = {
        "name": name,
        "kind": "threshold",
        "table": "customers",
        "measure": "rows",
        "op": "lt",
        "value": 3,
    }
    return {**rule, **changes}


class TestAlertRules(ResourceTests):
    path: ClassVar = "/api/alert-rules"
    noun: ClassVar = "ALERT_RULE"

    @pytest.fixture(autouse=True)
    def _ground(self, world: World) -> None:
        run(world, lay_out(world))

    def good(self, world: World, number: int = 1) -> dict[str, Any]:
        return threshold(f"rule-{number}")

    def change(self) -> dict[str, Any]:
        return {"name": "renamed", "severity": "critical"}


def make(world: World, body: dict[str, Any]) -> dict[str, Any]:
    return dict(assert_success(world.ed.client().post("/api/alert-rules", body, format="json"), 201))


def alerts(world: World, **query: Any) -> list[dict[str, Any]]:
    return list(assert_success(world.vera.client().get("/api/alerts", query)))


def told(world: World) -> list[dict[str, Any]]:
    rows = Event.objects.for_workspace(world.workspace.pk).filter(type__startswith="alert.")
    return [json.loads(row.body) for row in rows.order_by("sequence")]


def put(world: World, content: bytes) -> None:
    upload(world, assert_success(world.ed.client().get("/api/sources"))[0]["id"], content)


def test_threshold__that_is_crossed__opens_once_and_recovers_with_what_is_true_then(world: World) -> None:
    pipeline = lay_out(world)
    run(world, pipeline)
    rule = make(world, threshold())
    assert rule["last_value"] == 2.0
    run(world, pipeline)
    evaluate_changed_rules()
    assert [(each["status"], each["value"]) for each in alerts(world)] == [("open", 2.0)]
    put(world, MANY)
    run(world, pipeline)
    assert evaluate_changed_rules() == 1
    assert evaluate_changed_rules() == 0
    assert [(each["status"], each["resolved_by"]) for each in alerts(world)] == [("resolved", "")]
    assert [(each["event"], each["value"], each["message"]) for each in told(world)] == [
        ("alert.triggered", 2.0, "The rows of customers is 2, which is under 3."),
        ("alert.resolved", 4.0, "The rows of customers is 4 again."),
    ]


def test_pipeline_failure__of_the_last_run__opens_and_the_next_success_recovers(world: World) -> None:
    pipeline = lay_out(world)
    make(world, {"name": "broken", "kind": "pipeline_failure", "pipeline": "nightly"})
    assert alerts(world) == []
    put(world, b"contact_id,mail,amount,joined\n")
    run(world, pipeline)
    evaluate_changed_rules()
    assert [each["status"] for each in alerts(world)] == ["open"]
    assert "nightly" in alerts(world)[0]["message"]
    put(world, CONTACTS)
    run(world, pipeline)
    evaluate_changed_rules()
    assert [each["status"] for each in alerts(world)] == ["resolved"]
    assert told(world)[-1]["message"].endswith("succeeded.")


def test_rule__whose_sql_breaks__reports_its_own_failure(world: World) -> None:
    run(world, lay_out(world))
    sql = "SELECT count(*) FROM customers"
    query = {"name": "q", "kind": "threshold", "measure": "query", "query": sql, "op": "gt", "value": 100}
    rule = make(world, query)
    assert (rule["last_value"], rule["last_error"]) == (2.0, "")
    bad = world.ed.client().post(
        "/api/alert-rules", {**query, "name": "b", "query": "DROP TABLE x"}, format="json"
    )
    assert_failure(bad, 422, "SQL_NOT_ALLOWED")
    row = AlertRule.objects.select_related("workspace__organization").get(pk=rule["id"])
    row.document = {**row.document, "query": "SELECT gone FROM customers"}
    row.save()
    evaluate_rule(row)
    assert row.last_error
    assert "cannot be evaluated" in alerts(world)[0]["message"]


def test_alert__acknowledged_resolved_and_muted__by_who_may(world: World) -> None:
    run(world, lay_out(world))
    rule = make(world, threshold())
    client = world.ed.client()
    url = f"/api/alerts/{alerts(world)[0]['id']}"
    assert_failure(world.vera.client().post(f"{url}/resolve"), 403, "PERMISSION_DENIED")
    assert assert_success(client.post(f"{url}/acknowledge"))["status"] == "acknowledged"
    assert assert_success(client.post(f"{url}/mute", {"minutes": 60}, format="json"))["muted_until"]
    assert assert_success(client.post(f"{url}/resolve"))["resolved_by"] == world.ed.user.pk
    assert_failure(client.post(f"{url}/resolve"), 422, "ALERT_ALREADY_RESOLVED")
    assert_failure(client.post(f"{url}/acknowledge"), 422, "ALERT_ALREADY_RESOLVED")
    # The condition still holds: it opens again, as quiet as it was made.
    evaluate_rule(AlertRule.objects.select_related("workspace__organization").get(pk=rule["id"]))
    assert len(alerts(world, status="open")) == 1
    assert [each["event"] for each in told(world)] == ["alert.triggered"]
    assert_failure(client.get("/api/alerts", {"status": "asleep"}), 422, "VALIDATION_ERROR")


@pytest.mark.parametrize(
    "change",
    [
        {"table": "nothing"},
        {"op": "near"},
        {"value": None},
        {"measure": "score", "dimension": "beauty"},
        {"query": "SELECT 1"},
    ],
)
def test_save__of_a_rule_that_cannot_hold__is_422(world: World, change: dict[str, Any]) -> None:
    run(world, lay_out(world))
    response = world.ed.client().post("/api/alert-rules", threshold(**change), format="json")
    assert_failure(response, 422, "VALIDATION_ERROR")


def test_patch__what_get_gave__is_accepted(world: World) -> None:
    run(world, lay_out(world))
    url = f"/api/alert-rules/{make(world, threshold())['id']}"
    client = world.ed.client()
    assert assert_success(client.patch(url, assert_success(client.get(url)), format="json"))["version"] == 2


def test_scores__asked_for__are_kept_with_their_history(world: World) -> None:
    run(world, lay_out(world))
    client = world.ed.client()
    assert assert_success(client.get("/api/monitoring"))["version"] == 0
    assert_failure(client.get("/api/monitoring/scores/customers"), 404, "SCORE_NOT_FOUND")
    made = assert_success(client.post("/api/monitoring/run", {}, format="json"))
    assert [each["table"] for each in made] == ["customers"]
    assert 0 <= made[0]["score"] <= 100
    assert made[0]["dimensions"]
    assert client.get("/api/monitoring/scores").json()["pagination"]["total_items"] == 1
    assert len(assert_success(client.get("/api/monitoring/scores/customers/history"))) == 1
    assert_failure(
        client.post("/api/monitoring/run", {"tables": ["no"]}, format="json"), 404, "TABLE_NOT_FOUND"
    )
    assert_failure(
        client.put("/api/monitoring", {"tables": {"no": {}}}, format="json"), 422, "VALIDATION_ERROR"
    )
    assert_failure(
        world.vera.client().post("/api/monitoring/run", {}, format="json"), 403, "PERMISSION_DENIED"
    )
