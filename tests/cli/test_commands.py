"""Each group of commands against a scripted server."""

import csv
import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from werkzeug import Request, Response

from .conftest import Run, Server, answer, refusal

SOURCE = {"id": "src_01jd3x0000000000000000000", "name": "crm", "connector": "file"}
STEP = {
    "table": "customers",
    "status": "success",
    "counts": {"read": 10_000, "filtered": 120, "deduplicated": 80, "rejected": 37, "inserted": 9763},
    "rejected_by_reason": {"invalid_email": 30, "null_not_allowed": 7},
    "seconds": 0.8,
}


def run(status: str, progress: float = 0.0, **more: Any) -> Response:
    return answer(
        {"id": "run_1", "status": status, "progress": progress, "totals": {"read": 0}, "steps": [], **more}
    )


def test_workspaces__made_used_and_deleted__are_what_later_commands_work_in(
    server: Server, cli: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATALINX_WORKSPACE")
    server.on("POST workspaces", answer({"id": "ws_1", "name": "staging"}, status=201))
    server.on("GET workspaces/staging", answer({"id": "ws_1", "name": "staging"}))
    server.on("DELETE workspaces/ws_1", answer({"id": "ws_1", "deleted": True}))
    server.on("GET sources", answer([]))
    server.on("GET workspaces", answer([{"id": "ws_1", "name": "staging", "config": {"description": "d"}}]))
    assert (
        cli("workspaces", "create", "staging", "-d", "to try").stdout
        == "Made the workspace staging (ws_1).\n"
    )
    assert server.sent("POST workspaces") == {"name": "staging", "config": {"description": "to try"}}
    assert cli("workspaces", "use", "staging").exit_code == 0
    assert cli("sources", "list").exit_code == 0
    assert server.headers("GET sources")["X-Workspace"] == "staging"
    assert "*\tstaging\tws_1\td" in cli("workspaces", "list").stdout
    refused = cli("workspaces", "delete", "staging")
    assert (refused.exit_code, "--yes" in refused.stderr) == (2, True)
    assert cli("workspaces", "delete", "staging", "--yes").exit_code == 0
    assert server.query("DELETE workspaces/ws_1") == {"confirm": "staging"}
    missing = cli("sources", "list")
    assert missing.exit_code == 2
    assert missing.stderr.startswith("Error: Name the workspace: --workspace NAME,")


def test_workspaces__used_that_is_none__changes_nothing(server: Server, cli: Run, config_file: Path) -> None:
    server.on("GET workspaces/nowhere", refusal(404, "WORKSPACE_NOT_FOUND", "Workspace not found"))
    assert cli("workspaces", "use", "nowhere").exit_code == 4
    assert not config_file.exists()


def test_sources_add__with_files__uploads_discovers_and_shows_them(
    server: Server, cli: Run, tmp_path: Path
) -> None:
    got: list[str] = []

    def receive(request: Request) -> Response:
        got.extend(file.filename or "" for file in request.files.getlist("file"))
        return answer({"files": got}, status=201)

    server.on("POST sources", answer(SOURCE, status=201))
    server.on(f"POST sources/{SOURCE['id']}/upload", receive)
    server.on(f"POST sources/{SOURCE['id']}/discover", answer({"changes": []}))
    server.on(f"GET sources/{SOURCE['id']}", answer(SOURCE))
    server.on(
        f"GET sources/{SOURCE['id']}/tables",
        answer([{"name": "contacts", "columns": [{}, {}], "rows": 1200}]),
    )
    path = tmp_path / "contacts.csv"
    path.write_text("id,mail\n")
    result = cli("sources", "add", "crm", str(path))
    assert result.exit_code == 0, result.output
    assert got == ["contacts.csv"]
    assert "contacts\t2\t1,200" in result.stdout
    assert server.sent("POST sources") == {"name": "crm", "connector": "file", "config": {}}
    assert json.loads(cli("sources", "add", "crm", str(path), "--json").stdout) == SOURCE


def test_sources_add__with_a_missing_file__makes_no_source(server: Server, cli: Run, tmp_path: Path) -> None:
    result = cli("sources", "add", "crm", str(tmp_path / "missing.csv"))
    assert (result.exit_code, server.requests) == (2, [])


def test_sources__named_by_name_or_id__are_found(server: Server, cli: Run) -> None:
    server.on("GET sources", answer([{"id": "src_9", "name": "crm_old"}, SOURCE]))
    server.on(f"POST sources/{SOURCE['id']}/discover", answer({"changes": []}))
    assert "Nothing changed" in cli("sources", "discover", "crm").stdout
    assert server.query("GET sources")["search"] == "crm"
    before = len(server.requests)
    assert cli("sources", "discover", str(SOURCE["id"]), "-t", "contacts").exit_code == 0
    assert server.calls[before:] == [f"POST sources/{SOURCE['id']}/discover"]
    assert server.sent(f"POST sources/{SOURCE['id']}/discover") == {
        "mode": "selected",
        "tables": ["contacts"],
    }
    missing = cli("sources", "discover", "src_orders")
    assert missing.exit_code == 4
    assert "no source named 'src_orders'" in missing.stderr


def test_sources_discover__with_changes__shows_which_break(server: Server, cli: Run) -> None:
    change = {"kind": "removed", "table": "contacts", "column": "mail", "before": "VARCHAR", "breaking": True}
    server.on("GET sources", answer([SOURCE]))
    server.on(f"POST sources/{SOURCE['id']}/discover", answer({"changes": [change]}))
    assert "removed\tcontacts\tmail\tVARCHAR\t\tbreaking" in cli("sources", "discover", "crm").stdout


@pytest.mark.parametrize(("passed", "exit_code"), [(True, 0), (False, 1)])
def test_sources_test__says_which_step_failed(server: Server, cli: Run, passed: bool, exit_code: int) -> None:
    steps = [
        {"name": "network", "passed": True, "message": "ok"},
        {"name": "tables", "passed": passed, "message": "m"},
    ]
    server.on("GET sources", answer([SOURCE]))
    server.on(f"POST sources/{SOURCE['id']}/test", answer({"passed": passed, "steps": steps}))
    result = cli("sources", "test", "crm")
    assert result.exit_code == exit_code
    assert "network\tpassed\tok" in result.stdout
    assert cli("sources", "test", "crm", "--json").exit_code == exit_code


def test_sources__previewed_and_profiled__are_shown_as_tables(server: Server, cli: Run) -> None:
    base = f"GET sources/{SOURCE['id']}/tables/contacts"
    server.on("GET sources", answer([SOURCE]))
    server.on(f"{base}/preview", answer({"columns": [{"name": "id"}, {"name": "mail"}], "rows": [[1, None]]}))
    server.on(
        f"{base}/profile", answer({"columns": [{"name": "mail", "nulls": 2, "detected": {"type": "email"}}]})
    )
    assert cli("sources", "preview", "crm", "contacts", "-n", "7").stdout == "id\tmail\n1\t\n"
    assert server.query(f"{base}/preview") == {"limit": "7"}
    assert cli("sources", "profile", "crm", "contacts").stdout.splitlines()[1].endswith("\temail")


def test_schema__applied_from_a_template_or_a_file__says_what_there_is(
    server: Server, cli: Run, tmp_path: Path
) -> None:
    document = {
        "name": "s",
        "tables": [{"name": "t", "primary_key": ["id"], "columns": [{"name": "id"}]}],
        "version": 2,
    }
    server.on("POST schemas/templates/commerce/apply", answer(document))
    server.on("PUT schemas/workspace", answer(document))
    server.on("GET schemas/workspace", answer(document))
    server.on("GET schemas/templates", answer([{"name": "commerce", "tables": ["orders"]}]))
    assert "1 tables now (version 2)" in cli("schema", "apply", "--template", "commerce").stdout
    path = tmp_path / "schema.yaml"
    path.write_text("name: s\ntables: []\n")
    assert cli("schema", "apply", str(path)).exit_code == 0
    assert server.sent("PUT schemas/workspace") == {"name": "s", "tables": []}
    assert "t\tid\t1" in cli("schema", "show").stdout
    assert "commerce\t\torders" in cli("schema", "templates").stdout
    assert cli("schema", "apply").exit_code == 2


def test_schema_show__of_a_table__shows_its_columns(server: Server, cli: Run) -> None:
    columns = [
        {"name": "value", "type": "decimal", "precision": 18, "scale": 2, "nullable": False, "pii": "none"}
    ]
    server.on("GET schemas/workspace/tables/t", answer({"name": "t", "columns": columns}))
    assert "value\tdecimal(18, 2)\tnot null\tnone" in cli("schema", "show", "t").stdout


def test_pipeline_apply__by_name__makes_or_changes(server: Server, cli: Run) -> None:
    server.on("GET pipelines", answer([]), answer([{"id": "pl_1", "name": "nightly"}]))
    server.on("POST pipelines", answer({"id": "pl_1", "name": "nightly"}, status=201))
    server.on("PUT pipelines/pl_1", answer({"id": "pl_1", "name": "nightly"}))
    text = '{"name": "nightly", "tables": ["customers"]}'
    assert "made" in cli("pipeline", "apply", "-", given=text).stderr
    assert "changed" in cli("pipeline", "apply", "-", given=text).stderr
    assert server.sent("PUT pipelines/pl_1") == json.loads(text)
    assert cli("pipeline", "apply", "-", given="{}").exit_code == 2


def test_pipeline_apply__of_some_that_start_after_others__sends_those_first(server: Server, cli: Run) -> None:
    names = ["c", "b", "a", "x", "y"]
    after = {"c": ["b", "elsewhere"], "b": ["a"], "x": ["y"], "y": ["x"]}
    documents = [
        {"name": name, "tables": ["t"], **({"after": {"pipelines": after[name]}} if name in after else {})}
        for name in names
    ]
    server.on("GET pipelines", answer([]))
    server.on("POST pipelines", answer({"id": "pl_1"}, status=201))
    told = cli("pipeline", "apply", "-", given=json.dumps(documents)).stderr
    assert [line.split(":")[0] for line in told.splitlines()] == ["a", "b", "c", "x", "y"]


def test_pipeline_run__followed__shows_the_ledger_at_its_end(server: Server, cli: Run) -> None:
    server.on("POST pipelines/run", run("queued"))
    server.on("GET runs/run_1", run("queued"), run("running", 0.5), run("success", 1.0, steps=[STEP]))
    result = cli("pipeline", "run", "--workspace", "staging", "-t", "customers", "--full-refresh")
    assert result.exit_code == 0, result.output
    assert server.headers("POST pipelines/run")["X-Workspace"] == "staging"
    assert server.sent("POST pipelines/run") == {"tables": ["customers"], "full_refresh": True}
    assert result.stderr.splitlines() == ["Run run_1: queued", "Run run_1: running", "Run run_1: success"]
    lines = result.stdout.splitlines()
    assert lines[0] == "Run run_1: success, 0.8 s in its tables"
    assert lines[2] == "customers\tsuccess\t10,000\t120\t80\t37\t9,763\t\t\t0.8 s"
    assert lines[3] == "customers: rejected invalid_email 30, null_not_allowed 7"


def test_pipeline_run__that_fails__ends_with_1_and_says_why(server: Server, cli: Run) -> None:
    error = {"code": "LEDGER_UNBALANCED", "message": "3 rows are missing."}
    step = {**STEP, "status": "failed", "error": error}
    server.on("GET pipelines", answer([{"id": "pl_1", "name": "nightly"}]))
    server.on("POST pipelines/pl_1/run", run("queued"))
    server.on("GET runs/run_1", run("failed", 1.0, steps=[step], error=error))
    result = cli("pipeline", "run", "nightly")
    assert result.exit_code == 1
    assert "customers: 3 rows are missing. [LEDGER_UNBALANCED]" in result.stdout
    assert json.loads(cli("pipeline", "run", "nightly", "--json").stdout)["status"] == "failed"


def test_pipeline_run__not_followed__gives_the_runs_id(server: Server, cli: Run) -> None:
    server.on("POST pipelines/run", run("queued"))
    result = cli("pipeline", "run", "--no-follow")
    assert (result.exit_code, result.stdout) == (0, "run_1\n")
    assert "GET runs/run_1" not in server.calls


def test_pipeline_run__interrupted__says_that_the_run_goes_on(
    server: Server, cli: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    server.on("POST pipelines/run", run("queued"))
    monkeypatch.setattr("datalinx.client.endpoints.runs.Runs.wait", interrupted)
    result = cli("pipeline", "run")
    assert result.exit_code == 130
    assert "run_1 goes on" in result.stderr


def test_runs__listed_shown_and_cancelled(server: Server, cli: Run) -> None:
    one = {
        "id": "run_1",
        "pipeline": "nightly",
        "status": "running",
        "progress": 0.25,
        "totals": {"read": 10_000},
    }
    server.on("GET runs", answer([one]))
    server.on("GET runs/run_1", answer(one))
    server.on("POST runs/run_1/cancel", answer({**one, "status": "cancelled"}))
    server.on("POST runs/run_1/retry", answer({**one, "id": "run_2", "status": "queued"}, status=201))
    assert "run_1\tnightly\trunning\t\t\t\t10,000" in cli("runs", "list", "--status", "running").stdout
    assert server.query("GET runs")["status"] == "running"
    assert cli("runs", "show", "run_1").stdout == "Run run_1: running, 25%\n"
    assert "cancelled" in cli("runs", "cancel", "run_1").stdout
    assert cli("runs", "retry", "run_1").stdout == "run_2\n"


def test_runs__logs_and_rejected_rows__take_filters(server: Server, cli: Run) -> None:
    row = {
        "locator": "contacts.csv:4711",
        "field": "email",
        "reason": "invalid_email",
        "value": "a@",
        "message": "m",
    }
    server.on(
        "GET runs/run_1/logs",
        answer([{"id": 1, "at": "t", "level": "info", "table": "c", "message": "hello"}]),
    )
    server.on("GET runs/run_1/rejected", answer([row]))
    assert "t\tinfo\tc\thello" in cli("runs", "logs", "run_1", "--level", "info").stdout
    assert (
        "contacts.csv:4711\temail\tinvalid_email\ta@\tm"
        in cli("runs", "rejected", "run_1", "-t", "customers").stdout
    )
    assert server.query("GET runs/run_1/rejected")["table"] == "customers"


def test_runs_logs__followed__are_lines_of_text_as_they_come_by_the_filters(server: Server, cli: Run) -> None:
    text = (
        'id: 1\nevent: log\ndata: {"at": "t", "level": "error", "table": "c", "message": "no"}\n\n'
        'event: run\ndata: {"status": "running"}\n\nevent: end\ndata: {}\n\n'
    )
    server.on("GET runs/run_1/events", Response(text, content_type="text/event-stream"))
    assert cli("runs", "logs", "run_1", "-f", "--min-level", "warning").stdout == "t  error  c  no\n"
    assert server.query("GET runs/run_1/events")["min_level"] == "warning"


def test_runs_events__are_lines_of_json(server: Server, cli: Run) -> None:
    text = 'id: 1\nevent: log\ndata: {"message": "hi"}\n\nevent: run\ndata: {"status": "success"}\n\n'
    server.on("GET runs/run_1/events", Response(text, content_type="text/event-stream"))
    lines = [json.loads(line) for line in cli("runs", "events", "run_1").stdout.splitlines()]
    assert [(line["event"], line["id"]) for line in lines] == [("log", "1"), ("run", "1")]


RESULT = {
    "columns": [{"name": "month", "type": "VARCHAR"}, {"name": "a,b", "type": "DECIMAL"}],
    "rows": [["2026-01", "12.50"], ["x,y", None]],
    "row_count": 2,
    "truncated": True,
    "seconds": 0.01,
}


def test_query__in_each_format__is_the_same_rows(server: Server, cli: Run) -> None:
    server.on("POST analytics/query", answer(RESULT))
    piped = cli("query", "SELECT 1", "--limit", "2")
    assert piped.stdout == "month\ta,b\n2026-01\t12.50\nx,y\t\n"
    assert "--limit" in piped.stderr
    rows = list(csv.reader(io.StringIO(cli("query", "SELECT 1", "-f", "csv").stdout)))
    assert rows == [["month", "a,b"], ["2026-01", "12.50"], ["x,y", ""]]
    assert json.loads(cli("query", "SELECT 1", "-f", "json").stdout)[1] == {"month": "x,y", "a,b": None}
    assert json.loads(cli("query", "SELECT 1", "--json").stdout) == RESULT


def test_query__from_stdin_and_with_parameters__sends_both(server: Server, cli: Run, tmp_path: Path) -> None:
    server.on("POST analytics/query", answer(RESULT))
    arguments = ("-p", "since=2026-01-02", "-p", "least=5", "-p", "name=a=b")
    assert cli("query", "-", *arguments, given="SELECT 2\n").exit_code == 0
    assert server.sent("POST analytics/query") == {
        "sql": "SELECT 2\n",
        "parameters": {"since": "2026-01-02", "least": 5, "name": "a=b"},
    }
    path = tmp_path / "q.sql"
    path.write_text("SELECT 3")
    assert cli("query", f"@{path}").exit_code == 0
    assert server.sent("POST analytics/query") == {"sql": "SELECT 3"}
    assert cli("query", "SELECT 1", "-p", "nonsense").exit_code == 2


def test_query__that_is_not_allowed__ends_with_5(server: Server, cli: Run) -> None:
    server.on("POST analytics/query", refusal(422, "SQL_NOT_ALLOWED", "COPY is not allowed."))
    result = cli("query", "COPY x TO 'y'")
    assert (result.exit_code, result.stdout) == (5, "")


def test_tables__rows_as_of__names_columns_with_dots(server: Server, cli: Run) -> None:
    server.on(
        "GET tables", answer([{"name": "customers", "rows": 9763, "snapshot": 12, "columns": [{}, {}]}])
    )
    server.on(
        "GET tables/customers", answer({"name": "customers", "columns": [{"name": "id"}, {"name": "a.b"}]})
    )
    server.on("GET tables/customers/rows", answer([{"id": 1, "a.b": "x"}]))
    server.on("GET tables/customers/snapshots", answer([{"snapshot": 12, "current": True}]))
    assert "customers\t9,763\t2\t12" in cli("tables", "list").stdout
    assert cli("tables", "rows", "customers", "--as-of", "11").stdout == "id\ta.b\n1\tx\n"
    assert server.query("GET tables/customers/rows") == {"as_of": "11", "page": "1", "page_size": "20"}
    assert "12" in cli("tables", "snapshots", "customers").stdout


def test_audiences__applied_previewed_refreshed_and_listed(server: Server, cli: Run) -> None:
    audience = {"id": "aud_1", "name": "big spenders", "table": "customers", "size": 1234}
    server.on("GET audiences", answer([audience]))
    server.on("PATCH audiences/aud_1", answer(audience))
    server.on("POST audiences/preview", answer({"size": 1234, "blocks": {"all[0]": 2000}}))
    server.on("POST audiences/aud_1/refresh", answer({"size": 1234, "entered": 4, "left": 1}))
    server.on("GET audiences/aud_1/members", answer([{"key": "c1"}]))
    parts = [{"path": "all[0]", "verdict": "true", "seen": 612}, {"path": "all[1]", "verdict": "unknown"}]
    server.on("GET audiences/aud_1/explain", answer({"path": "", "verdict": "unknown", "parts": parts}))
    text = '{"name": "big spenders", "table": "customers", "key": "customer_id", "rule": {}}'
    assert "changed" in cli("audiences", "apply", "-", given=text).stderr
    assert "big spenders\tcustomers\t1,234" in cli("audiences", "list").stdout
    assert cli("audiences", "preview", "-", given=text).stdout.splitlines() == [
        "1,234 members",
        "block\tmembers",
        "all[0]\t2,000",
    ]
    assert cli("audiences", "refresh", "big spenders").stdout == "1,234 members, 4 entered, 1 left\n"
    assert cli("audiences", "members", "big spenders").stdout == "key\nc1\n"
    explained = cli("audiences", "explain", "big spenders", "c1").stdout.splitlines()
    assert explained[0] == "c1: not a member"
    assert explained[2:] == ["all[0]\t\ttrue\t612", "all[1]\t\tunknown\t"]


def test_alerts__listed_and_settled(server: Server, cli: Run) -> None:
    server.on("GET alerts", answer([{"id": "alt_1", "status": "open", "message": "m"}]))
    server.on("POST alerts/alt_1/acknowledge", answer({"id": "alt_1", "status": "acknowledged"}))
    server.on("POST alerts/alt_1/resolve", answer({"id": "alt_1", "status": "resolved"}))
    assert "alt_1\topen" in cli("alerts", "list", "-s", "open").stdout
    assert cli("alerts", "acknowledge", "alt_1").stdout == "alt_1: acknowledged.\n"
    assert cli("alerts", "resolve", "alt_1").stdout == "alt_1: resolved.\n"


def test_webhooks__added__show_their_secret_once(server: Server, cli: Run) -> None:
    made = {"id": "wh_1", "url": "https://h.example", "events": ["pipeline.failed"], "secret": "whsec_abc="}
    server.on("POST webhooks", answer(made, status=201))
    server.on("GET webhooks", answer([made]))
    server.on("POST webhooks/wh_1/test", answer({"id": "whd_1", "status": "pending"}, status=201))
    server.on(
        "GET webhooks/wh_1/deliveries", answer([{"id": "whd_1", "event": "test", "status": "delivered"}])
    )
    result = cli("webhooks", "add", "https://h.example", "-e", "pipeline.failed")
    assert "secret  whsec_abc=" in result.stdout
    assert "not shown again" in result.stderr
    assert server.sent("POST webhooks") == {"url": "https://h.example", "events": ["pipeline.failed"]}
    assert "whsec" not in cli("webhooks", "list").stdout
    assert "whd_1" in cli("webhooks", "test", "wh_1").stdout
    assert "delivered" in cli("webhooks", "deliveries", "wh_1").stdout


def test_webhooks__replayed__one_by_its_id_or_all_since_a_moment(server: Server, cli: Run) -> None:
    log = [{"number": 1, "response_status": 500, "error": "The receiver answered 500."}]
    server.on("GET webhooks/wh_1/deliveries/whd_1", answer({"id": "whd_1", "log": log}))
    server.on("POST webhooks/wh_1/deliveries/whd_1/replay", answer({"id": "whd_1", "status": "pending"}))
    server.on("POST webhooks/wh_1/replay", answer({"replayed": 7, "created": 2, "remaining": 0}))
    assert "answered 500" in cli("webhooks", "delivery", "wh_1", "whd_1").stdout
    assert cli("webhooks", "replay", "wh_1", "whd_1").stdout == "whd_1: pending.\n"
    said = cli("webhooks", "replay", "wh_1", "--since", "2026-05-01T00:00:00Z", "--missing").stdout
    assert said == "7 sent again, 2 that were missing; 0 are left.\n"
    assert server.sent("POST webhooks/wh_1/replay") == {"since": "2026-05-01T00:00:00Z", "missing": True}
    refused = cli("webhooks", "replay", "wh_1")
    assert refused.exit_code != 0
    assert "--since" in refused.stderr


def test_webhooks__rotated_and_disabled__say_what_became_of_them(server: Server, cli: Run) -> None:
    server.on("POST webhooks/wh_1/rotate-secret", answer({"id": "wh_1", "secret": "whsec_new="}))
    server.on("PATCH webhooks/wh_1", answer({"id": "wh_1", "enabled": False}))
    server.on("GET webhooks/wh_1", answer({"id": "wh_1", "enabled": False, "disabled_reason": "Gone."}))
    assert "whsec_new=" in cli("webhooks", "rotate-secret", "wh_1").stdout
    assert cli("webhooks", "disable", "wh_1").stdout == "wh_1 is disabled.\n"
    assert server.sent("PATCH webhooks/wh_1") == {"enabled": False}
    assert "Gone." in cli("webhooks", "show", "wh_1").stdout


def test_events__listed__come_in_order_after_one(server: Server, cli: Run) -> None:
    server.on("GET events", answer([{"sequence": 8, "id": "evt_8", "type": "pipeline.failed"}]))
    assert "evt_8" in cli("events", "list", "--after", "7", "-e", "pipeline.failed").stdout


def test_up__without_the_server__says_how_to_install_it(cli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datalinx.cli.commands.platform.find_spec", lambda _: None)
    result = cli("up")
    assert result.exit_code == 1
    assert "pip install 'datalinx[server]'" in result.stderr


def test_up__with_the_server__starts_it_where_it_is_told(cli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, object] = {}

    class Platform:
        @staticmethod
        def up(**arguments: object) -> int:
            given.update(arguments)
            return 0

    monkeypatch.setitem(sys.modules, "datalinx.up", Platform)
    assert cli("up", "--port", "8123", "--home", "/tmp/x").exit_code == 0
    assert given == {"host": "127.0.0.1", "port": 8123, "home": Path("/tmp/x")}
