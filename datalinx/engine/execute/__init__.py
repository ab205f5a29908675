"""Execution of a compiled mapping on DuckDB: one pass, a ledger that closes, rejected rows kept aside.

`run_table` makes files and publishes nothing; `preview_table` shows what a mapping makes of a sample by the
same code.
"""

from datalinx.engine.execute.ledger import Counts
from datalinx.engine.execute.preview import preview_table
from datalinx.engine.execute.rejects import REJECT_COLUMNS
from datalinx.engine.execute.results import (
    DataFile,
    Guards,
    InputReport,
    Limits,
    Preview,
    StoredTable,
    TableResult,
)
from datalinx.engine.execute.run import run_table
from datalinx.engine.execute.stored import StoredColumn, stored_columns

__all__ = [
    "REJECT_COLUMNS",
    "Counts",
    "DataFile",
    "Guards",
    "InputReport",
    "Limits",
    "Preview",
    "StoredColumn",
    "StoredTable",
    "TableResult",
    "preview_table",
    "run_table",
    "stored_columns",
]
