"""Quality: eight dimensions of a stored table, each by a formula, none of them guessed."""

from datalinx.engine.quality.dimensions import LastRun
from datalinx.engine.quality.model import (
    DEFAULT_THRESHOLDS,
    DIMENSIONS,
    ColumnScore,
    Score,
    TableScore,
    grade_of,
)
from datalinx.engine.quality.scoring import QualityOptions, score_table

__all__ = [
    "DEFAULT_THRESHOLDS",
    "DIMENSIONS",
    "ColumnScore",
    "LastRun",
    "QualityOptions",
    "Score",
    "TableScore",
    "grade_of",
    "score_table",
]
