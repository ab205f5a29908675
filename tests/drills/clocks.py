"""Clocks of machines that a drill moves, by a small library that is loaded before their programs; servers keep theirs.

What waits (a pause, a time-out) goes by the time that passes: only what a clock on a wall shows is moved.
"""

import shutil
import struct
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("clock.c")


def build_library(folder: Path) -> str:
    """Return the path of the library, compiled into this folder; empty when there is no compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        return ""
    made = folder / "clock.so"
    command = [compiler, "-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o", str(made), str(SOURCE), "-ldl"]
    subprocess.run(command, check=True, timeout=60)
    return str(made)


class Clock:
    """The clock of one machine, which `environment` gives to its processes."""

    def __init__(self, file: Path, library: str) -> None:
        self._file = file
        if not file.exists():
            file.write_bytes(struct.pack("q", 0))
        self.environment = {"LD_PRELOAD": library, "DRILL_CLOCK": str(file)}

    def set(self, seconds: int) -> None:
        """Let the clock be fast by so many seconds from now on, or slow when there are fewer than none."""
        with self._file.open("r+b") as file:
            file.write(struct.pack("q", seconds))
