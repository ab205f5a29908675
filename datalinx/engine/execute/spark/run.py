"""One table on Spark, from its inputs to new files; the same door as `execute.run`, and the same result."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from functools import partial
from typing import Any

from sqlglot import exp

from datalinx.engine.compile.plan import CompiledMapping
from datalinx.engine.execute import run
from datalinx.engine.execute.checking import Checked, check_staged
from datalinx.engine.execute.counting import Reading
from datalinx.engine.execute.cursors import start_expression
from datalinx.engine.execute.ledger import Counts
from datalinx.engine.execute.loads import Target
from datalinx.engine.execute.relations import Numbering, Relations, build_relations
from datalinx.engine.execute.results import Limits, TableResult
from datalinx.engine.execute.run import Work
from datalinx.engine.execute.session import Session
from datalinx.engine.execute.spark.answers import ask, with_questions
from datalinx.engine.execute.spark.cluster import Cluster
from datalinx.engine.execute.spark.extract import Extract, extract
from datalinx.engine.execute.spark.relations import spark_relations
from datalinx.engine.execute.spark.session import heap_bytes, is_local
from datalinx.engine.execute.spark.stage import SparkStage, plan_stage
from datalinx.engine.execute.spark.staged import SparkStaged
from datalinx.engine.execute.spark.tables import Tables
from datalinx.engine.execute.spark.target import SparkTarget
from datalinx.engine.execute.spark.text import literal
from datalinx.engine.execute.stored import rows_of
from datalinx.engine.execute.window import window_condition

_EXTRACTED = 0.2

INTERPRETED_ROWS = 2_000
"""Up to so many rows, read and stored ones, code for the expressions takes longer to make than it saves."""


def run_table(compiled: CompiledMapping, *, remote: str, **more: Any) -> TableResult:
    """Execute a mapping on the Spark at `remote`; all else is as `execute.run.run_table` has it.

    All machines of the cluster see the work folder and the files of the base under the same paths. Raise besides
    `Unavailable` `ENGINE_UNAVAILABLE` when Spark does not answer, `Failed` `ENGINE_NOT_AVAILABLE`, and `Invalid`
    `ENGINE_CANNOT` when the mapping asks for what Spark cannot compute as DuckDB does.
    """
    return run.run_table(compiled, make=partial(SparkWork, remote=remote), **more)


@dataclass
class SparkWork(Work):
    """One execution under way on Spark."""

    remote: str = ""
    cancelled: Callable[[], bool] = lambda: False
    tables: Tables | None = None
    extracts: Mapping[str, Extract] = field(default_factory=dict)
    staged_bytes: int = 0

    def session(self, cancelled: Callable[[], bool]) -> Session:
        self.cancelled = cancelled
        # Both engines work for one run, one after the other, within what it may use.
        memory = self.limits.memory_bytes
        if is_local(self.remote):
            memory = max(memory - heap_bytes(self.remote, self.limits), memory // 4)
        return Session(
            limits=Limits(memory, self.limits.threads, self.limits.temp_bytes, self.limits.file_bytes),
            workdir=self.workdir,
            cancelled=cancelled,
        )

    def run(self, session: Session) -> TableResult:
        cluster = Cluster(self.remote, self.limits, self.cancelled, lambda share: session.tick(share))  # noqa: PLW0108 - it changes
        with cluster.connected():
            self.engine = f"spark {cluster.version}"
            self.tables = Tables(cluster, session, self.workdir / "spark")
            # Says what is missing before anything is read.
            build_relations(self.compiled, self.scans)
            self._phase(session, 0.0, _EXTRACTED)
            self.extracts = extract(session, self.compiled, self.scans, self.workdir / "inputs")
            self.scans = {relation: each.scan for relation, each in self.extracts.items()}
            if self._rows(session) <= INTERPRETED_ROWS:
                cluster.interpret()
            return super().run(session)

    def _rows(self, session: Session) -> int:
        """How many rows this is about, at most; of joins by keys, how many meet them."""
        rows = [each.scan.rows or 0 for each in self.extracts.values()]
        is_cross = any(join.type == "cross" for join in self.compiled.joins)
        return (math.prod(rows) if is_cross else sum(rows)) + sum(rows_of(session, self.base.files))

    def _check_rows(
        self, session: Session, since: str | None, after_reading: Callable[[Counts], None]
    ) -> Checked:
        relations = build_relations(self.compiled, self.scans, since=since)
        scan = relations.scan
        stage = self._stage(session, relations, since=since is not None)
        staged = SparkStaged(
            session,
            self.compiled,
            self._numbering(relations),
            tables=self.tables,
            extract=self._first(),
            shown=stage.shown,
        )
        malformed = scan.malformed.count if scan is not None and scan.malformed is not None else 0
        known = scan.rows if scan is not None and since is None else None
        reading = Reading(self.compiled, relations, known, malformed)
        return check_staged(staged, stage, reading, scan=scan, after_reading=after_reading)

    def _stage(self, session: Session, relations: Relations, *, since: bool) -> SparkStage:
        """Let Spark make the table of staged rows."""
        tables, compiled, numbering = self._tables, self.compiled, self._numbering(relations)
        entries, first = spark_relations(
            tables.cluster,
            compiled,
            self.extracts,
            since=self._since(session) if since else None,
            numbering=relations.numbering,
        )
        plan, asked = with_questions(compiled)
        columns = {f"a{n}": function for n, function in enumerate(asked.values())}
        known: dict[tuple[str, str], str | None] = {}
        keeps_rows = bool(compiled.group_by) or relations.scan is None
        for attempt in range(len(asked) + 1):
            stage = plan_stage(
                plan,
                entries,
                first,
                numbering=numbering,
                keeps_rows=keeps_rows,
                asked=[*asked],
                answers=known,
            )
            if stage.gather is not None and not attempt:
                tables.keep("gathered", stage.gather)
            self.staged_bytes = tables.keep("staged", stage.select, self._types(stage), again=attempt)
            new = ask(session, columns, known)
            if not new:
                break
            known |= new
        return stage

    def _types(self, stage: SparkStage) -> dict[str, str]:
        """DuckDB's types of what is staged."""
        types = {"kind": "UTINYINT"}
        types |= {f"v{n}": field.type.duckdb for n, field in enumerate(self.compiled.fields)}
        types |= {f"w{n}": each.type for n, each in enumerate(stage.shown)}
        if self.compiled.load.cursor_type is not None:
            types["cursor"] = self.compiled.load.cursor_type
        return types

    def _numbering(self, relations: Relations) -> Numbering:
        """Rows that were read have a place of their own, however DuckDB would have numbered them."""
        if self.compiled.group_by:
            return "none"
        return "column" if relations.scan is not None else relations.numbering

    def _since(self, session: Session) -> exp.Expression:
        """The condition for rows in the window, or after the stored cursor, where that begins worked out."""
        load, cursor = self.compiled.load, self.base.cursor
        if self.window is not None:
            return window_condition(load, self.window)
        if load.cursor_input is None or cursor is None:
            raise ValueError("there is no cursor to begin at")
        text, kind = session.row(
            f"SELECT CAST(start AS VARCHAR), typeof(start) FROM (SELECT {start_expression(load, cursor)} AS start)"
        )
        start = exp.cast(exp.Literal.string(text), exp.DataType.build(kind, dialect="duckdb"))
        is_later: exp.Expression = exp.GT(this=exp.Paren(this=load.cursor_input.copy()), expression=start)
        if load.mode not in {"merge", "history"}:
            return is_later
        is_unknown = exp.Is(this=exp.Paren(this=load.cursor_input.copy()), expression=exp.null())
        return exp.Or(this=is_later, expression=is_unknown)

    def _first(self) -> Extract | None:
        read = self.compiled.input(self.compiled.first).read
        return self.extracts[read.relation] if read is not None else None

    @property
    def _tables(self) -> Tables:
        if self.tables is None:
            raise ValueError("Spark is not connected")
        return self.tables

    def _target(self) -> Target:
        now = f"CAST({literal(self.now.astimezone(UTC).isoformat())} AS TIMESTAMP)"
        return SparkTarget(
            self.layout, self.workdir, self.limits, now, tables=self._tables, bytes_read=self.staged_bytes
        )
