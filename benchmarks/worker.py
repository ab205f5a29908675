"""A worker of the platform in a process of its own, so that its time and memory can be watched from outside.

`python -m benchmarks.worker` reads ids of runs, a line each, brings each run to its end, and says so in a line.
"""

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from types import TracebackType

from benchmarks.measure import Taken
from benchmarks.processes import Peak, processor_seconds

_DONE = "done"


class Worker:
    """The worker, alive while the block runs. It works on the instance that this process has open."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = os.environ | dict(environment or {})

    def __enter__(self) -> "Worker":
        self._process = subprocess.Popen(
            (sys.executable, "-m", "benchmarks.worker"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            env=self._environment,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # It ends when there is nothing more to read.
        self._process.communicate(timeout=60)

    def execute(self, run_id: str) -> Taken:
        """Bring a run to its end. Raises RuntimeError when the worker is gone."""
        pid, work, answers = self._process.pid, self._process.stdin, self._process.stdout
        assert work is not None
        assert answers is not None
        before, started = processor_seconds(pid), time.perf_counter()
        with Peak(pid) as peak:
            work.write(f"{run_id}\n")
            said = answers.readline().strip()
        if said != _DONE:
            raise RuntimeError(f"the worker ended with {self._process.wait()}")
        seconds, spent = time.perf_counter() - started, processor_seconds(pid) - before
        return Taken(seconds, spent, peak_bytes=peak.bytes)


def main() -> None:
    """Work until there is nothing more to read."""
    output = os.fdopen(os.dup(1), "w", buffering=1)
    # What libraries print is not an answer.
    os.dup2(2, 1)
    import django

    django.setup()
    from apps.pipelines.services.execution import execute_run

    for line in sys.stdin:
        execute_run(line.strip())
        output.write(f"{_DONE}\n")


if __name__ == "__main__":
    main()
