"""What this machine, or the container it is, gives: memory and processors, as the kernel limits them."""

import os
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")
# Version 1 writes "no limit" as a number just below 2^63.
_NO_LIMIT = 1 << 60


def memory_bytes(cgroup: Path = _CGROUP) -> int:
    """Return the bytes of memory that this process tree may use: the machine's, or the container's if smaller."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limits = [
        limit
        for name in ("memory.max", "memory/memory.limit_in_bytes")
        if (limit := _number(cgroup / name)) and limit < _NO_LIMIT
    ]
    return min([machine, *limits])


def processors(cgroup: Path = _CGROUP) -> int:
    """Return how many processors this process tree may keep busy, at least one."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota, period = _quota(cgroup)
    return max(1, min(usable, round(quota / period))) if quota > 0 and period > 0 else usable


def memory_for_one_run(concurrency: int) -> int:
    """Return the bytes that one of `concurrency` runs may use: half of the memory shared among them.

    The other half is for the web server, the interpreters, the page cache and what an engine uses beyond its
    limit. At least 256 MiB, below which no engine gets anywhere.
    """
    return max(256 * 1024**2, memory_bytes() // 2 // concurrency)


def _number(path: Path) -> int:
    try:
        text = path.read_text().strip()
    except OSError:
        return 0
    return int(text) if text.isdigit() else 0


def _quota(cgroup: Path) -> tuple[int, int]:
    try:
        # Version 2: "max 100000", or "150000 100000" for one and a half processors.
        quota, period = (cgroup / "cpu.max").read_text().split()
    except (OSError, ValueError):
        return _number(cgroup / "cpu/cpu.cfs_quota_us"), _number(cgroup / "cpu/cpu.cfs_period_us")
    return (int(quota), int(period)) if quota.isdigit() else (0, 0)
