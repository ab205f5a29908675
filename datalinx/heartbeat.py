"""Signs of life: what tells that a worker takes messages and that the scheduler ticks.

Each beats into the shared store, where the web server sees it, and touches a file in the home, by which the
health check of a container sees its own process without loading anything.
"""

import os
import socket
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from django.conf import settings
from django.core.cache import cache

from datalinx.up.probe import beat_file

INTERVAL_SECONDS = 2.0
# Five beats missed: a busy machine may delay some.
ALIVE_SECONDS = 10.0
_FORGOTTEN_SECONDS = 60.0


@dataclass(frozen=True)
class Beat:
    """One process's last sign of life. The store forgets it by its own clock: those of machines may be hours apart."""

    role: str
    host: str
    pid: int
    queues: tuple[str, ...]

    @property
    def name(self) -> str:
        """The process's name among those of its role."""
        return f"{self.host}:{self.pid}"

    @property
    def is_alive(self) -> bool:
        """Whether the process, which beat lately, is there, as far as this host can tell."""
        return self.host != socket.gethostname() or _exists(self.pid)


def beat(role: str, queues: Sequence[str] = ()) -> None:
    """Give a sign of life for this process."""
    own = Beat(role, socket.gethostname(), os.getpid(), tuple(queues))
    cache.set(_key(role, own.name), asdict(own), timeout=ALIVE_SECONDS)
    # Two that beat in the same moment can overwrite one another; the next beat, two seconds later, mends that.
    names = {own.name, *(each.name for each in _read(role))}
    cache.set(_key(role), sorted(names), timeout=_FORGOTTEN_SECONDS)
    file = beat_file(Path(settings.HOME), "-".join([role, *sorted(queues)]))
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file.touch()


def living(role: str) -> list[Beat]:
    """Return the last beat of each living process of a role: `worker` or `scheduler`."""
    return [each for each in _read(role) if each.is_alive]


def _key(role: str, name: str = "") -> str:
    return f"life:{role}:{name}" if name else f"life:{role}"


def _read(role: str) -> list[Beat]:
    names: list[str] = cache.get(_key(role), [])
    found = cache.get_many([_key(role, name) for name in names])
    return [Beat(**{**each, "queues": tuple(each["queues"])}) for each in found.values()]


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
