"""The supervisor with small programs: what it starts, starts again, and ends."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Runs in a process of its own, because a supervisor reaps every child of its process.
DRIVER = """
import json, sys
import datalinx.up.supervisor
datalinx.up.supervisor._WORD_SECONDS = 1.0
from pathlib import Path
from datalinx.up.output import show
from datalinx.up.programs import Program
from datalinx.up.refusal import Refusal
from datalinx.up.supervisor import Readiness, Supervisor

folder, first, *programs = json.loads(sys.argv[1])
ready = Path(folder, "ready")
missing = lambda: "" if ready.exists() else "The file is missing."
readiness = Readiness(what_is_missing=missing, announce=lambda: print("ready", flush=True))
made = [Program(name, tuple(command)) for name, command in programs]
once = Program("first", tuple(first)) if first else None
def then(code):
    if code:
        raise Refusal(f"first ended with {code}")
try:
    Supervisor(made, Path(folder), readiness).run(once, then)
except Refusal as refusal:
    show(f"refused: {refusal}")
    sys.exit(1)
"""


class Run:
    """A supervisor under test."""

    def __init__(self, folder: Path, first: list[str] | None, programs: list[tuple[str, list[str]]]) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-c", DRIVER, json.dumps([str(folder), first, *programs])],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def end(self, number: int = signal.SIGTERM) -> tuple[int, float, str]:
        """Return the exit code, the seconds that ending took and what standard error said."""
        started = time.monotonic()
        self.process.send_signal(number)
        _, said = self.process.communicate(timeout=20)
        return self.process.returncode, time.monotonic() - started, said


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[..., Run]]:
    made: list[Run] = []

    def start(*programs: tuple[str, str], first: str | None = None) -> Run:
        commands = [(name, [sys.executable, "-c", textwrap.dedent(code)]) for name, code in programs]
        made.append(Run(tmp_path, [sys.executable, "-c", first] if first else None, commands))
        return made[-1]

    yield start
    for each in made:
        if each.process.poll() is None:
            each.process.kill()
        each.process.communicate(timeout=10)


LIVES = "import os, time; open('{file}', 'a').write(f'{{os.getpid()}}\\n'); time.sleep(60)"


def test_supervisor__a_killed_program__runs_again_within_two_seconds_every_time(
    run: Callable[..., Run], tmp_path: Path
) -> None:
    file = tmp_path / "pids"
    run(("one", LIVES.format(file=file)))
    for count in range(1, 5):
        pid = _wait_for_lines(file, count)[-1]
        os.kill(int(pid), signal.SIGKILL)
        killed = time.monotonic()
        _wait_for_lines(file, count + 1)
        assert time.monotonic() - killed < 2


def test_supervisor__told_to_end__ends_all_and_exits_with_nothing_left(
    run: Callable[..., Run], tmp_path: Path
) -> None:
    file = tmp_path / "pids"
    running = run(("one", LIVES.format(file=file)), ("two", LIVES.format(file=file)))
    pids = _wait_for_lines(file, 2)
    code, seconds, _ = running.end()
    assert (code, seconds < 3) == (0, True)
    assert not [pid for pid in pids if _is_alive(int(pid))]


def test_supervisor__a_program_that_will_not_end__is_killed_within_ten_seconds(
    run: Callable[..., Run], tmp_path: Path
) -> None:
    file = tmp_path / "pids"
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + LIVES.format(file=file)
    running = run(("deaf", deaf))
    (pid,) = _wait_for_lines(file, 1)
    code, seconds, _ = running.end()
    assert (code, seconds < 10) == (0, True)
    assert not _is_alive(int(pid))


def test_supervisor__a_second_interrupt__ends_at_once(run: Callable[..., Run], tmp_path: Path) -> None:
    file = tmp_path / "pids"
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + LIVES.format(file=file)
    running = run(("deaf", deaf))
    _wait_for_lines(file, 1)
    running.process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    code, seconds, _ = running.end(signal.SIGINT)
    assert (code, seconds < 3) == (0, True)


def test_supervisor__grandchildren_of_a_killed_program__go_with_it(
    run: Callable[..., Run], tmp_path: Path
) -> None:
    file, orphan = tmp_path / "pids", tmp_path / "orphan"
    # The grandchild leaves the group too, as a sandbox's process does.
    code = f"""
    import subprocess, sys
    subprocess.Popen([sys.executable, "-c", {LIVES.format(file=orphan)!r}], start_new_session=True)
    {LIVES.format(file=file)}
    """
    run(("one", code))
    (grandchild,) = _wait_for_lines(orphan, 1)
    os.kill(int(_wait_for_lines(file, 1)[0]), signal.SIGKILL)
    _wait_for_lines(file, 2)
    _wait_until(lambda: not _is_alive(int(grandchild)))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
def test_supervisor__killed_itself__takes_its_programs_along(run: Callable[..., Run], tmp_path: Path) -> None:
    file = tmp_path / "pids"
    running = run(("one", LIVES.format(file=file)))
    (pid,) = _wait_for_lines(file, 1)
    running.process.kill()
    _wait_until(lambda: not _is_alive(int(pid)))


def test_supervisor__a_program_that_cannot_start__ends_with_one_sentence(run: Callable[..., Run]) -> None:
    running = run(("broken", "import sys; sys.exit('no such table: users')"))
    _, said = running.process.communicate(timeout=20)
    assert running.process.returncode == 1
    (sentence,) = [line for line in said.splitlines() if line.startswith("refused")]
    assert "broken ended 5 times while starting (no such table: users)" in sentence
    assert "broken.log" in sentence


def test_supervisor__a_program_that_fails_once_all_were_ready__is_never_given_up(
    run: Callable[..., Run], tmp_path: Path
) -> None:
    (tmp_path / "ready").touch()
    file = tmp_path / "pids"
    code = LIVES.format(file=file).replace("time.sleep(60)", "time.sleep(0.05); raise SystemExit(1)")
    running = run(("broken", code))
    assert running.process.stdout is not None
    assert running.process.stdout.readline() == "ready\n"
    _wait_for_lines(file, 8)
    assert running.process.poll() is None


def test_supervisor__that_waits_long__says_what_for(run: Callable[..., Run], tmp_path: Path) -> None:
    running = run(("one", LIVES.format(file=tmp_path / "pids")))
    assert running.process.stderr is not None
    assert running.process.stderr.readline() == "Not ready yet: The file is missing.\n"


def test_supervisor__the_first_program__ends_before_the_others_start(
    run: Callable[..., Run], tmp_path: Path
) -> None:
    file, mark = tmp_path / "pids", tmp_path / "mark"
    first = f"import time, pathlib; time.sleep(0.5); pathlib.Path({str(mark)!r}).touch()"
    code = f"import pathlib; assert pathlib.Path({str(mark)!r}).exists(); " + LIVES.format(file=file)
    run(("one", code), first=first)
    _wait_for_lines(file, 1)


def test_supervisor__the_first_program_failing__starts_nothing(
    run: Callable[..., Run], tmp_path: Path
) -> None:
    file = tmp_path / "pids"
    running = run(("one", LIVES.format(file=file)), first="raise SystemExit(3)")
    _, said = running.process.communicate(timeout=10)
    assert "refused: first ended with 3" in said
    assert not file.exists()


def test_supervisor__told_to_end_during_the_first_program__ends_it_too(
    run: Callable[..., Run], tmp_path: Path
) -> None:
    file = tmp_path / "pids"
    running = run(("one", "pass"), first=LIVES.format(file=file))
    (pid,) = _wait_for_lines(file, 1)
    code, seconds, _ = running.end()
    assert (code, seconds < 3) == (0, True)
    assert not _is_alive(int(pid))


def test_supervisor__what_programs_say__is_kept_in_files_and_shown(
    run: Callable[..., Run], tmp_path: Path
) -> None:
    file = tmp_path / "pids"
    event = json.dumps(
        {"timestamp": "2026-01-02T03:04:05Z", "level": "info", "event": "It is here", "run": "run_1"}
    )
    running = run(("one", f"print({event!r}); print('zwölf ✓'); " + LIVES.format(file=file)))
    _wait_for_lines(file, 1)
    _, _, said = running.end()
    assert "03:04:05 one             It is here  run=run_1" in said
    assert "one             zwölf ✓" in said
    assert (tmp_path / "one.log").read_text().splitlines()[:2] == [event, "zwölf ✓"]


def test_supervisor__nobody_reading_its_standard_error__goes_on(
    run: Callable[..., Run], tmp_path: Path
) -> None:
    file = tmp_path / "pids"
    # Four megabytes, many times what a pipe holds.
    run(("loud", "[print('x' * 1000) for _ in range(4000)]; " + LIVES.format(file=file)))
    _wait_for_lines(file, 1)


def _wait_for_lines(file: Path, count: int, seconds: float = 15) -> list[str]:
    _wait_until(lambda: file.exists() and len(file.read_text().splitlines()) >= count, seconds)
    return file.read_text().splitlines()


def _wait_until(condition: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "It did not happen in time."
        time.sleep(0.01)


def _is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"
