"""Places in the code at which a test can kill, stop or fail a process, to prove that nothing is lost by it.

`reach("run.before_commit")` does nothing at all unless `DATALINX_FAILPOINTS` is set when the process starts:

    run.before_commit=kill@2;run.claimed=sleep:5;delivery.sent=raise

Each part is `name=action[:argument][@hit]`. The actions are `kill` (SIGKILL to the own process), `killtree` (to its
whole process group, as a machine that is gone), `exit[:code]`, `hang`, `seize` (to hang and let no other thread of the
process have its turn), `sleep:seconds` and `raise`. With `@2` only the second hit does it, else every one. Hits are
counted in each process by itself; where `DATALINX_FAILPOINTS_STATE` names a folder they are counted there, over all
processes, so that a process started anew does not die again. `file:/path` instead of the parts reads them from a file
at every hit: a test may change them while all runs. In production a start with any of this is refused.
"""

import ctypes
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

VARIABLE: Final = "DATALINX_FAILPOINTS"
STATE_VARIABLE: Final = "DATALINX_FAILPOINTS_STATE"
_FILE: Final = "file:"

# Every place there is. Another name is refused when a process starts.
NAMES: Final = frozenset(
    {
        "run.claimed",
        "run.extracted",
        "run.mid_batch",
        "run.before_commit",
        "run.after_commit",
        "run.before_final",
        "web.run_before_dispatch",
        "web.run_before_answer",
        "web.before_keeping",
        "delivery.claimed",
        "delivery.sent",
        "delivery.before_record",
        "schedule.moved",
        "trigger.taken",
        "trigger.started",
        "backfill.settled",
        "backfill.queued",
    }
)


class FailPointReached(RuntimeError):
    """What the action `raise` raises."""


@dataclass(frozen=True)
class Rule:
    """What happens at one place: the action, its number (seconds or exit code), and at which hit (0: at each)."""

    action: str
    number: float = 0.0
    hit: int = 0


def parse_rules(text: str) -> dict[str, Rule]:
    """Return the rules by the name of their place. Raises ValueError with the part that cannot be used."""
    rules = {}
    for part in filter(None, (each.strip() for each in text.split(";"))):
        name, _, rest = part.partition("=")
        if name not in NAMES:
            raise ValueError(f"{part!r}: there is no place {name!r}, only {', '.join(sorted(NAMES))}")
        rest, _, hit = rest.partition("@")
        action, _, number = rest.partition(":")
        if action not in _ACTIONS:
            raise ValueError(f"{part!r}: write one of {', '.join(sorted(_ACTIONS))} after the =")
        try:
            rules[name] = Rule(action, float(number or 0), int(hit or 0))
        except ValueError:
            raise ValueError(f"{part!r}: write it as name=action:number@hit") from None
    return rules


class FailPoints:
    """The rules of a process and how often each place was reached."""

    def __init__(self, text: str, state: str = "") -> None:
        self._file = Path(text.removeprefix(_FILE)) if text.startswith(_FILE) else None
        self._rules = {} if self._file else parse_rules(text)
        self._state = Path(state) if state else None
        self._hits: Counter[str] = Counter()

    def reach(self, name: str) -> None:
        """Do what the rules say for this place, if it is this hit that they mean."""
        rule = self.rules().get(name)
        if rule is not None and rule.hit in (0, self._count(name)):
            _ACTIONS[rule.action](name, rule.number)

    def rules(self) -> Mapping[str, Rule]:
        """Return the rules as they are now. Raises ValueError when the file holds something else."""
        if self._file is None:
            return self._rules
        return parse_rules(self._file.read_text(encoding="utf-8")) if self._file.exists() else {}

    def _count(self, name: str) -> int:
        if self._state is None:
            self._hits[name] += 1
            return self._hits[name]
        self._state.mkdir(parents=True, exist_ok=True)
        # One byte for each hit. The kernel appends as one step, so two processes never count the same hit.
        with (self._state / name).open("ab", buffering=0) as file:
            file.write(b".")
            return file.tell()


def _kill(name: str, number: float) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _kill_tree(name: str, number: float) -> None:
    os.killpg(os.getpgid(0), signal.SIGKILL)


def _exit(name: str, number: float) -> None:
    os._exit(int(number))


def _hang(name: str, number: float) -> None:
    while True:
        time.sleep(3600)


def _seize(name: str, number: float) -> None:
    library = ctypes.PyDLL(None)
    # A signal wakes a sleep; it is begun again.
    while True:
        library.sleep(3600)


def _sleep(name: str, number: float) -> None:
    time.sleep(number)


def _raise(name: str, number: float) -> None:
    raise FailPointReached(f"The fail-point {name} was told to raise.")


_ACTIONS: Final[Mapping[str, Callable[[str, float], None]]] = {
    "kill": _kill,
    "killtree": _kill_tree,
    "exit": _exit,
    "hang": _hang,
    "seize": _seize,
    "sleep": _sleep,
    "raise": _raise,
}


def pass_by(name: str) -> None:
    """Do nothing: what `reach` is in every process that no test has prepared."""


def find_fault(environment: Mapping[str, str]) -> str:
    """Return why a process with this environment must not start, in a sentence; empty when it may."""
    text = environment.get(VARIABLE, "")
    if not text:
        return ""
    if environment.get("DATALINX_ENV") == "production":
        return f"{VARIABLE} is set, which is for tests: it ends processes on purpose."
    try:
        FailPoints(text).rules()
    except ValueError as error:
        return f"{VARIABLE}: {error}."
    return ""


def _choose(environment: Mapping[str, str]) -> Callable[[str], None]:
    text = environment.get(VARIABLE, "")
    # A fault stops the start by a check; until then it must do no harm.
    if not text or find_fault(environment):
        return pass_by
    return FailPoints(text, environment.get(STATE_VARIABLE, "")).reach


reach: Final = _choose(os.environ)
