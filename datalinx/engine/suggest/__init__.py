"""Which source column could make which target column: proposals with a confidence and the reasons for it."""

from datalinx.engine.suggest.candidates import Proposal
from datalinx.engine.suggest.measuring import SAMPLE_ROWS, TableSample
from datalinx.engine.suggest.ranking import Reason, Suggestion, suggest_fields, table_score

__all__ = [
    "SAMPLE_ROWS",
    "Proposal",
    "Reason",
    "Suggestion",
    "TableSample",
    "suggest_fields",
    "table_score",
]
