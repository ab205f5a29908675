"""What a benchmark found, for people as a table of ratios and for machines in `benchmarks/results.json`."""

import json
import os
import platform
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.measure import Comparison

RESULTS = Path(__file__).with_name("results.json")
_LIBRARIES = (
    "duckdb",
    "pyiceberg",
    "pyarrow",
    "sqlglot",
    "Django",
    "djangorestframework",
    "celery",
    "orjson",
)


def tell(comparison: Comparison) -> None:
    """Print what was found and keep it among the results, in place of an older one of the same benchmark."""
    table = Table(title=f"{comparison.id}: {comparison.title}", title_justify="left", caption_justify="left")
    for name in ("who", "median s", "least s", "most s", "ratio"):
        table.add_column(name, justify="left" if name == "who" else "right")
    for name, seconds in comparison.seconds.items():
        figures = (comparison.median(name), min(seconds), max(seconds), comparison.ratio(name))
        table.add_row(name, *(f"{figure:.3f}" for figure in figures))
    table.caption = f"reach: {comparison.reach}"
    console = Console(highlight=False)
    console.print(table)
    for name, value in comparison.notes.items():
        console.print(f"  {name}: {value}")
    _keep(comparison)


def _keep(comparison: Comparison) -> None:
    results: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    found = asdict(comparison)
    found["median"] = {name: round(comparison.median(name), 4) for name in comparison.seconds}
    found["ratio"] = {name: round(comparison.ratio(name), 3) for name in comparison.seconds}
    found["seconds"] = {
        name: [round(each, 4) for each in rounds] for name, rounds in comparison.seconds.items()
    }
    found |= {"measured_at": datetime.now(UTC).isoformat(timespec="seconds"), "machine": _machine()}
    results[comparison.id] = found
    RESULTS.write_text(json.dumps(dict(sorted(results.items())), indent=2) + "\n")


def _machine() -> dict[str, Any]:
    return {
        "processors": os.cpu_count(),
        # Who else was at work: figures from a busy machine are good for ratios alone.
        "load": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in _LIBRARIES},
    }
