"""Desks that try a mapping on both engines, and what is compared of the outcomes."""

import os
from dataclasses import dataclass
from typing import Any

import pytest

from datalinx import errors
from datalinx.engine.execute import Limits
from tests.engine.execute.conftest import Desk, Outcome

# Another one, a Spark Connect server say, can be named for a round of the same tests.
REMOTE = os.environ.get("DATALINX_TEST_SPARK", "local[2]")
LIMITS = Limits(memory_bytes=1_536 * 1024**2, threads=2)


@dataclass
class Desks:
    """The same desk twice, once for each engine."""

    duckdb: Desk
    spark: Desk

    def run(self, **more: Any) -> tuple[Outcome, Outcome]:
        """Run on both what the DuckDB desk says; return both outcomes."""
        return self.duckdb.run(**more), self.run_spark(**more)

    def same(self, **more: Any) -> Outcome:
        """Run on both and require that nothing differs; return the outcome."""
        one, other = self.run(**more)
        assert facts(other) == facts(one)
        assert other.result.engine.startswith("spark 4.")
        return one

    def both_refuse(self, **more: Any) -> errors.DatalinxError:
        """Run on both and require that both fail for the same reason; return the failure."""
        raised = []
        for run in (lambda: self.duckdb.run(**more), lambda: self.run_spark(**more)):
            with pytest.raises(errors.DatalinxError) as caught:
                run()
            raised.append(caught.value)
        one, other = raised
        assert (other.code, other.message, other.details) == (one.code, one.message, one.details)
        return one

    def run_spark(self, **more: Any) -> Outcome:
        other = self.spark
        other.scans, other.table, other.mapping = self.duckdb.scans, self.duckdb.table, self.duckdb.mapping
        other.ctes, other.identified = self.duckdb.ctes, self.duckdb.identified
        return other.run(**more, limits=LIMITS)


def facts(outcome: Outcome) -> dict[str, Any]:
    """All that an execution gives, but for the names of files and of the engine."""
    result = outcome.result
    return {
        "counts": result.counts.as_dict(),
        "rows": sorted(map(repr, outcome.rows)),
        "rejected": outcome.rejected,
        "by_reason": dict(result.rejected_by_reason),
        "nulled": dict(result.values_nulled),
        "cursor": result.cursor,
        "hash": result.output_hash,
        "inputs": result.inputs,
    }
