"""What the processes of this worker's pool are at, as their parent sees it.

A process in which no thread gets its turn, because a call keeps Python's lock, neither hears nor says anything. Its
parent is another process: it sees that the signs of one that is at work have stopped, and can end it.
"""

import ctypes
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.sharedctypes import RawArray
from typing import Any

from billiard.process import current_process

# More processes than a worker has. Those beyond are seen by nobody, and end themselves as they did before.
_MOST = 256


class _Place(ctypes.Structure):
    """What one process of the pool says. It alone writes here, and its parent reads: half a change does no harm."""

    _fields_ = (
        ("process_id", ctypes.c_int64),
        ("seen_at", ctypes.c_double),
        ("ends_at", ctypes.c_double),
        ("fence", ctypes.c_int64),
        ("work", ctypes.c_char * 64),
    )


# A heartbeat gives a sign five times a second while threads have their turns.
SILENT_SECONDS = 3.0
# Memory that a fork shares.
_places: Any = RawArray(_Place, _MOST)


@dataclass(frozen=True)
class Silent:
    """A process that gave no sign for a while, and its work: an id, the number of its holder, how late it is.

    `late_seconds` is below 0 until the time of the work is over.
    """

    process_id: int
    work: str
    fence: int
    late_seconds: float


def begin(work: str, fence: int) -> None:
    """Say that this process is at `work` from now on, as its holder number `fence`."""
    if (own := _own()) is not None:
        own.work, own.fence = work.encode(), fence
        own.ends_at, own.seen_at = float("inf"), time.monotonic()
        own.process_id = os.getpid()


def end() -> None:
    """Say that this process is at nothing."""
    if (own := _own()) is not None:
        own.process_id = 0


def give_sign() -> None:
    """Say that threads of this process have their turns."""
    if (own := _own()) is not None:
        own.seen_at = time.monotonic()


def allow_until(ends_at: float) -> None:
    """Say when the time of the work is over, by the monotonic clock, which is one for all processes."""
    if (own := _own()) is not None:
        own.ends_at = ends_at


def find_silent() -> Iterator[Silent]:
    """Yield the processes of this pool that are at work and gave no sign for a while."""
    now = time.monotonic()
    for place in _places:
        if not place.process_id or now - place.seen_at <= SILENT_SECONDS:
            continue
        if _is_there(place.process_id):
            work = place.work.decode()
            yield Silent(place.process_id, work, place.fence, now - place.ends_at)
        else:
            place.process_id = 0


def forget(process_id: int) -> None:
    """Forget what a process was at that is there no more."""
    for place in _places:
        if place.process_id == process_id:
            place.process_id = 0


def _is_there(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    return True


def _own() -> Any:
    # The number of a process in its pool, which the one that replaces it has too. Others have none.
    index = getattr(current_process(), "index", None)
    return _places[index] if index is not None and index < _MOST else None
