"""What a process and its children use: processor time, and the most memory that they held at once."""

import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

_PROC = Path("/proc")
# Often enough to see a peak, seldom enough to take a few hundredths of a processor from those that are watched.
_EVERY_SECONDS = 0.2


@dataclass(frozen=True)
class _Use:
    parent: int
    processor_seconds: float
    resident_bytes: int


def processor_seconds(pid: int) -> float:
    """The processor time of a process, of its children and of those of them that have ended."""
    return sum(use.processor_seconds for use in _tree(pid))


def resident_bytes(pid: int) -> int:
    """The memory that a process and its children hold. What they share is counted for each."""
    return sum(use.resident_bytes for use in _tree(pid))


class Peak:
    """Watches the memory of a process tree while the block runs; `bytes` is the most that was seen.

    None where the system does not say, which is everywhere but on Linux.
    """

    def __init__(self, pid: int) -> None:
        self.bytes: int | None = None
        self._pid = pid
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Peak":
        if _PROC.joinpath("self/stat").exists():
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def _watch(self) -> None:
        while True:
            self.bytes = max(self.bytes or 0, resident_bytes(self._pid))
            if self._ended.wait(_EVERY_SECONDS):
                return


def _tree(pid: int) -> Iterator[_Use]:
    uses = dict(_uses())
    children: dict[int, list[int]] = {}
    for number, use in uses.items():
        children.setdefault(use.parent, []).append(number)
    waiting = [pid]
    while waiting:
        number = waiting.pop()
        waiting += children.get(number, ())
        if number in uses:
            yield uses[number]


def _uses() -> Iterator[tuple[int, _Use]]:
    ticks, page = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
    for place in os.scandir(_PROC) if _PROC.exists() else ():
        if place.name.isdigit():
            try:
                stat = Path(place.path, "stat").read_text()
            except OSError:
                # It ended since it was listed.
                continue
            # The name of the program, in parentheses, may hold anything; what follows it is numbers.
            fields = stat.rpartition(")")[2].split()
            yield (
                int(place.name),
                _Use(
                    parent=int(fields[1]),
                    processor_seconds=sum(map(int, fields[11:15])) / ticks,
                    resident_bytes=int(fields[21]) * page,
                ),
            )
