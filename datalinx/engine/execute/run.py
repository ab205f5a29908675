"""One table, from its inputs to new files: read, check, count and write. Publishing is the caller's."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from datalinx.engine.compile.plan import CompiledMapping
from datalinx.engine.connectors.base import Scan
from datalinx.engine.execute.checking import Checked, check_rows
from datalinx.engine.execute.cursors import later_cursor
from datalinx.engine.execute.fingerprints import output_hash, report_inputs
from datalinx.engine.execute.gate import TableTests, require_passed, run_tests
from datalinx.engine.execute.guards import require_few_deletes, require_few_rejects, require_rows
from datalinx.engine.execute.ledger import Counts, require_balance, unbalanced
from datalinx.engine.execute.loads import Loaded, Target, insert_all
from datalinx.engine.execute.merge import Merge
from datalinx.engine.execute.rejects import count_by_reason, require_no_fatal
from datalinx.engine.execute.replay import ORDINARY, Precedence
from datalinx.engine.execute.results import (
    Guards,
    Limits,
    Progress,
    StoredTable,
    TableResult,
    TestResult,
)
from datalinx.engine.execute.session import ENGINE, Session
from datalinx.engine.execute.stopped import Findings, Stopped
from datalinx.engine.execute.stored import Layout, rows_of
from datalinx.engine.execute.text import literal
from datalinx.engine.execute.window import Window, reading_condition, require_window
from datalinx.errors import Failed

# The share of the work that is done after each part, about: for the progress that people see.
_CHECKED, _LOADED = 0.7, 0.95


def run_table(
    compiled: CompiledMapping,
    *,
    scans: Mapping[str, Scan],
    workdir: Path,
    now: datetime,
    limits: Limits | None = None,
    guards: Guards | None = None,
    base: StoredTable | None = None,
    field_ids: Mapping[str, int] | None = None,
    rebuild: bool = False,
    replay: Precedence | None = None,
    window: Window | None = None,
    tests: TableTests | None = None,
    cancelled: Callable[[], bool] = lambda: False,
    progress: Progress = lambda share, counts: None,
    make: Callable[..., "Work"] | None = None,
) -> TableResult:
    """Execute a mapping and return what it made: new files, rejected rows, counts that close.

    `scans` has one entry for each of `compiled.reads`, by relation. `base` is the table as it is stored; its
    cursor decides what is read. `field_ids` are the ids of `stored_columns(compiled)`. With `rebuild` all is
    read and the table replaced, whatever the load mode. `replay` says that `compiled` is a plan of `plan_replay`:
    all of its first input is read, the stored cursor stays, and so do the stored rows that `replay` names.
    With `window` the rows in it are read, whatever the stored cursor is, and that stays where it is.
    `tests` are asked of the table as it would be. Files come into `workdir`, a private folder that the caller
    removes. `cancelled` and `progress` are called in the caller's thread.

    `make` is how another engine than DuckDB makes its work.

    Raise `Failed` with `LEDGER_UNBALANCED`, `VALUE_INVALID`, `MAX_REJECTED_EXCEEDED`, `EMPTY_SOURCE`,
    `MAX_DELETED_EXCEEDED`, `TESTS_FAILED`, `MEMORY_EXCEEDED`, `FILE_UNREADABLE`, `SOURCE_UNREADABLE`,
    `TOO_MANY_COLUMNS` or `INPUT_MISSING`, and `Cancelled` with `RUN_CANCELLED`. The failure is a `Stopped`: its
    findings are all of `workdir` that is to be used then. Raise `Invalid` with `WINDOW_NOT_POSSIBLE`.
    """
    if window is not None:
        require_window(compiled, rebuild=rebuild)
    work = (make or Work)(
        compiled=compiled,
        scans=scans,
        workdir=workdir,
        now=now,
        limits=limits or Limits(),
        guards=guards or Guards(),
        base=base or StoredTable(),
        layout=Layout.of(compiled, field_ids),
        replaces=rebuild or compiled.load.mode == "full",
        replay=replay,
        window=window,
        tests=tests,
        progress=progress,
    )
    return work.execute(cancelled)


@dataclass
class Work:
    """One execution under way; `counts` are what is known of it so far."""

    compiled: CompiledMapping
    scans: Mapping[str, Scan]
    workdir: Path
    now: datetime
    limits: Limits
    guards: Guards
    base: StoredTable
    layout: Layout
    replaces: bool
    progress: Progress
    replay: Precedence | None = None
    window: Window | None = None
    tests: TableTests | None = None
    engine: str = ENGINE
    counts: Counts = field(default_factory=Counts)
    findings: Findings = field(default_factory=lambda: Findings(Counts()))
    share: float = 0.0
    cancelled: Callable[[], bool] = lambda: False

    def execute(self, cancelled: Callable[[], bool]) -> TableResult:
        """Do it all in a private session that reads and writes nothing else."""
        self.workdir.mkdir(parents=True, exist_ok=True)
        with self.session(cancelled) as session:
            read = [path for scan in self.scans.values() for path in scan.files]
            before = self.replay.before if self.replay is not None else ()
            session.confine(files=[*read, *self.base.files, *before], folders=[self.workdir])
            self.cancelled = cancelled
            try:
                return self.run(session)
            except Failed as error:
                raise Stopped(error, self.findings) from error

    def session(self, cancelled: Callable[[], bool]) -> Session:
        """The session for this execution."""
        return Session(limits=self.limits, workdir=self.workdir, cancelled=cancelled)

    def run(self, session: Session) -> TableResult:
        """Read, check, count and write."""
        self._phase(session, 0.0, _CHECKED)
        checked = self._check(session)
        inputs = report_inputs(session, self.compiled, self.scans)
        self._find(values_nulled=checked.values_nulled, inputs=inputs)
        self._reject(session, checked)
        self._phase(session, _CHECKED, _LOADED)
        loaded = self._load(session, checked)
        self.counts = replace(
            self.counts,
            inserted=loaded.inserted,
            updated=loaded.updated,
            unchanged=loaded.unchanged,
            deleted=loaded.deleted,
        )
        self._find()
        require_balance(self.compiled.table, self.counts)
        self._phase(session, _LOADED, 1.0)
        tested = self._test(loaded)
        result = TableResult(
            counts=self.counts,
            rejected_by_reason=self.findings.rejected_by_reason,
            values_nulled=checked.values_nulled,
            files=loaded.files,
            removed_files=loaded.removed_files,
            rejected_path=self.findings.rejected_path,
            cursor=self._cursor(session, checked),
            inputs=inputs,
            output_hash=output_hash(
                session, self.layout, base=self.base, added=loaded.files, removed=loaded.removed_files
            ),
            engine=self.engine,
            superseded=loaded.superseded,
            tests=tested,
        )
        session.tick(1.0)
        return result

    def _test(self, loaded: Loaded) -> tuple[TestResult, ...]:
        """Ask the tests of the columns of the table as it would be, and stop if one fails that is a gate."""
        if self.tests is None:
            return ()
        gone = set(loaded.removed_files)
        kept = [path for path in self.base.files if path not in gone]
        results = run_tests(
            self.tests,
            [*kept, *(file.path for file in loaded.files)],
            layout=self.layout,
            workdir=self.workdir,
            limits=self.limits,
            now=self.now,
            cancelled=self.cancelled,
        )
        self._find(tests=results)
        require_passed(self.tests, results)
        return results

    def _phase(self, session: Session, start: float, stop: float) -> None:
        """Tell the progress of the statements to come as a share of the whole; it never goes back."""

        def tick(share: float) -> None:
            # A statement counts from nothing again for each of its parts.
            self.share = max(self.share, start + (stop - start) * min(share, 1.0))
            self.progress(self.share, self.counts)

        session.tick = tick
        tick(0.0)

    def _check(self, session: Session) -> Checked:
        since = self._condition()

        def after_reading(counts: Counts) -> None:
            self.counts = counts
            self._find()
            if since is None:
                require_rows(self.compiled.table, counts, self.guards)

        checked = self._check_rows(session, since, after_reading)
        self.counts = checked.counts
        return checked

    def _condition(self) -> str | None:
        """The condition on the rows of the first input, None when all of them are read."""
        starts_anew = self.replaces or self.replay is not None
        return reading_condition(
            self.compiled.load, window=self.window, cursor=None if starts_anew else self.base.cursor
        )

    def _check_rows(
        self, session: Session, since: str | None, after_reading: Callable[[Counts], None]
    ) -> Checked:
        return check_rows(session, self.compiled, self.scans, since=since, after_reading=after_reading)

    def _cursor(self, session: Session, checked: Checked) -> str | None:
        if self.replay is not None or self.window is not None:
            return self.base.cursor
        if self.replaces:
            # Of what was there before nothing is left, so that nothing holds the cursor back or ahead.
            return checked.newest
        return later_cursor(session, self.compiled.load, self.base.cursor, checked.newest)

    def _find(self, **found: Any) -> None:
        """Note what is known now, for the case that the table is not published."""
        self.findings = replace(self.findings, counts=self.counts, **found)

    def _reject(self, session: Session, checked: Checked) -> None:
        """Write the rejected rows, count them from what was written, and stop if they are too many."""
        if checked.rejects is None:
            return
        path = self.workdir / "rejected.parquet"
        session.keep_order(True)
        session.run(f"COPY ({checked.rejects}) TO {literal(path)} (FORMAT parquet, COMPRESSION zstd)")
        session.keep_order(False)
        by_reason = count_by_reason(session, path)
        self.counts = replace(self.counts, rejected=sum(by_reason.values()))
        if self.counts.rejected != checked.rejected:
            what = f"{checked.rejected} rows were rejected and {self.counts.rejected} of them were kept aside"
            raise unbalanced(self.compiled.table, what, self.counts)
        self._find(rejected_by_reason=by_reason, rejected_path=path)
        require_no_fatal(session, self.compiled, path)
        require_few_rejects(self.compiled.table, self.counts, by_reason, self.guards)

    def _load(self, session: Session, checked: Checked) -> Loaded:
        target = self._target()
        if self.replaces:
            return self._replace(session, insert_all(checked.staged, target))
        if self.compiled.load.mode == "append" or not self.base.files:
            return insert_all(checked.staged, target)
        precedence = self.replay or ORDINARY
        return Merge(checked.staged, target, self.base.files, self._allow_deletes, precedence).run()

    def _target(self) -> Target:
        now = f"CAST({literal(self.now.astimezone(UTC).isoformat())} AS TIMESTAMP WITH TIME ZONE)"
        return Target(self.layout, self.workdir, self.limits, now)

    def _replace(self, session: Session, loaded: Loaded) -> Loaded:
        """Count everything stored as deleted; what is guarded is that the table does not shrink too much."""
        stored = sum(rows_of(session, self.base.files))
        self._allow_deletes(stored - loaded.inserted, stored)
        return replace(loaded, deleted=stored, removed_files=self.base.files)

    def _allow_deletes(self, gone: int, stored: int) -> None:
        require_few_deletes(self.compiled.table, gone, stored, self.guards)
