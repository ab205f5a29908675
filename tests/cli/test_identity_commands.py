"""The commands of identity against a scripted server."""

import json
from pathlib import Path
from typing import Any

import pytest

from .conftest import Run, Server, answer

STATISTICS = {
    "records": 3_000,
    "clusters": 2_000,
    "clusters_of_several": 700,
    "rules": [{"name": "same e-mail", "values": 5, "records": 12, "shared_values": 1, "shared_records": 40}],
}


def stats(status: str | None = "success", **more: Any) -> dict[str, Any]:
    resolution = {"id": "res_1", "status": status, "error": None, **more} if status else None
    return {
        "generation": 2,
        "statistics": STATISTICS if status == "success" else None,
        "resolution": resolution,
    }


def test_rules__shown_and_applied__are_the_document(server: Server, cli: Run, tmp_path: Path) -> None:
    document = {"tables": [], "rules": [{"name": "r", "match": ["email"]}], "version": 3}
    server.on("GET identity", answer(document))
    server.on("PUT identity", answer({**document, "version": 4}))
    assert json.loads(cli("identity", "show").stdout) == document
    file = tmp_path / "rules.yaml"
    file.write_text("rules: [{name: r, match: [email]}]\n")
    assert cli("identity", "apply", str(file)).stdout == "There are 1 identity rules now (version 4).\n"
    assert server.sent("PUT identity") == {"rules": [{"name": "r", "match": ["email"]}]}


@pytest.mark.parametrize(
    ("standing", "exit_code", "said"),
    [
        (stats(), 0, "2,000 people in 3,000 records, 700 of them with several; generation 2."),
        (stats("failed", error={"code": "INPUT_MISSING", "message": "No such table."}), 1, "No such table."),
        (stats("running"), 1, "is not done"),
    ],
)
def test_resolve__waited_for__tells_how_it_ended(
    server: Server, cli: Run, standing: dict[str, Any], exit_code: int, said: str
) -> None:
    server.on("POST identity/resolve", answer({"id": "res_1", "status": "queued"}, status=201))
    server.on("GET identity/stats", answer(standing))
    ended = cli("identity", "resolve", "--timeout", "1")
    assert ended.exit_code == exit_code
    assert said in ended.stdout + ended.stderr


def test_resolve__not_waited_for__answers_at_once(server: Server, cli: Run) -> None:
    server.on("POST identity/resolve", answer({"id": "res_1", "status": "queued"}, status=201))
    assert cli("identity", "resolve", "--no-wait").stdout == "The resolution res_1 is queued.\n"


def test_cancel__of_a_resolution__says_whether_it_has_ended(server: Server, cli: Run) -> None:
    server.on("POST identity/resolve/cancel", answer({"id": "res_1", "status": "running"}))
    assert cli("identity", "cancel").stdout == "The resolution res_1 ends within seconds.\n"
    server.on("POST identity/resolve/cancel", answer({"id": "res_1", "status": "cancelled"}))
    assert cli("identity", "cancel").stdout == "The resolution res_1 is cancelled.\n"
    server.on("POST identity/resolve", answer({"id": "res_1", "status": "queued"}, status=201))
    server.on("GET identity/stats", answer({"resolution": {"id": "res_1", "status": "cancelled"}}))
    assert "The resolution was cancelled." in cli("identity", "resolve").stderr


def test_stats__before_and_after_a_resolution__are_told(server: Server, cli: Run) -> None:
    server.on("GET identity/stats", answer(stats(None)))
    assert "not asked for yet" in cli("identity", "stats").stderr
    server.on("GET identity/stats", answer(stats()))
    assert "same e-mail\t5\t12\t1\t40" in cli("identity", "stats").stdout
    assert json.loads(cli("--json", "identity", "stats").stdout)["generation"] == 2


def test_explain__of_one_and_of_two_people__is_told_with_the_chain(server: Server, cli: Run) -> None:
    step = {
        "from": {"table": "customers", "key": "1"},
        "to": {"table": "leads", "key": "4"},
        "rule": "same e-mail",
        "value": "a***@x.org",
    }
    one = {"same": True, "canonical_ids": ["idr_1", "idr_1"], "kind": "deterministic", "confidence": 1.0}
    server.on("GET identity/explain", answer({**one, "path": [step]}))
    told = cli("identity", "explain", "customers:1", "leads:4")
    assert "One person, idr_1 (deterministic, confidence 1)." in told.stderr
    assert "customers:1\tsame e-mail\ta***@x.org\tleads:4" in told.stdout
    assert server.query("GET identity/explain") == {"a": "customers:1", "b": "leads:4"}
    server.on(
        "GET identity/explain", answer({"same": False, "canonical_ids": ["idr_1", "idr_2"], "path": []})
    )
    assert "Two people: idr_1 and idr_2." in cli("identity", "explain", "customers:1", "leads:5").stderr
    assert json.loads(cli("--json", "identity", "explain", "a:1", "b:2").stdout)["same"] is False
