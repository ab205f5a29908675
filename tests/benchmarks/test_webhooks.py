"""B9 in its short form: sender and receiver in processes, each event received once from both."""

import json
import os
import subprocess
import sys
from pathlib import Path

from benchmarks.servers import POSTGRESQL as SERVER
from benchmarks.webhooks import BARE, CLIENT, POSTGRESQL, SQLITE


def test_b9__short_form__has_figures_of_both_and_their_rates(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    settings = {name: value for name, value in os.environ.items() if not name.startswith("DATALINX_")}
    settings.pop(SERVER, None)
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "B9"],
        env=settings | {"BENCH_EVENTS": "150", "BENCH_ROUNDS": "1", "BENCH_RESULTS": str(path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(path.read_text())["B9"]
    assert set(found["figures"]) == {SQLITE, BARE, CLIENT}
    assert set(found["absent"]) == {POSTGRESQL}
    assert all(rate > 0 for rate in found["notes"]["events a second"].values())
    assert [reach["at_most"] for reach in found["reaches"]] == [1 / 0.7]
