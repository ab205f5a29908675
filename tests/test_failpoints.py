"""Fail-points: nothing at all without their variable, and exactly what they were told with it."""

import os
import re
import signal
import subprocess
import sys
import timeit
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from datalinx import failpoints
from datalinx.checks import stop_if_wrong
from datalinx.failpoints import FailPointReached, FailPoints, Rule, parse_rules

ROOT = Path(__file__).parents[1]
PLACE = "run.before_commit"


def _process(code: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    own = {name: value for name, value in os.environ.items() if name != failpoints.VARIABLE}
    return subprocess.run(
        [sys.executable, "-c", f"from datalinx.failpoints import reach\n{code}"],
        cwd=ROOT,
        env={**own, **environment},
        capture_output=True,
        text=True,
        timeout=30,
        start_new_session=True,
        check=False,
    )


def test_reach__without_the_variable__is_a_function_that_does_nothing() -> None:
    assert _process("print(reach.__name__)").stdout == "pass_by\n"
    seconds = min(timeit.repeat(lambda: failpoints.pass_by(PLACE), number=10_000, repeat=5)) / 10_000
    assert seconds < 2e-6


def test_rules__of_every_kind__are_read() -> None:
    assert parse_rules("run.claimed=sleep:0.5; run.before_commit=kill@2;delivery.sent=raise;") == {
        "run.claimed": Rule("sleep", 0.5),
        "run.before_commit": Rule("kill", hit=2),
        "delivery.sent": Rule("raise"),
    }


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("run.nowhere=kill", "no place 'run.nowhere'"),
        ("run.claimed", "one of"),
        ("run.claimed=explode", "kill"),
        ("run.claimed=sleep:long", "name=action:number@hit"),
        ("run.claimed=kill@second", "name=action:number@hit"),
    ],
)
def test_rules__that_mean_nothing__stop_the_start(
    text: str, hint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(failpoints.VARIABLE, text)
    with pytest.raises(ImproperlyConfigured, match=r"datalinx\.E005") as caught:
        stop_if_wrong()
    assert hint in str(caught.value)


def test_rules__in_production__stop_the_start_and_do_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(failpoints.VARIABLE, f"{PLACE}=kill")
    monkeypatch.setenv("DATALINX_ENV", "production")
    with pytest.raises(ImproperlyConfigured, match=r"datalinx\.E005"):
        stop_if_wrong()
    found = _process(
        f"reach('{PLACE}'); print('lives')", DATALINX_FAILPOINTS=f"{PLACE}=kill", DATALINX_ENV="production"
    )
    assert found.stdout == "lives\n"


@pytest.mark.parametrize(
    ("action", "code"),
    [("kill", -signal.SIGKILL), ("killtree", -signal.SIGKILL), ("exit:3", 3), ("sleep:0", 0), ("raise", 1)],
)
def test_reach__of_a_place_with_an_action__does_it(action: str, code: int) -> None:
    found = _process(f"reach('run.claimed'); reach('{PLACE}')", DATALINX_FAILPOINTS=f"{PLACE}={action}")
    assert found.returncode == code
    assert ("FailPointReached" in found.stderr) == (action == "raise")


def test_reach__with_a_hit__acts_at_that_one_alone() -> None:
    points = FailPoints(f"{PLACE}=raise@2")
    points.reach(PLACE)
    with pytest.raises(FailPointReached, match=PLACE):
        points.reach(PLACE)
    points.reach(PLACE)


def test_reach__with_a_folder_of_hits__spares_the_process_that_is_started_again(tmp_path: Path) -> None:
    given = {"DATALINX_FAILPOINTS": f"{PLACE}=kill@1", "DATALINX_FAILPOINTS_STATE": str(tmp_path / "hits")}
    codes = [_process(f"reach('{PLACE}')", **given).returncode for _ in range(3)]
    assert codes == [-signal.SIGKILL, 0, 0]


def test_reach__with_a_file_of_rules__follows_what_stands_in_it_now(tmp_path: Path) -> None:
    file = tmp_path / "rules"
    points = FailPoints(f"file:{file}")
    points.reach(PLACE)
    file.write_text(f"{PLACE}=raise")
    with pytest.raises(FailPointReached):
        points.reach(PLACE)


def test_places__in_the_code_and_in_the_list__are_the_same() -> None:
    code = "\n".join(path.read_text() for top in ("apps", "datalinx") for path in (ROOT / top).rglob("*.py"))
    reached = set(re.findall(r"^\s+reach\(\"([a-z_.]+)\"\)", code, re.MULTILINE))
    assert reached == failpoints.NAMES
