"""Quality scores as plain values: from 0 to 100, with a grade, what was counted, and why when nothing was."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

Dimension = Literal[
    "completeness",
    "uniqueness",
    "consistency",
    "accuracy",
    "validity",
    "timeliness",
    "relevance",
    "integrity",
]
DIMENSIONS: tuple[Dimension, ...] = (
    "completeness",
    "uniqueness",
    "consistency",
    "accuracy",
    "validity",
    "timeliness",
    "relevance",
    "integrity",
)

Grade = Literal["A", "B", "C", "D", "F"]
DEFAULT_THRESHOLDS: tuple[tuple[float, Grade], ...] = ((95, "A"), (85, "B"), (70, "C"), (50, "D"))


def grade_of(
    score: float | None, thresholds: Sequence[tuple[float, Grade]] = DEFAULT_THRESHOLDS
) -> Grade | None:
    """The letter of a score: the first threshold, from the highest, that it reaches; F below all of them."""
    if score is None:
        return None
    return next((grade for least, grade in thresholds if score >= least), "F")


@dataclass(frozen=True)
class Score:
    """One dimension. `score` is `100 × passed / checked`, or None with the reason in `note`.

    What `passed` and `checked` count stands with each dimension in `dimensions.py`. Timeliness counts hours.
    """

    score: float | None
    grade: Grade | None = None
    passed: float | None = None
    checked: float | None = None
    note: str = ""


@dataclass(frozen=True)
class ColumnScore:
    """One column: its score in every dimension that looks at single columns, None where it cannot be measured."""

    name: str
    type: str
    score: float | None
    grade: Grade | None
    dimensions: dict[str, float | None]


@dataclass(frozen=True)
class TableScore:
    """A table: the mean of the dimensions that count and could be measured, and everything behind it."""

    table: str
    rows: int
    score: float | None
    grade: Grade | None
    dimensions: dict[str, Score]
    columns: list[ColumnScore]
    seconds: float

    def attention(self, most: int = 5) -> list[str]:
        """The columns to look at first: those below the best grade, the worst first."""
        worse = [column for column in self.columns if column.score is not None and column.grade != "A"]
        return [column.name for column in sorted(worse, key=lambda column: column.score or 0.0)[:most]]

    def as_dict(self) -> dict[str, Any]:
        """The score as JSON values."""
        return asdict(self) | {"attention": self.attention()}


def share(passed: float, checked: float) -> float | None:
    """`100 × passed / checked` to two digits, None when nothing was checked; 100 means all of them."""
    if not checked:
        return None
    # Rounding must not tell of a perfect score when a few of many million failed.
    return 100.0 if passed >= checked else min(round(100 * passed / checked, 2), 99.99)
