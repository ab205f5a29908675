"""The end of this process with all that it started, when something in it does not end by itself."""

import contextlib
import logging
import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path

_PROC = Path("/proc")
# The exit code by which a pool of processes knows that one of them is to be replaced and did nothing wrong.
REPLACE_ME = 0x9B
# At which a process that is at work writes the stacks of its threads, once it was told to by `faulthandler`.
TELL_STACKS = signal.SIGUSR2
_TELLING_SECONDS = 0.1


def end_process() -> None:
    """End this process at once, and every process that it started; nothing in it is asked or waited for.

    For a process of a worker's pool: the worker starts another one, and gives the message to it, which finds
    nothing to do.
    """
    for handler in logging.getLogger().handlers:
        with contextlib.suppress(Exception):
            handler.flush()
    _kill(descendants(os.getpid()))
    os._exit(REPLACE_ME)


def end_child(process_id: int) -> bool:
    """End a process that this one started, which does not answer, with all that it started; its stacks are told first.

    Return False when it is no child of this process (any more).
    """
    if process_id not in descendants(os.getpid()):
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(process_id, TELL_STACKS)
    # It writes them from the signal's handler, which needs no lock of Python's.
    time.sleep(_TELLING_SECONDS)
    _kill([*descendants(process_id), process_id])
    return True


def _kill(processes: Iterable[int]) -> None:
    for each in processes:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(each, signal.SIGKILL)


def descendants(process_id: int) -> list[int]:
    """Return the ids of the processes that a process started, and those that these started, where Linux tells."""
    children: dict[int, list[int]] = {}
    for place in _PROC.glob("[0-9]*/stat"):
        try:
            # The name before it, in brackets, may hold anything: what follows its last bracket is "state parent …".
            parent = int(place.read_text().rpartition(")")[2].split()[1])
        except (OSError, IndexError, ValueError):
            continue
        children.setdefault(parent, []).append(int(place.parent.name))
    found = list(children.get(process_id, []))
    for each in found:
        found += children.get(each, [])
    return found
