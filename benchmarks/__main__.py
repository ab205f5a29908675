"""`python -m benchmarks [B1 …]`: measure, print a table of ratios, write `benchmarks/results.json`."""

import argparse
import sys
from collections.abc import Callable, Mapping

from benchmarks import (
    audience,
    growth,
    latency,
    listing,
    mapping_run,
    merging,
    report,
    spark_run,
    webhooks,
)
from benchmarks.environments import NotHere
from benchmarks.home import Home, open_home
from benchmarks.measure import Comparison

BENCHMARKS: Mapping[str, Callable[[Home], Comparison]] = {
    "B1": mapping_run.compare,
    "B2": growth.compare,
    "B3": merging.compare,
    "B5": listing.compare,
    "B6": latency.compare,
    "B7": audience.compare,
    "B9": webhooks.compare,
    "B10": spark_run.compare,
}


def main() -> int:
    """Measure those that were named, or all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "ids", nargs="*", metavar="ID", help=f"of {', '.join(BENCHMARKS)}; all when none is given"
    )
    given = parser.parse_args().ids or list(BENCHMARKS)
    if unknown := [name for name in given if name not in BENCHMARKS]:
        parser.error(f"there is no {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    with open_home() as home:
        for name in given:
            try:
                report.tell(BENCHMARKS[name](home))
            except NotHere as reason:
                report.tell_absent(name, str(reason))
    return 0


if __name__ == "__main__":
    sys.exit(main())
