"""Memory and processor time of a process are seen together with those of its children."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.processes import Peak, processor_seconds

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the system has no /proc")

_MEGABYTES = 200
_HOLDER = f"held = bytearray({_MEGABYTES} * 10**6); import time; time.sleep(1.5)"
_WORKER = "import time\nwhile time.process_time() < 0.5: pass\nprint('done', flush=True)\ninput()"


def parent_of(code: str) -> list[str]:
    """A command whose child runs the code."""
    start = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {code!r}])"
    return [sys.executable, "-c", start]


def test_peak__memory_of_a_child__is_counted() -> None:
    process = subprocess.Popen(parent_of(_HOLDER))
    with Peak(process.pid) as peak:
        process.wait()
    assert peak.bytes is not None
    assert peak.bytes > _MEGABYTES * 10**6


def test_processor_seconds__work_of_a_child__is_counted() -> None:
    process = subprocess.Popen(parent_of(_WORKER), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "done\n"
    spent = processor_seconds(process.pid)
    process.communicate("\n")
    assert spent >= 0.5
