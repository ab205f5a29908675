"""Programs that do the same work as the platform, each in a process of its own, most in an environment of its own.

A peer is a module with requirements. It gets JSON on its standard input, does its work, and prints JSON (`answer`):
`seconds` is the wall time of the work, without starting Python and importing libraries, and `versions` says of what.
"""

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.environments import python_of, require_program
from benchmarks.measure import Taken
from benchmarks.processes import Peak

_ROOT = Path(__file__).parents[2]
_LONGEST_SECONDS = 3600


@dataclass(frozen=True)
class Peer:
    """Another way to do the work.

    `name` is what it is called in the tables, `module` what is run. `environment` names its requirements beside
    this file; without one it runs in ours. `programs` must be on the machine. One that is `slow` works once
    where others work several times.
    """

    name: str
    module: str
    environment: str | None = None
    programs: tuple[str, ...] = ()
    slow: bool = False

    def prepare(self) -> None:
        """Make sure that it can be run. Raises NotHere with the reason."""
        for program in self.programs:
            require_program(program)
        self._python()

    def run(self, work: Mapping[str, Any]) -> tuple[Taken, dict[str, str]]:
        """Do the work once; return what it took and the versions. Raises RuntimeError with its last words."""
        command = (self._python(), "-m", self.module)
        started = time.perf_counter()
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=_ROOT,
        )
        with Peak(process.pid) as peak:
            try:
                said, complained = process.communicate(json.dumps(work), timeout=_LONGEST_SECONDS)
            except BaseException:
                process.kill()
                raise
        process_seconds = time.perf_counter() - started
        if process.returncode:
            raise RuntimeError(f"{self.name} ended with {process.returncode}:\n{complained[-2000:]}")
        answer = json.loads(said)
        taken = Taken(answer["seconds"], answer["processor_seconds"], process_seconds, peak.bytes)
        return taken, answer["versions"]

    def _python(self) -> str:
        return python_of(self.environment) if self.environment else sys.executable


SQL_MAPPING = Peer("hand-written DuckDB SQL", "benchmarks.peers.sql_mapping")
POLARS_MAPPING = Peer("Polars, lazy, streaming", "benchmarks.peers.polars_mapping", "polars")
DLT_MAPPING = Peer("dlt (Arrow) and SQL", "benchmarks.peers.dlt_mapping", "dlt")
DBT_MAPPING = Peer("dbt-duckdb", "benchmarks.peers.dbt_mapping", "dbt")
SQLMESH_MAPPING = Peer("SQLMesh on DuckDB", "benchmarks.peers.sqlmesh_mapping", "sqlmesh")
PANDAS_MAPPING = Peer("pandas", "benchmarks.peers.pandas_mapping", "pandas", slow=True)
PYSPARK_MAPPING = Peer("PySpark", "benchmarks.peers.pyspark_mapping", "pyspark", ("java",), slow=True)

MAPPING_PEERS = (
    SQL_MAPPING,
    POLARS_MAPPING,
    DLT_MAPPING,
    DBT_MAPPING,
    SQLMESH_MAPPING,
    PANDAS_MAPPING,
    PYSPARK_MAPPING,
)
