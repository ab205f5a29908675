"""The tests of a table's columns, asked of its next version before anybody can read it.

A missing value passes every test but `not_null`. Of a history the versions that have not ended are asked.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from sqlglot import exp

from datalinx.engine.audience.operators import condition, operators_of
from datalinx.engine.connectors.base import Scan
from datalinx.engine.execute.results import Limits, TestResult
from datalinx.engine.execute.session import Session
from datalinx.engine.execute.stored import VALID_TO, Layout
from datalinx.engine.execute.text import duckdb_sql, quoted
from datalinx.engine.query.patterns import pattern_fault
from datalinx.engine.spec.schema import (
    AcceptedValuesTest,
    ColumnTest,
    NotNullTest,
    RangeTest,
    RegexTest,
    RelationshipTest,
    UniqueTest,
)
from datalinx.errors import Failed


@dataclass(frozen=True)
class TableTests:
    """The tests of a table by column. `stops` says that a failing one keeps the table from being published.

    `references` are the tables that relationships name, None for one that was never written. A table that names
    itself is asked for its own next version.
    """

    __test__ = False

    table: str
    columns: Mapping[str, Sequence[ColumnTest]]
    references: Mapping[str, Scan | None] = field(default_factory=dict)
    mode: Literal["gate", "warn"] = "gate"


def run_tests(
    tests: TableTests,
    files: Sequence[Path],
    *,
    layout: Layout,
    workdir: Path,
    limits: Limits,
    now: datetime,
    cancelled: Callable[[], bool],
) -> tuple[TestResult, ...]:
    """Return how the tests of a table's next version went; `files` are all of its files.

    Raise `Cancelled` with `RUN_CANCELLED`.
    """
    asked = [(name, test) for name, each in tests.columns.items() for test in each]
    if not asked or not files:
        return tuple(TestResult(name, test.test, True, 0) for name, test in asked)
    reads = [path for scan in tests.references.values() if scan is not None for path in scan.files]
    with Session(limits=limits, workdir=workdir, cancelled=cancelled) as session:
        session.confine(files=[*files, *reads], folders=[workdir])
        desk = _Desk(session, tests, layout, _relation(layout, files), now)
        return tuple(desk.run(name, test) for name, test in asked)


def require_passed(tests: TableTests, results: Sequence[TestResult]) -> None:
    """Raise `Failed` `TESTS_FAILED` when a test failed that keeps the table from being published."""
    failed = [each for each in results if not each.passed]
    if not failed or tests.mode != "gate":
        return
    shown = "; ".join(each.message for each in failed[:3])
    more = f" (and {len(failed) - 3} more)" if len(failed) > 3 else ""
    message = (
        f"{len(failed)} of {len(results)} tests of `{tests.table}` failed, so nothing was published: {shown}{more}. "
        "Mend the rows or the test, or set the pipeline's `tests` to `warn`."
    )
    details = {"tests": [{"column": each.column, "test": each.test, "rows": each.rows} for each in failed]}
    raise Failed("TESTS_FAILED", message, details=details)


def _relation(layout: Layout, files: Sequence[Path]) -> str:
    """The rows that are asked, as a SELECT of columns named as the table's."""
    names = ", ".join(f"b{n} AS {quoted(column.name)}" for n, column in enumerate(layout.columns))
    ends = [n for n, column in enumerate(layout.columns) if column.name == VALID_TO]
    current = f" WHERE b{ends[0]} IS NULL" if ends else ""
    return f"SELECT {names} FROM ({layout.read(files)}){current}"


@dataclass(frozen=True)
class _Desk:
    """Where tests are asked: a session, the rows, and the types of their columns."""

    session: Session
    tests: TableTests
    layout: Layout
    relation: str
    now: datetime

    def run(self, name: str, test: ColumnTest) -> TestResult:
        kind = next((column.type for column in self.layout.columns if column.name == name), "")
        try:
            rows = self.session.number(self._failing(name, kind, test))
        except ValueError as error:
            message = f"`{test.test}` cannot be asked of `{name}`: {error}"
            return TestResult(name, test.test, False, 0, message)
        message = f"{rows} rows of `{name}` fail `{test.test}`" if rows else ""
        return TestResult(name, test.test, not rows, rows, message)

    def _failing(self, name: str, kind: str, test: ColumnTest) -> str:
        """A SELECT of the number of rows that fail. Raise `ValueError` when the test does not fit the column."""
        column = quoted(name)
        if not kind:
            raise ValueError("the mapping does not make this column")
        match test:
            case NotNullTest():
                return f"SELECT count(*) FROM ({self.relation}) WHERE {column} IS NULL"
            case UniqueTest():
                repeated = (
                    f"SELECT count(*) AS n FROM ({self.relation}) WHERE {column} IS NOT NULL "
                    f"GROUP BY {column} HAVING count(*) > 1"
                )
                return f"SELECT sum(n) FROM ({repeated})"
            case RelationshipTest():
                return self._without_partner(column, test)
        holds = " AND ".join(f"({each})" for each in _conditions(name, kind, test, self.now)) or "TRUE"
        return f"SELECT count(*) FROM ({self.relation}) WHERE NOT ({holds})"

    def _without_partner(self, column: str, test: RelationshipTest) -> str:
        other = self.relation
        if test.table != self.tests.table:
            scan = self.tests.references.get(test.table)
            if scan is None:
                raise ValueError(f"the table `{test.table}` was never written")
            if test.column not in {each.name for each in scan.columns}:
                raise ValueError(f"the table `{test.table}` has no column `{test.column}`")
            other = scan.sql
        # As text, so that columns of different types meet too.
        return (
            f"SELECT count(*) FROM (SELECT CAST({column} AS VARCHAR) AS k FROM ({self.relation})) AS s ANTI JOIN "
            f"(SELECT CAST({quoted(test.column)} AS VARCHAR) AS k FROM ({other})) AS o ON o.k = s.k "
            "WHERE s.k IS NOT NULL"
        )


def _conditions(name: str, kind: str, test: ColumnTest, now: datetime) -> Iterator[str]:
    """What holds of a value that passes; NULL, and so passed, of a missing one."""
    wanted: list[tuple[str, Any]] = []
    match test:
        case AcceptedValuesTest():
            values = [value for value in test.values if value is not None]
            if not values:
                yield f"{quoted(name)} IS NULL"
                return
            wanted = [("in" if kind != "BOOLEAN" else "eq", values)]
        case RegexTest():
            if fault := pattern_fault(test.pattern):
                raise ValueError(fault)
            wanted = [("matches", test.pattern)]
        case RangeTest():
            wanted = [(op, end) for op, end in (("gte", test.min), ("lte", test.max)) if end is not None]
    for op, operand in wanted:
        if op not in operators_of(kind):
            raise ValueError(f"its type is {kind}")
        operands = operand if op == "eq" else [operand]
        made = [
            duckdb_sql(condition(exp.column(name, quoted=True), kind, op, each, now)) for each in operands
        ]
        yield " OR ".join(made) or "FALSE"
