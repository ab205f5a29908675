"""The demonstration's conscience: a number is printed only after it was compared."""

from typing import Any


class NumberWrong(Exception):
    """Something that the platform said is not what the files say."""


class Checks:
    """Counts the comparisons, and ends the demonstration at the first that fails."""

    def __init__(self) -> None:
        self.count = 0

    def equal(self, what: str, said: Any, true: Any) -> None:
        """Compare what the platform said with what is true. Raises NumberWrong."""
        self.count += 1
        if said != true:
            raise NumberWrong(f"{what}: the platform says {said!r}, the files say {true!r}.")
