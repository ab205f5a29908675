"""A run on a platform that really runs: done by a worker, and taken up again when that worker is killed."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.journey import MAPPING, SCHEMA
from tests.up.conftest import FIRST, ROOT, Platform

pytestmark = [
    pytest.mark.skipif(not Path("/proc/self").exists(), reason="reads the list of processes from /proc")
]

# Enough for a run of some seconds, so that a worker can be killed in the middle of it.
ROWS = 1_500_000


class Client:
    """The API of a platform, as its administrator in one workspace."""

    def __init__(self, platform: Platform) -> None:
        self.url = platform.url
        self.headers: dict[str, str] = {}
        login = {"email": FIRST["DATALINX_ADMIN_EMAIL"], "password": FIRST["DATALINX_ADMIN_PASSWORD"]}
        token = self.call("POST", "/api/auth/login", login)["access_token"]
        self.headers["Authorization"] = f"Bearer {token}"
        name = f"w{uuid.uuid4().hex[:8]}"
        self.call("POST", "/api/workspaces", {"name": name})
        self.headers["X-Workspace"] = name

    def call(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        return self._send(method, path, data, "application/json")

    def upload(self, path: str, name: str, content: bytes) -> Any:
        boundary = uuid.uuid4().hex
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
        data = head.encode() + content + f"\r\n--{boundary}--\r\n".encode()
        return self._send("POST", path, data, f"multipart/form-data; boundary={boundary}")

    def _send(self, method: str, path: str, data: bytes | None, kind: str) -> Any:
        headers = {**self.headers, "Content-Type": kind}
        request = urllib.request.Request(self.url + path, data=data, headers=headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            found = json.loads(answer.read())
        return found.get("data", found)

    def pipeline(self, rows: int) -> str:
        """Make a source of so many rows, with all that a run needs, and return the pipeline's id."""
        source = self.call("POST", "/api/sources", {"name": "crm", "connector": "file"})
        text = io.StringIO("contact_id,mail,amount,joined\n")
        text.seek(0, io.SEEK_END)
        text.writelines(
            f"{number},p{number}@example.org,{number % 100}.50,2024-01-31\n" for number in range(rows)
        )
        self.upload(f"/api/sources/{source['id']}/upload", "contacts.csv", text.getvalue().encode())
        self.call("PUT", "/api/schemas/workspace", SCHEMA)
        self.call("PUT", "/api/mappings/customers", MAPPING)
        made = self.call("POST", "/api/pipelines", {"name": "nightly", "tables": ["customers"]})
        return str(made["id"])

    def start(self, pipeline: str) -> str:
        return str(self.call("POST", f"/api/pipelines/{pipeline}/run", {})["id"])

    def wait_for(self, run: str, states: set[str], seconds: float) -> dict[str, Any]:
        deadline = time.monotonic() + seconds
        while (found := self.call("GET", f"/api/runs/{run}"))["status"] not in states:
            assert time.monotonic() < deadline, f"The run is still {found['status']}."
            time.sleep(0.05)
        return dict(found)


def test_run__on_a_running_platform__is_done_by_a_worker(platform: Platform) -> None:
    client = Client(platform)
    pipeline = client.pipeline(rows=1000)
    found = client.wait_for(client.start(pipeline), {"success", "failed", "cancelled"}, seconds=45)
    assert found["status"] == "success", found
    rows = client.call("POST", "/api/analytics/query", {"sql": "SELECT count(*) FROM customers"})["rows"]
    assert rows == [[1000]]


@pytest.mark.slow
def test_run__its_worker_killed_with_all_processes__is_taken_up_and_ends_within_45_seconds(
    platform: Platform,
) -> None:
    client = Client(platform)
    run = client.start(client.pipeline(ROWS))
    client.wait_for(run, {"running"}, seconds=30)
    time.sleep(0.3)
    for pid in platform.workers():
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    killed = time.monotonic()
    assert client.call("GET", f"/api/runs/{run}")["status"] == "running", (
        "It was over before the worker was killed."
    )
    found = client.wait_for(run, {"success", "failed", "cancelled"}, seconds=60)
    assert time.monotonic() - killed < 45
    assert found["status"] == "success", found
    rows = client.call("POST", "/api/analytics/query", {"sql": "SELECT count(*), sum(spent) FROM customers"})[
        "rows"
    ]
    assert rows[0][0] == ROWS


@pytest.mark.slow
def test_run__the_platform_ended_in_the_middle__is_done_after_the_next_start(
    start: Callable[..., Platform], tmp_path: Path
) -> None:
    platform = start(**FIRST)
    platform.wait_until_ready()
    client = Client(platform)
    run = client.start(client.pipeline(ROWS // 3))
    code, seconds = platform.end()
    assert (code, seconds < 10) == (0, True)
    again = start(tmp_path / "home", platform.port)
    again.wait_until_ready()
    # The same login: the keys are kept.
    found = client.wait_for(run, {"success", "failed", "cancelled"}, seconds=60)
    assert found["status"] == "success", found


# The script `datalinx`, of these sources.
COMMAND_LINE = f"{sys.executable} -c 'from datalinx.cli.main import main; main()' "


def blocks(heading: str) -> list[tuple[str, str]]:
    """Return the code under a heading of the page on runs, each with its language."""
    page = (Path(__file__).parents[2] / "docs" / "runs.md").read_text()
    section = page.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(r"```(sh|python)\n(.*?)```", section, re.DOTALL)


def test_docs__on_the_log_of_a_run__are_true_command_by_command(platform: Platform) -> None:
    client = Client(platform)
    run = client.start(client.pipeline(rows=50))
    client.wait_for(run, {"success"}, seconds=45)
    account = {"name": f"docs{uuid.uuid4().hex[:6]}", "role": "organization_admin"}
    environment = {
        **os.environ,
        "DATALINX_URL": platform.url,
        "DATALINX_API_KEY": client.call("POST", "/api/service-accounts", account)["api_key"],
        "DATALINX_WORKSPACE": client.headers["X-Workspace"],
        "PYTHONPATH": str(ROOT),
        # Neither a file of settings nor colours of whoever runs the tests.
        "HOME": str(platform.home),
        "NO_COLOR": "1",
    }

    def output(*command: str) -> str:
        done = subprocess.run(
            command,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd=platform.home,
        )
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        assert done.stderr == "", command
        return done.stdout

    answers = {}
    for language, text in blocks("Read its log"):
        code = text.replace("run_…", run).replace('"production"', repr(client.headers["X-Workspace"]))
        if language == "python":
            answers[text] = output(sys.executable, "-c", code)
            continue
        for line in code.strip().splitlines():
            command = line.replace("datalinx ", COMMAND_LINE, 1) if line.startswith("datalinx ") else line
            answers[line.replace(run, "run_…")] = output("sh", "-c", command)
    curls = [answer for line, answer in answers.items() if line.startswith("curl")]
    quiet, whole, followed, resumed = curls
    assert json.loads(quiet)["data"] == []
    lines = json.loads(whole)["data"]
    assert [set(each) for each in lines] == [{"id", "at", "level", "table", "attempt", "message"}] * len(
        lines
    )
    assert lines
    of_table = [each for each in lines if each["table"] == "customers"]
    assert followed.count("event: log") == len(of_table) > 0
    assert followed.endswith("event: end\ndata: {}\n\n")
    assert resumed.count("event: log") == sum(each["id"] > 1 for each in lines)
    warnings, chosen, follow, as_json = (
        answer for line, answer in answers.items() if line.startswith("datalinx")
    )
    assert of_table[0]["message"] not in warnings
    assert all(each["message"] in chosen for each in of_table)
    assert [each["message"] for each in lines] == [text.rpartition("  ")[2] for text in follow.splitlines()]
    assert len(json.loads(as_json)) == min(5, len(lines))
    (python,) = (answer for text, answer in answers.items() if text.startswith("from datalinx"))
    assert python.count("\n") == len(of_table) + len(lines)
