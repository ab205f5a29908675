"""Signs of life: what tells that a worker takes messages and that the scheduler ticks.

Each beats into the shared store, where the web server sees it, and touches a file in the home, by which the
health check of a container sees its own process without loading anything.
"""

import os
import socket
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.cache import cache

from datalinx.up.probe import beat_file

INTERVAL_SECONDS = 2.0
# Five beats missed: a busy machine may delay some.
ALIVE_SECONDS = 10.0
_FORGOTTEN_SECONDS = 60.0


@dataclass(frozen=True)
class Beat:
    """One process's last sign of life. `at` is in Unix seconds."""

    role: str
    host: str
    pid: int
    queues: tuple[str, ...]
    at: float

    def is_alive(self, now: float) -> bool:
        """Return whether the process is taken to live: it beat lately and, on this host, its process is there."""
        if now - self.at > ALIVE_SECONDS:
            return False
        return self.host != socket.gethostname() or _exists(self.pid)


def beat(role: str, queues: Sequence[str] = ()) -> None:
    """Give a sign of life for this process."""
    own = Beat(role, socket.gethostname(), os.getpid(), tuple(queues), time.time())
    key = _key(role)
    # Two that beat in the same moment can overwrite one another; the next beat, two seconds later, mends that.
    others = [each for each in _read(role) if (each.host, each.pid) != (own.host, own.pid)]
    recent = [each for each in others if own.at - each.at < _FORGOTTEN_SECONDS]
    cache.set(key, [asdict(each) for each in [*recent, own]], timeout=_FORGOTTEN_SECONDS)
    file = beat_file(Path(settings.HOME), "-".join([role, *sorted(queues)]))
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file.touch()


def living(role: str) -> list[Beat]:
    """Return the last beat of each living process of a role: `worker` or `scheduler`."""
    now = time.time()
    return [each for each in _read(role) if each.is_alive(now)]


def _key(role: str) -> str:
    return f"heartbeat:{role}"


def _read(role: str) -> list[Beat]:
    stored: list[dict[str, Any]] = cache.get(_key(role), [])
    return [Beat(**{**each, "queues": tuple(each["queues"])}) for each in stored]


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
