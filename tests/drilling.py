"""Whether the long form of the drills is run, `make drills`: some ordinary tests have one too."""

import os


def is_long() -> bool:
    """Return whether this is the long form."""
    return os.environ.get("DRILLS") == "long"


def as_often(short: int, long: int) -> int:
    """Return how many cases are tried in this form."""
    return long if is_long() else short
