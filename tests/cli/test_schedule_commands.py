"""Schedules from the command line: listed, paused, resumed, and what is refused."""

import json
from typing import Any

import pytest

from .conftest import Run, Server, answer, refusal

PIPELINE = "pl_01jd3x0000000000000000000"
NIGHTLY: dict[str, Any] = {
    "id": PIPELINE,
    "name": "nightly",
    "schedule": {"cron": "0 2 * * *", "enabled": True},
}
BY_CLOCK = {
    "pipeline_id": PIPELINE,
    "name": "nightly",
    "enabled": True,
    "cron": "0 2 * * *",
    "timezone": "Europe/London",
    "after": None,
    "next_runs": ["2026-01-11T02:00:00Z", "2026-01-12T02:00:00Z"],
    "last_run": {"id": "run_1", "status": "failed"},
    "missed_count": 1200,
    "skipped_count": 0,
}
AFTER_OTHERS = {
    **BY_CLOCK,
    "pipeline_id": "pl_2",
    "name": "report",
    "cron": None,
    "timezone": None,
    "after": {"pipelines": ["nightly", "import"], "on": "finished"},
    "next_runs": [],
    "last_run": None,
    "missed_count": 0,
}


def nightly(**schedule: Any) -> Any:
    return answer(
        {**NIGHTLY, "schedule": {**NIGHTLY["schedule"], **schedule}, "next_run_at": "2026-01-11T02:00:00Z"}
    )


def test_schedules_list__of_clock_and_triggers__is_a_table(server: Server, cli: Run) -> None:
    server.on("GET schedules", answer([BY_CLOCK, AFTER_OTHERS]))
    done = cli("schedules", "list")
    assert done.exit_code == 0
    first, second = [line.split("\t") for line in done.stdout.splitlines() if "\t" in line][-2:]
    assert first[:4] == ["nightly", "yes", "0 2 * * *", "Europe/London"]
    assert first[-3:] == ["failed", "1200", "0"]
    assert "2026-01-11" in first[5]
    assert (second[0], "nightly" in second[4], "import" in second[4]) == ("report", True, True)
    assert server.headers("GET schedules")["X-Workspace"] == "production"


def test_schedules_list__for_a_script__is_what_the_api_said(server: Server, cli: Run) -> None:
    server.on("GET schedules", answer([BY_CLOCK, AFTER_OTHERS]))
    assert json.loads(cli("schedules", "list", "--json").stdout) == [BY_CLOCK, AFTER_OTHERS]


def test_schedules_list__with_a_limit__says_that_there_are_more(server: Server, cli: Run) -> None:
    server.on("GET schedules", answer([BY_CLOCK, AFTER_OTHERS], total=2))
    done = cli("schedules", "list", "--limit", "1")
    assert (done.exit_code, "nightly" in done.stdout, "report" in done.stdout) == (0, True, False)


def test_schedules_list__of_nothing__is_no_failure(server: Server, cli: Run) -> None:
    server.on("GET schedules", answer([]))
    assert cli("schedules", "list").exit_code == 0


@pytest.mark.parametrize(
    ("status", "code", "exit_code"),
    [(401, "INVALID_API_KEY", 3), (403, "FORBIDDEN", 3), (404, "WORKSPACE_NOT_FOUND", 4)],
)
def test_schedules_list__refused__says_why_on_standard_error(
    server: Server, cli: Run, status: int, code: str, exit_code: int
) -> None:
    server.on("GET schedules", refusal(status, code, "You may not look here."))
    done = cli("schedules", "list")
    assert (done.exit_code, done.stdout) == (exit_code, "")
    assert "You may not look here." in done.stderr


@pytest.mark.parametrize("named", ["nightly", PIPELINE])
def test_pipeline_pause_and_resume__by_name_or_id__say_what_became_of_it(
    server: Server, cli: Run, named: str
) -> None:
    server.on("GET pipelines", answer([{"id": "pl_9", "name": "nightly_old"}, NIGHTLY]))
    server.on(f"POST pipelines/{PIPELINE}/pause", nightly(enabled=False))
    server.on(f"POST pipelines/{PIPELINE}/resume", nightly())
    paused = cli("pipeline", "pause", named)
    assert (paused.exit_code, paused.stdout) == (0, "The schedule of nightly is paused.\n")
    resumed = cli("pipeline", "resume", named)
    assert (resumed.exit_code, resumed.stdout) == (
        0,
        "The schedule of nightly goes on: 2026-01-11T02:00:00Z.\n",
    )
    assert json.loads(cli("pipeline", "pause", named, "--json").stdout)["schedule"]["enabled"] is False


@pytest.mark.parametrize("action", ["pause", "resume"])
@pytest.mark.parametrize(
    ("status", "code", "message", "exit_code"),
    [
        (422, "NO_SCHEDULE", "This pipeline has no schedule; give it one by changing its document.", 5),
        (403, "FORBIDDEN", "Your role may not edit pipelines.", 3),
        (404, "PIPELINE_NOT_FOUND", "There is no such pipeline that you can see.", 4),
    ],
)
def test_pipeline_pause_and_resume__refused__say_why_and_tell_a_script(
    server: Server, cli: Run, action: str, status: int, code: str, message: str, exit_code: int
) -> None:
    server.on("GET pipelines", answer([NIGHTLY]))
    server.on(f"POST pipelines/{PIPELINE}/{action}", refusal(status, code, message))
    done = cli("pipeline", action, "nightly")
    assert (done.exit_code, done.stdout, message in done.stderr) == (exit_code, "", True)


@pytest.mark.parametrize("action", ["pause", "resume"])
def test_pipeline_pause_and_resume__of_a_name_that_is_none__send_nothing(
    server: Server, cli: Run, action: str
) -> None:
    server.on("GET pipelines", answer([NIGHTLY]))
    done = cli("pipeline", action, "night")
    assert (done.exit_code, "no pipeline named 'night'" in done.stderr) == (4, True)
    assert [call for call in server.calls if call.startswith("POST")] == []
    assert cli("pipeline", action).exit_code == 2
