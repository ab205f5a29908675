"""What the kernel is asked to hold a query's process to. Each limit is set where the system has it.

On Linux all of them hold. macOS ignores the address-space limit and has no parent-death signal: there the
wall clock, the closed pipe and DuckDB's own memory limit remain.
"""

import ctypes
import math
import os
import resource
import signal
import sys
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38


def harden(parent: int) -> None:
    """Make this process a session of its own that writes nothing and dies with `parent`, its process id."""
    os.setsid()
    os.chdir("/")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    # Writing past the limit is then an error that DuckDB reports, and not a signal.
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    for kind in (signal.SIGALRM, signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
        signal.signal(kind, signal.SIG_DFL)
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if os.getppid() != parent:
        # The parent died between the fork and the line above, so its signal will never come.
        os._exit(1)


def limit_time(seconds: float, threads: int) -> None:
    """End this process by SIGALRM half a second after `seconds` of wall time, or after as much work on all threads.

    The parent kills at `seconds`; this is for the case that the parent is not there to do it.
    """
    signal.setitimer(signal.ITIMER_REAL, seconds + 0.5)
    work = math.ceil(seconds * threads) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (work, work + 1))


class MemoryMeter:
    """Knows how much address space this process has. Made before the process loses the right to open files."""

    def __init__(self) -> None:
        self._pages = Path("/proc/self/statm").open() if sys.platform == "linux" else None  # noqa: SIM115

    def limit(self, more_bytes: int) -> None:
        """Allow `more_bytes` of address space beyond what the process has now.

        An absolute figure would refuse harmless queries: threads reserve far more than they use.
        """
        if self._pages is not None:
            size = int(self._pages.read().split()[0]) * resource.getpagesize() + more_bytes
            resource.setrlimit(resource.RLIMIT_AS, (size, size))
            self._pages.close()
