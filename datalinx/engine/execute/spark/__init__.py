"""Execution of a compiled mapping on Apache Spark: the same plan, rules and files as on DuckDB, over many machines.

Spark joins, computes, checks and resolves keys. The worker's own DuckDB reads the sources for it, counts what
Spark wrote, and describes the rejected rows; so both engines share the code that decides and the code that counts.
"""

from datalinx.engine.execute.spark.availability import why_unavailable
from datalinx.engine.execute.spark.run import run_table

__all__ = ["run_table", "why_unavailable"]
