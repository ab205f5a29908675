"""Whether this worker was told to end: set where the signal arrives, seen at once in the processes that do the work.

A worker is a parent and the children that it forked. The parent alone hears of the end, and gives its children only
a moment before it ends them too: what they hold can be handed over within that moment.
"""

import ctypes
from multiprocessing.sharedctypes import RawValue

# Memory that a fork shares. No lock: it is written from a signal's handler, and only ever in one direction.
_asked = RawValue(ctypes.c_bool, False)


def ask_to_stop() -> None:
    """Tell this process, its parent and all that were forked from them that they are to end."""
    _asked.value = True


def is_stopping() -> bool:
    """Return whether the end was asked for."""
    return bool(_asked.value)


def begin_anew() -> None:
    """Forget an end that was asked for: a worker begins."""
    _asked.value = False
