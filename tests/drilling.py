"""Whether the long form of the drills is run, `make drills`, which some ordinary tests have too; and how patiently."""

import os


def is_long() -> bool:
    """Return whether this is the long form."""
    return os.environ.get("DRILLS") == "long"


def as_often(short: int, long: int) -> int:
    """Return how many cases are tried in this form."""
    return long if is_long() else short


def patient(seconds: float) -> float:
    """Return how long something may take: `DRILL_PATIENCE` times as long on a machine that others keep busy."""
    return seconds * float(os.environ.get("DRILL_PATIENCE", "1"))
