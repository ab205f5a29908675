"""The benchmarks of the mapping run from start to end in their short form, with workers and peers in processes."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.growth import BY_HAND
from benchmarks.orders import OURS

_SIZES = {
    "BENCH_ROWS": "2000",
    "BENCH_GROWTH": "1000 2000",
    "BENCH_ROUNDS": "1",
    "BENCH_PEERS": "sql",
}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    path = tmp_path_factory.mktemp("results") / "results.json"
    settings = {name: value for name, value in os.environ.items() if not name.startswith("DATALINX_")}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "B1", "B2", "B3"],
        env=settings | _SIZES | {"BENCH_RESULTS": str(path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def test_b1__short_form__has_figures_of_both_and_names_who_did_not_run(results: dict[str, Any]) -> None:
    figures = results["B1"]["figures"]
    assert set(figures) == {OURS, BY_HAND}
    for each in figures.values():
        assert len(each["rounds"]) == 1
        assert each["median_seconds"] > 0
    assert figures[BY_HAND]["ratio"] == 1.0
    assert set(results["B1"]["absent"].values()) == {"not run: not asked for"}
    assert len(results["B1"]["absent"]) == 6


def test_b2__short_form__sets_growth_and_memory_against_their_bounds(results: dict[str, Any]) -> None:
    figures = results["B2"]["figures"]
    assert set(figures) == {
        f"{who}{size}" for who in (OURS, BY_HAND) for size in (", 1,000", ", 2,000", ", 2,000, 2,048 MiB")
    }
    assert [reach["at_most"] for reach in results["B2"]["reaches"]] == [1.1, 1.3]


def test_b3__short_form__merges_what_the_mapping_in_full_makes(results: dict[str, Any]) -> None:
    merges = results["B3"]["notes"]["last merges"]
    assert len(merges) == 2
    for counts in merges.values():
        assert counts["read"] == counts["updated"] + counts["inserted"] > 0
    assert [reach["at_most"] for reach in results["B3"]["reaches"]] == [0.2, 0.5]


def test_results__every_benchmark__say_which_machine_and_no_name_of_it(results: dict[str, Any]) -> None:
    assert set(results) == {"B1", "B2", "B3"}
    for found in results.values():
        assert set(found["machine"]) == {"processors", "load", "memory_gigabytes", "python", "libraries"}
    assert str(Path.cwd()) not in json.dumps(results)
