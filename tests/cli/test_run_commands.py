"""Runs bounded, verified and replayed, and tables as of a run, from the command line."""

import json
from typing import Any

import pytest

from datalinx.cli.progress import _doing

from .conftest import Run, Server, answer
from .test_commands import STEP, run


@pytest.mark.parametrize(
    ("verified", "words", "code"),
    [(True, "verified", 0), (False, "different", 1), (None, "not possible to verify", 1)],
    ids=["the same", "different", "not possible"],
)
def test_runs_verify__ended__says_how_and_tells_a_script(
    server: Server, cli: Run, verified: bool | None, words: str, code: int
) -> None:
    report = {"verdict": "x", "reasons": ["The input 'c' is not what it was."]}
    steps = [{**STEP, "report": report}]
    server.on("POST runs/run_1/verify", run("queued", id="run_2"))
    server.on("GET runs/run_2", run("success", 1.0, id="run_2", verified=verified, steps=steps))
    done = cli("runs", "verify", "run_1")
    assert (done.exit_code, f"Run run_1: {words}." in done.stdout) == (code, True)
    assert "customers: The input 'c' is not what it was." in done.stderr


def test_runs_replay__rehearsed_and_started__sends_the_choice(server: Server, cli: Run) -> None:
    server.on("POST runs/run_1/rejected/replay", answer({"rows": 1000, "would_pass": 912, "superseded": 3}))
    told = cli("runs", "replay", "run_1", "--reason", "invalid_email", "--rehearse")
    assert "912 of 1,000 would pass, 3 of them behind a newer row." in told.stdout
    sent = server.sent("POST runs/run_1/rejected/replay")
    assert sent == {"reason": "invalid_email", "rehearse": True}
    server.on("POST runs/run_1/rejected/replay", run("queued", id="run_3"))
    assert cli("runs", "replay", "run_1", "--table", "customers").stdout.strip() == "run_3"
    assert server.sent("POST runs/run_1/rejected/replay") == {"table": "customers"}


def test_pipeline_run__with_bounds__sends_them(server: Server, cli: Run) -> None:
    server.on("POST pipelines/run", run("queued"))
    result = cli("pipeline", "run", "--since", "2024-01-01", "--until", "2024-02-01T00:00:00Z", "--no-follow")
    assert (result.exit_code, result.stdout) == (0, "run_1\n")
    assert server.sent("POST pipelines/run") == {"since": "2024-01-01", "until": "2024-02-01T00:00:00Z"}


def test_runs_show__of_a_test_run__tells_its_effect(server: Server, cli: Run) -> None:
    effect = {"new": 1200, "changed": 3, "unchanged": 5, "gone": 0}
    steps = [{**STEP, "report": {"effect": effect}}, {**STEP, "table": "orders", "report": {"effect": None}}]
    server.on("GET runs/run_1", run("success", 1.0, steps=steps))
    told = [line for line in cli("runs", "show", "run_1").stdout.splitlines() if "would be" in line]
    assert told == ["customers: would be 1,200 new, 3 changed, 5 unchanged, 0 gone"]


def test_query__as_of_a_run__asks_for_the_tables_as_they_were(server: Server, cli: Run) -> None:
    found = {"columns": [{"name": "n", "type": "BIGINT"}], "rows": [[2]], "row_count": 1, "truncated": False}
    server.on("POST analytics/query", answer(found))
    result = cli("query", "SELECT 2 AS n", "--as-of", "run_1", "--format", "csv")
    assert (result.exit_code, result.stdout) == (0, "n\n2\n")
    assert server.sent("POST analytics/query") == {"sql": "SELECT 2 AS n", "as_of": "run_1"}


def test_runs_show__of_deliveries__tells_how_each_went(server: Server, cli: Run) -> None:
    error = {"code": "LOGIN_REFUSED", "message": "The server refused the login."}
    deliveries = [
        {"destination": "dw", "status": "success", "outcome": "delivered", "snapshot": 12, "rows": 9763},
        {"destination": "dw2", "status": "failed", "outcome": "", "error": error},
        {"destination": "dw3", "status": "pending", "outcome": ""},
    ]
    server.on("GET runs/run_1", run("failed", 1.0, steps=[{**STEP, "deliveries": deliveries}]))
    told = cli("runs", "show", "run_1").stdout
    assert "customers to dw: delivered, holds version 12, 9,763 rows" in told
    assert "customers to dw2: The server refused the login. [LOGIN_REFUSED]" in told
    assert "customers to dw3: pending" in told


@pytest.mark.parametrize(
    ("run", "told"),
    [
        ({"status": "running", "estimate": {"seconds_left": 40, "based_on_runs": 3}}, "about 40 s left"),
        ({"status": "queued", "estimate": {"seconds_left": 660, "based_on_runs": 3}}, "takes about 11 min"),
        ({"status": "running", "estimate": None}, ""),
    ],
)
def test_progress__of_a_run__tells_the_time_that_is_left(run: dict[str, Any], told: str) -> None:
    assert _doing(run) == told


FOUND: dict[str, Any] = {
    "table": "customers",
    "key": {"customer_id": "4"},
    "outcome": "rejected",
    "message": "Its row at contacts.csv:4 was rejected: The value is not a valid email. (invalid_email)",
    "rejected": [{"locator": "contacts.csv:4", "message": "The value is not a valid email."}],
    "source": {
        "read": True,
        "note": "Only some of it.",
        "records": [
            {
                "outcome": "deduplicated",
                "locator": "contacts.csv:9",
                "reasons": [],
                "winner": {"customer_id": 4},
                "winner_locator": "contacts.csv:7",
            }
        ],
    },
    "notes": ["A version is not kept any more."],
}


def test_runs_find__a_record__says_what_became_of_it_and_where(server: Server, cli: Run) -> None:
    server.on("GET runs/run_1/records", answer(FOUND))
    told = cli("runs", "find", "run_1", "4", "--table", "customers")
    assert told.exit_code == 0
    lines = told.stdout.splitlines()
    assert lines[0] == f"rejected: {FOUND['message']}"
    assert lines[2] == "rejected\tcontacts.csv:4\tThe value is not a valid email."
    assert lines[3].startswith("deduplicated now\tcontacts.csv:9\tlost against")
    assert lines[3].endswith("at contacts.csv:7")
    assert told.stderr.splitlines() == ["A version is not kept any more.", "Only some of it."]


def test_tables_find__by_a_column__sends_it_as_json(server: Server, cli: Run) -> None:
    history = [{"change": "changed", "run_id": "run_2", "snapshot": 2}]
    found = {
        **FOUND,
        "outcome": "stored",
        "message": "It is in the table.",
        "rejected": [],
        "history": history,
    }
    server.on("GET tables/customers/records", answer(found))
    told = cli("tables", "find", "customers", "a@b.org", "--column", "email", "--source", "never")
    assert (told.exit_code, told.stdout.splitlines()[0]) == (0, "stored: It is in the table.")
    assert told.stdout.splitlines()[2].startswith("changed\trun_2")
    assert json.loads(server.query("GET tables/customers/records")["key"]) == {"email": "a@b.org"}
