"""Every method of the SDK against the address, method and body that the API documents for it."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from datalinx import Datalinx
from datalinx.client.pages import Listing

from .conftest import Script, success

Act = Callable[[Datalinx], Any]
D = {"name": "x"}

ORGANIZATION: list[tuple[Act, str, Any]] = [
    (lambda c: c.auth.me(), "GET auth/me", None),
    (
        lambda c: c.auth.change_password("old", "new"),
        "POST auth/password",
        {"current_password": "old", "new_password": "new"},
    ),
    (lambda c: c.organizations.list(), "GET organizations", None),
    (lambda c: c.organizations.get("org_1"), "GET organizations/org_1", None),
    (
        lambda c: c.organizations.create("Acme", tier="pro"),
        "POST organizations",
        {"name": "Acme", "tier": "pro"},
    ),
    (lambda c: c.organizations.update("org_1", name="B"), "PATCH organizations/org_1", {"name": "B"}),
    (lambda c: c.users.list(), "GET users", None),
    (
        lambda c: c.users.create("a@b.example", password="p", role="organization_viewer"),
        "POST users",
        {"email": "a@b.example", "password": "p", "role": "organization_viewer"},
    ),
    (lambda c: c.users.get("usr_1"), "GET users/usr_1", None),
    (lambda c: c.users.update("usr_1", display_name=None), "PATCH users/usr_1", {"display_name": None}),
    (lambda c: c.users.delete("usr_1"), "DELETE users/usr_1", None),
    (lambda c: c.users.deactivate("usr_1"), "POST users/usr_1/deactivate", {}),
    (lambda c: c.users.reactivate("usr_1"), "POST users/usr_1/reactivate", {}),
    (
        lambda c: c.users.set_workspaces("usr_1", {"production": "editor"}),
        "PUT users/usr_1/workspaces",
        {"workspaces": {"production": "editor"}},
    ),
    (lambda c: c.roles.list(), "GET roles", None),
    (lambda c: c.roles.create("r", ["runs:view"]), "POST roles", {"name": "r", "permissions": ["runs:view"]}),
    (lambda c: c.roles.replace("role_1", D), "PUT roles/role_1", D),
    (lambda c: c.pipelines.replace("pl_1", D), "PUT pipelines/pl_1", D),
    (lambda c: c.roles.delete("role_1"), "DELETE roles/role_1", None),
    (lambda c: c.roles.permissions(), "GET permissions", None),
    (lambda c: c.service_accounts.list(), "GET service-accounts", None),
    (
        lambda c: c.service_accounts.create("ci", role="workspace_editor", workspace="production"),
        "POST service-accounts",
        {"name": "ci", "role": "workspace_editor", "workspace": "production"},
    ),
    (lambda c: c.service_accounts.get("sa_1"), "GET service-accounts/sa_1", None),
    (lambda c: c.service_accounts.delete("sa_1"), "DELETE service-accounts/sa_1", None),
    (lambda c: c.service_accounts.api_key_info("sa_1"), "GET service-accounts/sa_1/api-key-info", None),
    (
        lambda c: c.service_accounts.rotate_key("sa_1", grace_period_seconds=60),
        "POST service-accounts/sa_1/rotate-key",
        {"grace_period_seconds": 60},
    ),
    (lambda c: c.workspaces.list(), "GET workspaces", None),
    (
        lambda c: c.workspaces.create(name="production", config={"description": "d"}),
        "POST workspaces",
        {"name": "production", "config": {"description": "d"}},
    ),
    (lambda c: c.workspaces.get("production"), "GET workspaces/production", None),
    (lambda c: c.workspaces.update("ws_1", config={}), "PATCH workspaces/ws_1", {"config": {}}),
    (
        lambda c: c.workspaces.delete("ws_1", confirm="production"),
        "DELETE workspaces/ws_1?confirm=production",
        None,
    ),
    (lambda c: c.connectors.list(), "GET connectors", None),
    (lambda c: c.mappings.decorators(), "GET decorators", None),
    (lambda c: c.semantic_types.list(), "GET semantic-types", None),
    (lambda c: c.semantic_types.get("email"), "GET semantic-types/email", None),
    (lambda c: c.semantic_types.create(D), "POST semantic-types", D),
    (lambda c: c.semantic_types.put("sku", D), "PUT semantic-types/sku", D),
    (lambda c: c.semantic_types.delete("sku"), "DELETE semantic-types/sku", None),
    (lambda c: c.schemas.templates(), "GET schemas/templates", None),
    (lambda c: c.schemas.template("commerce"), "GET schemas/templates/commerce", None),
    (lambda c: c.system_info(), "GET system-info", None),
]

WORKSPACE: list[tuple[Act, str, Any]] = [
    (lambda c: c.webhooks.list(), "GET webhooks", None),
    (lambda c: c.events.list(), "GET events", None),
    (
        lambda c: c.webhooks.create("https://h.example", ["pipeline.completed"]),
        "POST webhooks",
        {"url": "https://h.example", "events": ["pipeline.completed"]},
    ),
    (lambda c: c.sources.list(), "GET sources", None),
    (
        lambda c: c.sources.create("crm", "file", config={"path": "a.csv"}),
        "POST sources",
        {"name": "crm", "connector": "file", "config": {"path": "a.csv"}},
    ),
    (
        lambda c: c.sources.test_config("postgresql", config={"host": "h"}, credentials={"password": "p"}),
        "POST sources/test",
        {"connector": "postgresql", "config": {"host": "h"}, "credentials": {"password": "p"}},
    ),
    (lambda c: c.destinations.list(), "GET destinations", None),
    (
        lambda c: c.destinations.create("dw", config={"host": "h"}, credentials={"password": "p"}),
        "POST destinations",
        {"name": "dw", "connector": "postgresql", "config": {"host": "h"}, "credentials": {"password": "p"}},
    ),
    (lambda c: c.schemas.list(), "GET schemas", None),
    (lambda c: c.schemas.get(), "GET schemas/workspace", None),
    (lambda c: c.schemas.put(D), "PUT schemas/workspace", D),
    (lambda c: c.schemas.tables(), "GET schemas/workspace/tables", None),
    (lambda c: c.schemas.table("t"), "GET schemas/workspace/tables/t", None),
    (lambda c: c.schemas.put_table("t", D), "PUT schemas/workspace/tables/t", D),
    (lambda c: c.schemas.delete_table("t"), "DELETE schemas/workspace/tables/t", None),
    (lambda c: c.schemas.put_column("t", "c", D), "PUT schemas/workspace/tables/t/columns/c", D),
    (lambda c: c.schemas.delete_column("t", "c"), "DELETE schemas/workspace/tables/t/columns/c", None),
    (lambda c: c.schemas.add_table(D), "POST schemas/workspace/tables", D),
    (lambda c: c.schemas.columns("t"), "GET schemas/workspace/tables/t/columns", None),
    (lambda c: c.schemas.column("t", "c"), "GET schemas/workspace/tables/t/columns/c", None),
    (lambda c: c.schemas.add_column("t", D), "POST schemas/workspace/tables/t/columns", D),
    (
        lambda c: c.schemas.apply_template("commerce", replace=True),
        "POST schemas/templates/commerce/apply",
        {"replace": True},
    ),
    (lambda c: c.schemas.versions(), "GET schemas/workspace/versions", None),
    (lambda c: c.schemas.version(2), "GET schemas/workspace/versions/2", None),
    (lambda c: c.schemas.diff(1, 2), "GET schemas/workspace/diff?from=1&to=2", None),
    (lambda c: c.schemas.sync_status(), "GET schemas/workspace/sync/status", None),
    (lambda c: c.mappings.list(), "GET mappings", None),
    (lambda c: c.mappings.get("t"), "GET mappings/t", None),
    (lambda c: c.mappings.create(D), "POST mappings", D),
    (lambda c: c.mappings.put("t", D), "PUT mappings/t", D),
    (lambda c: c.mappings.delete("t"), "DELETE mappings/t", None),
    (lambda c: c.mappings.put_field("t", "f", D), "PUT mappings/t/fields/f", D),
    (lambda c: c.mappings.delete_field("t", "f"), "DELETE mappings/t/fields/f", None),
    (lambda c: c.mappings.effective_wildcard("t"), "GET mappings/t/wildcard/effective", None),
    (lambda c: c.mappings.inputs("t"), "GET mappings/t/tables", None),
    (lambda c: c.mappings.put_inputs("t", D), "PUT mappings/t/tables", D),
    (lambda c: c.mappings.wildcard("t"), "GET mappings/t/wildcard", None),
    (lambda c: c.mappings.put_wildcard("t", D), "PUT mappings/t/wildcard", D),
    (lambda c: c.mappings.delete_wildcard("t"), "DELETE mappings/t/wildcard", None),
    (lambda c: c.mappings.validate("t"), "POST mappings/t/validate", {}),
    (lambda c: c.mappings.validate("t", D), "POST mappings/t/validate", D),
    (lambda c: c.mappings.preview("t", D, limit=9), "POST mappings/t/preview", {"document": D, "limit": 9}),
    (lambda c: c.mappings.lineage("t"), "GET mappings/t/lineage", None),
    (
        lambda c: c.mappings.lineage("t", direction="upstream", column="f"),
        "GET mappings/t/lineage?direction=upstream&column=f",
        None,
    ),
    (lambda c: c.mappings.dbt_project(), "GET mappings/dbt-project", None),
    (lambda c: c.mappings.versions("t"), "GET mappings/t/versions", None),
    (lambda c: c.mappings.diff("t", 1, 2), "GET mappings/t/diff?from=1&to=2", None),
    (lambda c: c.mappings.suggestions("t", state="error"), "GET mappings/t/suggestions?state=error", None),
    (
        lambda c: c.mappings.accept_suggestion("t", "sug_1", field=D),
        "POST mappings/t/suggestions/sug_1/accept",
        {"field": D},
    ),
    (
        lambda c: c.mappings.reject_suggestion("t", "sug_1"),
        "POST mappings/t/suggestions/sug_1/reject",
        {},
    ),
    (lambda c: c.mappings.dbt_code("t"), "GET mappings/t/dbt-code", None),
    (lambda c: c.mappings.field_dbt("t", "f"), "GET mappings/t/field-dbt/f", None),
    (lambda c: c.mappings.field_dbt("t", "f", D), "POST mappings/t/field-dbt/f", D),
    (lambda c: c.ctes.list(), "GET ctes", None),
    (lambda c: c.ctes.columns("b"), "GET ctes/b/columns", None),
    (lambda c: c.ctes.get("b"), "GET ctes/b", None),
    (lambda c: c.ctes.create(D), "POST ctes", D),
    (lambda c: c.ctes.put("b", D), "PUT ctes/b", D),
    (lambda c: c.ctes.delete("b"), "DELETE ctes/b", None),
    (lambda c: c.pipelines.list(), "GET pipelines", None),
    (lambda c: c.pipelines.create(D), "POST pipelines", D),
    (
        lambda c: c.pipelines.run_workspace(tables=["t"], full_refresh=True),
        "POST pipelines/run",
        {"tables": ["t"], "full_refresh": True},
    ),
    (lambda c: c.backfills.list(status="paused"), "GET backfills?status=paused", None),
    (lambda c: c.runs.list(status="failed"), "GET runs?status=failed", None),
    (lambda c: c.tables.list(), "GET tables", None),
    (lambda c: c.tables.get("t"), "GET tables/t", None),
    (lambda c: c.tables.rows("t", as_of=3), "GET tables/t/rows?as_of=3", None),
    (lambda c: c.tables.snapshots("t"), "GET tables/t/snapshots", None),
    (lambda c: c.tables.restore("t", 3), "POST tables/t/restore", {"snapshot": 3}),
    (lambda c: c.tables.restore("t", as_of="run_1"), "POST tables/t/restore", {"as_of": "run_1"}),
    (
        lambda c: c.analytics.query("SELECT 1", as_of="run_1"),
        "POST analytics/query",
        {"sql": "SELECT 1", "as_of": "run_1"},
    ),
    (
        lambda c: c.analytics.query("SELECT $a", parameters={"a": 1}, limit=5),
        "POST analytics/query",
        {"sql": "SELECT $a", "parameters": {"a": 1}, "limit": 5},
    ),
    (lambda c: c.queries.list(), "GET queries", None),
    (lambda c: c.queries.create("q", "SELECT 1"), "POST queries", {"name": "q", "sql": "SELECT 1"}),
    (lambda c: c.object_types.list(), "GET object-types", None),
    (lambda c: c.object_types.create(D), "POST object-types", D),
    (lambda c: c.object_types.draft(), "GET object-types/draft", None),
    (lambda c: c.object_types.create_drafts(), "POST object-types/draft", {}),
    (lambda c: c.object_types.create_drafts(["t"]), "POST object-types/draft", {"tables": ["t"]}),
    (lambda c: c.audiences.list(), "GET audiences", None),
    (lambda c: c.audiences.create(D), "POST audiences", D),
    (lambda c: c.audiences.preview(D), "POST audiences/preview", D),
    (lambda c: c.identity.get(), "GET identity", None),
    (lambda c: c.identity.put(D), "PUT identity", D),
    (lambda c: c.identity.resolve(), "POST identity/resolve", None),
    (lambda c: c.identity.cancel(), "POST identity/resolve/cancel", None),
    (lambda c: c.identity.stats(), "GET identity/stats", None),
    (lambda c: c.identity.wait(), "GET identity/stats", None),
    (lambda c: c.identity.clusters(), "GET identity/clusters", None),
    (lambda c: c.identity.cluster("idr_1"), "GET identity/clusters/idr_1", None),
    (lambda c: c.identity.explain("t:1", "t:2"), "GET identity/explain?a=t%3A1&b=t%3A2", None),
    (lambda c: c.monitoring.get(), "GET monitoring", None),
    (lambda c: c.monitoring.put(D), "PUT monitoring", D),
    (lambda c: c.monitoring.scores(), "GET monitoring/scores", None),
    (lambda c: c.monitoring.table_scores("t"), "GET monitoring/scores/t", None),
    (lambda c: c.monitoring.history("t"), "GET monitoring/scores/t/history", None),
    (lambda c: c.monitoring.run(tables=["t"]), "POST monitoring/run", {"tables": ["t"]}),
    (lambda c: c.alert_rules.list(), "GET alert-rules", None),
    (lambda c: c.alert_rules.create(D), "POST alert-rules", D),
    (lambda c: c.alerts.list(), "GET alerts", None),
]

OBJECT: list[tuple[Act, str, Any]] = [
    (lambda c: c.webhooks.get("wh_1"), "GET webhooks/wh_1", None),
    (lambda c: c.webhooks.update("wh_1", enabled=False), "PATCH webhooks/wh_1", {"enabled": False}),
    (lambda c: c.webhooks.delete("wh_1"), "DELETE webhooks/wh_1", None),
    (lambda c: c.webhooks.test("wh_1"), "POST webhooks/wh_1/test", {}),
    (lambda c: c.webhooks.rotate_secret("wh_1"), "POST webhooks/wh_1/rotate-secret", {}),
    (lambda c: c.webhooks.deliveries("wh_1"), "GET webhooks/wh_1/deliveries", None),
    (lambda c: c.webhooks.delivery("wh_1", "whd_1"), "GET webhooks/wh_1/deliveries/whd_1", None),
    (
        lambda c: c.webhooks.replay_since("wh_1", "2026-05-01T00:00:00Z", missing=True),
        "POST webhooks/wh_1/replay",
        {"since": "2026-05-01T00:00:00Z", "missing": True},
    ),
    (lambda c: c.webhooks.replay("wh_1", "whd_1"), "POST webhooks/wh_1/deliveries/whd_1/replay", {}),
    (lambda c: c.sources.get("src_1"), "GET sources/src_1", None),
    (lambda c: c.sources.update("src_1", name="b"), "PATCH sources/src_1", {"name": "b"}),
    (lambda c: c.sources.delete("src_1"), "DELETE sources/src_1", None),
    (lambda c: c.sources.test("src_1"), "POST sources/src_1/test", {}),
    (lambda c: c.destinations.get("dst_1"), "GET destinations/dst_1", None),
    (lambda c: c.destinations.update("dst_1", name="b"), "PATCH destinations/dst_1", {"name": "b"}),
    (lambda c: c.destinations.delete("dst_1"), "DELETE destinations/dst_1", None),
    (lambda c: c.destinations.test("dst_1"), "POST destinations/dst_1/test", {}),
    (lambda c: c.sources.discover("src_1"), "POST sources/src_1/discover", {}),
    (
        lambda c: c.sources.import_dbt("src_1", "version: 2", source="crm", tables=["t"], preview=True),
        "POST sources/src_1/import-dbt",
        {"document": "version: 2", "source": "crm", "tables": ["t"], "preview": True},
    ),
    (
        lambda c: c.sources.discover("src_1", mode="pattern", pattern="orders_*"),
        "POST sources/src_1/discover",
        {"mode": "pattern", "pattern": "orders_*"},
    ),
    (lambda c: c.sources.tables("src_1"), "GET sources/src_1/tables", None),
    (lambda c: c.sources.table("src_1", "t"), "GET sources/src_1/tables/t", None),
    (lambda c: c.sources.update_table("src_1", "t", a=1), "PATCH sources/src_1/tables/t", {"a": 1}),
    (lambda c: c.sources.preview("src_1", "t", limit=5), "GET sources/src_1/tables/t/preview?limit=5", None),
    (lambda c: c.sources.profile("src_1", "t"), "GET sources/src_1/tables/t/profile", None),
    (lambda c: c.sources.lineage("src_1", "t"), "GET sources/src_1/tables/t/lineage", None),
    (lambda c: c.pipelines.get("pl_1"), "GET pipelines/pl_1", None),
    (lambda c: c.pipelines.update("pl_1", tables=["t"]), "PATCH pipelines/pl_1", {"tables": ["t"]}),
    (lambda c: c.pipelines.delete("pl_1"), "DELETE pipelines/pl_1", None),
    (lambda c: c.pipelines.next_runs("pl_1"), "GET pipelines/pl_1/next-runs", None),
    (lambda c: c.pipelines.run("pl_1", test_mode=True), "POST pipelines/pl_1/run", {"test_mode": True}),
    (
        lambda c: c.pipelines.run("pl_1", since="2024-01-01", until="2024-02-01"),
        "POST pipelines/pl_1/run",
        {"since": "2024-01-01", "until": "2024-02-01"},
    ),
    (
        lambda c: c.pipelines.backfill("pl_1", since="2024-01-01", until="2024-02-01", chunk="1 week"),
        "POST pipelines/pl_1/backfills",
        {"since": "2024-01-01", "until": "2024-02-01", "chunk": "1 week"},
    ),
    (lambda c: c.pipelines.backfills("pl_1"), "GET pipelines/pl_1/backfills", None),
    (lambda c: c.backfills.get("bf_1"), "GET backfills/bf_1", None),
    (lambda c: c.backfills.chunks("bf_1", status="failed"), "GET backfills/bf_1/chunks?status=failed", None),
    (lambda c: c.backfills.pause("bf_1"), "POST backfills/bf_1/pause", {}),
    (lambda c: c.backfills.resume("bf_1"), "POST backfills/bf_1/resume", {}),
    (lambda c: c.backfills.cancel("bf_1"), "POST backfills/bf_1/cancel", {}),
    (lambda c: c.backfills.retry("bf_1"), "POST backfills/bf_1/retry", {}),
    (lambda c: c.runs.get("run_1"), "GET runs/run_1", None),
    (lambda c: c.runs.cancel("run_1"), "POST runs/run_1/cancel", {}),
    (lambda c: c.runs.retry("run_1"), "POST runs/run_1/retry", {}),
    (lambda c: c.runs.logs("run_1"), "GET runs/run_1/logs", None),
    (lambda c: c.runs.rejected("run_1", table="t"), "GET runs/run_1/rejected?table=t", None),
    (lambda c: c.runs.find("run_1", 42), "GET runs/run_1/records?key=42&source=auto", None),
    (
        lambda c: c.runs.find("run_1", {"email": "a@b.org"}, table="t", source="never"),
        "GET runs/run_1/records?key=%7B%22email%22%3A+%22a%40b.org%22%7D&table=t&source=never",
        None,
    ),
    (
        lambda c: c.runs.openlineage("run_1", table="t"),
        "GET runs/run_1/lineage?format=openlineage&table=t",
        None,
    ),
    (lambda c: c.runs.lineage("run_1"), "GET runs/run_1/lineage", None),
    (lambda c: c.runs.replay_rejected("run_1"), "POST runs/run_1/rejected/replay", {}),
    (lambda c: c.queries.get("qry_1"), "GET queries/qry_1", None),
    (lambda c: c.queries.run("qry_1", as_of=3), "POST queries/qry_1/run", {"as_of": 3}),
    (
        lambda c: c.queries.run("qry_1", parameters={"a": 1}),
        "POST queries/qry_1/run",
        {"parameters": {"a": 1}},
    ),
    (lambda c: c.queries.results("qry_1"), "GET queries/qry_1/results", None),
    (lambda c: c.object_types.get("obj_1"), "GET object-types/obj_1", None),
    (lambda c: c.object_types.versions("obj_1"), "GET object-types/obj_1/versions", None),
    (lambda c: c.object_types.version("obj_1", 2), "GET object-types/obj_1/versions/2", None),
    (lambda c: c.object_types.diff("obj_1", 1, 3), "GET object-types/obj_1/diff?from=1&to=3", None),
    (lambda c: c.audiences.get("aud_1"), "GET audiences/aud_1", None),
    (lambda c: c.audiences.refresh("aud_1"), "POST audiences/aud_1/refresh", {}),
    (lambda c: c.audiences.count("aud_1"), "GET audiences/aud_1/count", None),
    (lambda c: c.audiences.members("aud_1"), "GET audiences/aud_1/members", None),
    (lambda c: c.audiences.history("aud_1"), "GET audiences/aud_1/history", None),
    (lambda c: c.audiences.changes("aud_1"), "GET audiences/aud_1/changes", None),
    (lambda c: c.audiences.explain("aud_1", "k 1"), "GET audiences/aud_1/explain?key=k+1", None),
    (lambda c: c.alert_rules.get("alr_1"), "GET alert-rules/alr_1", None),
    (lambda c: c.alerts.get("alt_1"), "GET alerts/alt_1", None),
    (lambda c: c.alerts.acknowledge("alt_1"), "POST alerts/alt_1/acknowledge", {}),
    (lambda c: c.alerts.resolve("alt_1"), "POST alerts/alt_1/resolve", {}),
    (lambda c: c.alerts.mute("alt_1", minutes=30), "POST alerts/alt_1/mute", {"minutes": 30}),
]


def call(script: Script, act: Act) -> str:
    """Make the call and return it as `METHOD path?query`, without the parameters that every list has."""
    script.then(success([]), success([]))
    found = act(script.client(workspace="production"))
    if isinstance(found, Listing):
        found.page(1)
    request = script.requests[0]
    query = "&".join(part for part in request.url.query.decode().split("&") if not part.startswith("page"))
    path = request.url.path.removeprefix("/api/")
    return f"{request.method} {path}" + (f"?{query}" if query else "")


def check(script: Script, act: Act, expected: str, body: Any) -> None:
    assert call(script, act) == expected
    if body is None:
        assert script.bodies[0] == b""
    else:
        assert script.json(0) == body
        assert script.requests[0].headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(("act", "expected", "body"), ORGANIZATION, ids=[row[1] for row in ORGANIZATION])
def test_endpoint__of_the_organization__names_no_workspace(
    script: Script, act: Act, expected: str, body: Any
) -> None:
    check(script, act, expected, body)
    assert "X-Workspace" not in script.requests[0].headers


@pytest.mark.parametrize(("act", "expected", "body"), WORKSPACE, ids=[row[1] for row in WORKSPACE])
def test_endpoint__of_a_workspace__names_it(script: Script, act: Act, expected: str, body: Any) -> None:
    check(script, act, expected, body)
    assert script.requests[0].headers["X-Workspace"] == "production"


@pytest.mark.parametrize(("act", "expected", "body"), OBJECT, ids=[row[1] for row in OBJECT])
def test_endpoint__of_an_object_with_an_id__needs_no_workspace(
    script: Script, act: Act, expected: str, body: Any
) -> None:
    check(script, act, expected, body)
    assert "X-Workspace" not in script.requests[0].headers


QUESTIONS = (
    "/query",
    "/validate",
    "/preview",
    "sources/test",
    "src_1/test",
    "dst_1/test",
    "queries/qry_1/run",
)
READS = [row for row in (*WORKSPACE, *OBJECT) if row[1].startswith("POST") and row[1].endswith(QUESTIONS)]


@pytest.mark.parametrize("act", [row[0] for row in READS], ids=[row[1] for row in READS])
def test_endpoint__that_only_reads__is_repeated_and_kept_nowhere(script: Script, act: Act) -> None:
    script.then(httpx.ReadTimeout("slow"), success({}))
    act(script.client(workspace="production"))
    assert len(script.requests) == 2
    assert "Idempotency-Key" not in script.requests[0].headers


def test_export__of_a_query__yields_the_file(script: Script) -> None:
    script.then(httpx.Response(200, content=b"a,b\n1,2\n", headers={"Content-Type": "text/csv"}))
    assert b"".join(script.client(workspace="w").analytics.export("SELECT 1")) == b"a,b\n1,2\n"
    assert script.json() == {"sql": "SELECT 1", "format": "csv"}


def test_suggest__a_table__asks_and_lists_what_came_of_it(script: Script) -> None:
    state = {"field": "email", "state": "unmapped", "suggestion": None}
    script.then(success([state]), success([state]))
    found = script.client(workspace="w").mappings.suggest("t", source="crm", source_table="contacts")
    assert [entry.field for entry in found] == ["email"]
    assert script.json(0) == {"source": "crm", "table": "contacts"}


def test_find__by_name__takes_only_the_very_name(script: Script) -> None:
    script.then(success([{"id": "src_1", "name": "crm_old"}, {"id": "src_2", "name": "crm"}]), success([]))
    client = script.client(workspace="production")
    found = client.sources.find("crm")
    assert found is not None
    assert found.id == "src_2"
    assert script.requests[0].url.params["search"] == "crm"
    assert client.sources.find("nobody") is None
