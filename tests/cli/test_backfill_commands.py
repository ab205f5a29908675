"""Backfills from the command line."""

from typing import Any

import pytest

from .conftest import Run, Server, answer


def backfill(status: str, done: int = 0, **more: Any) -> Any:
    chunks = {"total": 10, "success": done, "failed": 0}
    return answer(
        {
            "id": "bf_1",
            "pipeline": "nightly",
            "status": status,
            "progress": done / 10,
            "chunks": chunks,
            "totals": {"read": done * 1000},
            "seconds_left": None,
            "error": None,
            **more,
        }
    )


def test_backfill_start__followed__tells_each_step_and_the_end(server: Server, cli: Run) -> None:
    server.on("GET pipelines", answer([{"id": "pl_1", "name": "nightly"}]))
    server.on("POST pipelines/pl_1/backfills", backfill("running"))
    server.on("GET backfills/bf_1", backfill("running", 4, seconds_left=360.0), backfill("success", 10))
    done = cli(
        "backfill",
        "start",
        "nightly",
        "--since",
        "2024-01-01",
        "--until",
        "2024-01-11",
        "--keep-going",
        "--chunk-events",
    )
    assert done.exit_code == 0
    assert "Backfill bf_1: running · 4 of 10 · about 6 min" in done.stderr
    assert "10 of 10" in done.stdout
    sent = server.sent("POST pipelines/pl_1/backfills")
    assert sent == {
        "since": "2024-01-01",
        "until": "2024-01-11",
        "on_failure": "continue",
        "notify": "chunks",
    }


@pytest.mark.parametrize("status", ["failed", "paused", "cancelled"])
def test_backfill_watch__of_one_that_does_not_succeed__ends_with_1(
    server: Server, cli: Run, status: str
) -> None:
    error = {"code": "X", "message": "A chunk failed."}
    server.on("GET backfills/bf_1", backfill(status, 3, error=error))
    done = cli("backfill", "watch", "bf_1")
    assert (done.exit_code, "A chunk failed." in done.stdout) == (1, True)


@pytest.mark.parametrize("action", ["pause", "resume", "cancel", "retry"])
def test_backfill_actions__each__are_sent_and_told(server: Server, cli: Run, action: str) -> None:
    server.on(f"POST backfills/bf_1/{action}", backfill("running"))
    assert cli("backfill", action, "bf_1").stdout == "Backfill bf_1: running.\n"


def test_backfill_list_and_failed_chunks__are_tables(server: Server, cli: Run) -> None:
    server.on("GET backfills", answer([{"id": "bf_1", "chunks": {"total": 3, "success": 1, "failed": 1}}]))
    assert "1 of 3, 1 failed" in cli("backfill", "list", "--status", "failed").stdout
    server.on("GET backfills/bf_1/chunks", answer([{"run_id": "run_7", "error": {"message": "It broke."}}]))
    shown = cli("backfill", "show", "bf_1", "--failed").stdout
    assert ("run_7" in shown, "It broke." in shown) == (True, True)
