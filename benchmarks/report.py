"""What a benchmark found, for people as a table of ratios and for machines in `benchmarks/results.json`."""

import json
import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.measure import Comparison
from datalinx.machine import memory_bytes

# What may have been looked at besides the time: the figure's name, its heading, its unit and how it is shown.
_MORE = (
    ("processor_seconds", "processor s", 1, ".1f"),
    ("process_seconds", "process s", 1, ".1f"),
    ("peak_bytes", "peak MB", 1e6, ",.0f"),
)

# Of the table where nobody's terminal says how wide it is.
_WIDTH = 160

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
    console = Console(highlight=False, soft_wrap=True)
    if not console.is_terminal:
        console.width = _WIDTH
    console.print(_table(comparison))
    for name, reason in comparison.absent.items():
        console.print(f"  {name}: {reason}")
    for reach in comparison.reaches:
        held = "held" if reach.held else "missed"
        console.print(f"  {held}: {reach.what} is {reach.figure:.3f}, to be {reach.at_most:g} at most")
    for name, value in comparison.notes.items():
        console.print(f"  {name}: {value}")
    _keep(comparison)


def tell_absent(name: str, reason: str) -> None:
    """Print that a benchmark was not run, and why. What is known of it from before stays."""
    Console(highlight=False, soft_wrap=True).print(f"{name}: not run: {reason}")


def _table(comparison: Comparison) -> Table:
    """The figures that were looked at, a column each."""
    table = Table(title=f"{comparison.id}: {comparison.title}", title_justify="left")
    for name in ("who", "rounds", "median s", "least s", "most s", "ratio"):
        table.add_column(name, justify="left" if name == "who" else "right")
    processor = any(comparison.processor_ratio(name) for name in comparison.taken)
    more = [each for each in _MORE if any(comparison.middle(name, each[0]) for name in comparison.taken)]
    for _, heading, _, _ in more:
        table.add_column(heading, justify="right")
    if processor:
        table.add_column("processor ratio", justify="right")
    for name, taken in comparison.taken.items():
        seconds = [each.seconds for each in taken]
        figures = (comparison.median(name), min(seconds), max(seconds), comparison.ratio(name))
        others = [_shown(comparison.middle(name, attribute), unit, form) for attribute, _, unit, form in more]
        if processor:
            others.append(_shown(comparison.processor_ratio(name), 1, ".3f"))
        table.add_row(name, str(len(taken)), *(f"{figure:.3f}" for figure in figures), *others)
    return table


def _shown(value: float | None, unit: float, form: str) -> str:
    return "" if value is None else format(value / unit, form)


def _keep(comparison: Comparison) -> None:
    path = Path(os.environ.get("BENCH_RESULTS", RESULTS))
    results: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    found = {
        name: getattr(comparison, name) for name in ("id", "title", "limit", "against", "absent", "notes")
    }
    found["figures"] = {name: _figures(comparison, name) for name in comparison.taken}
    found["reaches"] = [
        {"what": each.what, "figure": round(each.figure, 3), "at_most": each.at_most, "held": each.held}
        for each in comparison.reaches
    ]
    found |= {"measured_at": datetime.now(UTC).isoformat(timespec="seconds"), "machine": _machine()}
    results[comparison.id] = found
    path.write_text(json.dumps(dict(sorted(results.items())), indent=2) + "\n")


def _figures(comparison: Comparison, name: str) -> dict[str, Any]:
    """Medians and the rounds that they are of."""
    figures = {
        "rounds": [round(each.seconds, 4) for each in comparison.taken[name]],
        "median_seconds": round(comparison.median(name), 4),
        "ratio": round(comparison.ratio(name), 3),
    }
    if (ratio := comparison.processor_ratio(name)) is not None:
        figures["processor_ratio"] = round(ratio, 3)
    for attribute, _, unit, _ in _MORE:
        if (value := comparison.middle(name, attribute)) is not None:
            key = attribute.replace("bytes", "megabytes")
            figures[key] = round(value / unit, 2)
    return figures


def _machine() -> dict[str, Any]:
    return {
        "processors": os.cpu_count(),
        # Who else was at work: figures from a busy machine are good for ratios alone.
        "load": round(os.getloadavg()[0], 1),
        "memory_gigabytes": round(memory_bytes() / 1e9, 1),
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in _LIBRARIES},
    }
