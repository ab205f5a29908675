"""Programs that do the same work as the platform, each in a process of its own.

A peer is a command. It gets JSON on its standard input, does its work, and prints JSON: `seconds` is the wall time
of the work, without starting Python and importing libraries, and `versions` says of what.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Peer:
    """Another way to do the work: what it is called in the tables, and how it is started."""

    name: str
    command: tuple[str, ...]

    def run(self, work: Mapping[str, Any]) -> dict[str, Any]:
        """Do the work once and return what the peer printed. Raises RuntimeError with its last words."""
        done = subprocess.run(
            self.command, input=json.dumps(work), capture_output=True, text=True, check=False, timeout=1800
        )
        if done.returncode:
            raise RuntimeError(f"{self.name} ended with {done.returncode}:\n{done.stderr[-2000:]}")
        result: dict[str, Any] = json.loads(done.stdout)
        return result


SQL_MAPPING = Peer("hand-written DuckDB SQL", (sys.executable, "-m", "benchmarks.peers.sql_mapping"))
