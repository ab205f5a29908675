"""One table, from its inputs to new files: read, check, count and write. Publishing is the caller's."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from datalinx.engine.compile.plan import CompiledMapping
from datalinx.engine.connectors.base import Scan
from datalinx.engine.execute.checking import Checked, check_rows
from datalinx.engine.execute.cursors import later_cursor, since_condition
from datalinx.engine.execute.fingerprints import output_hash, report_inputs
from datalinx.engine.execute.guards import require_few_deletes, require_few_rejects, require_rows
from datalinx.engine.execute.ledger import Counts, require_balance, unbalanced
from datalinx.engine.execute.loads import Loaded, Target, insert_all
from datalinx.engine.execute.merge import Merge
from datalinx.engine.execute.rejects import count_by_reason, require_no_fatal
from datalinx.engine.execute.results import Guards, Limits, Progress, StoredTable, TableResult
from datalinx.engine.execute.session import ENGINE, Session
from datalinx.engine.execute.stored import Layout, rows_of
from datalinx.engine.execute.text import literal

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
    cancelled: Callable[[], bool] = lambda: False,
    progress: Progress = lambda share, counts: None,
) -> TableResult:
    """Execute a mapping and return what it made: new files, rejected rows, counts that close.

    `scans` has one entry for each of `compiled.reads`, by relation. `base` is the table as it is stored; its
    cursor decides what is read. `field_ids` are the ids of `stored_columns(compiled)`. With `rebuild` all is
    read and the table replaced, whatever the load mode. Files come into `workdir`, a private folder that the
    caller removes. `cancelled` and `progress` are called in the caller's thread.

    Raise `Failed` with `LEDGER_UNBALANCED`, `VALUE_INVALID`, `MAX_REJECTED_EXCEEDED`, `EMPTY_SOURCE`,
    `MAX_DELETED_EXCEEDED`, `MEMORY_EXCEEDED`, `FILE_UNREADABLE`, `SOURCE_UNREADABLE`, `TOO_MANY_COLUMNS` or
    `INPUT_MISSING`, and `Cancelled` with `RUN_CANCELLED`. Then nothing in `workdir` is to be used.
    """
    work = _Work(
        compiled=compiled,
        scans=scans,
        workdir=workdir,
        now=now,
        limits=limits or Limits(),
        guards=guards or Guards(),
        base=base or StoredTable(),
        layout=Layout.of(compiled, field_ids),
        replaces=rebuild or compiled.load.mode == "full",
        progress=progress,
    )
    workdir.mkdir(parents=True, exist_ok=True)
    with Session(limits=work.limits, workdir=workdir, cancelled=cancelled) as session:
        read = [path for scan in scans.values() for path in scan.files]
        session.confine(files=[*read, *work.base.files], folders=[workdir])
        return work.run(session)


@dataclass
class _Work:
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
    counts: Counts = field(default_factory=Counts)
    share: float = 0.0

    def run(self, session: Session) -> TableResult:
        self._phase(session, 0.0, _CHECKED)
        checked = self._check(session)
        inputs = report_inputs(session, self.compiled, self.scans)
        by_reason, rejected_path = self._reject(session, checked)
        self._phase(session, _CHECKED, _LOADED)
        loaded = self._load(session, checked)
        self.counts = replace(
            self.counts,
            inserted=loaded.inserted,
            updated=loaded.updated,
            unchanged=loaded.unchanged,
            deleted=loaded.deleted,
        )
        require_balance(self.compiled.table, self.counts)
        self._phase(session, _LOADED, 1.0)
        result = TableResult(
            counts=self.counts,
            rejected_by_reason=by_reason,
            values_nulled=checked.values_nulled,
            files=loaded.files,
            removed_files=loaded.removed_files,
            rejected_path=rejected_path,
            cursor=later_cursor(session, self.compiled.load, self.base.cursor, checked.newest),
            inputs=inputs,
            output_hash=output_hash(
                session, self.layout, base=self.base, added=loaded.files, removed=loaded.removed_files
            ),
            engine=ENGINE,
        )
        session.tick(1.0)
        return result

    def _phase(self, session: Session, start: float, stop: float) -> None:
        """Tell the progress of the statements to come as a share of the whole; it never goes back."""

        def tick(share: float) -> None:
            # A statement counts from nothing again for each of its parts.
            self.share = max(self.share, start + (stop - start) * min(share, 1.0))
            self.progress(self.share, self.counts)

        session.tick = tick
        tick(0.0)

    def _check(self, session: Session) -> Checked:
        since = None if self.replaces else since_condition(self.compiled.load, self.base.cursor)

        def after_reading(counts: Counts) -> None:
            self.counts = counts
            if since is None:
                require_rows(self.compiled.table, counts, self.guards)

        checked = check_rows(session, self.compiled, self.scans, since=since, after_reading=after_reading)
        self.counts = checked.counts
        return checked

    def _reject(self, session: Session, checked: Checked) -> tuple[dict[str, int], Path | None]:
        """Write the rejected rows and count them from what was written."""
        if checked.rejects is None:
            return {}, None
        path = self.workdir / "rejected.parquet"
        session.keep_order(True)
        session.run(f"COPY ({checked.rejects}) TO {literal(path)} (FORMAT parquet, COMPRESSION zstd)")
        session.keep_order(False)
        by_reason = count_by_reason(session, path)
        self.counts = replace(self.counts, rejected=sum(by_reason.values()))
        if self.counts.rejected != checked.rejected:
            what = f"{checked.rejected} rows were rejected and {self.counts.rejected} of them were kept aside"
            raise unbalanced(self.compiled.table, what, self.counts)
        require_no_fatal(session, self.compiled, path)
        require_few_rejects(self.compiled.table, self.counts, self.guards)
        return by_reason, path

    def _load(self, session: Session, checked: Checked) -> Loaded:
        now = f"CAST({literal(self.now.astimezone(UTC).isoformat())} AS TIMESTAMP WITH TIME ZONE)"
        target = Target(self.layout, self.workdir, self.limits, now)
        if self.replaces:
            return self._replace(session, insert_all(checked.staged, target))
        if self.compiled.load.mode == "append" or not self.base.files:
            return insert_all(checked.staged, target)
        return Merge(checked.staged, target, self.base.files, self._allow_deletes).run()

    def _replace(self, session: Session, loaded: Loaded) -> Loaded:
        """Count everything stored as deleted; what is guarded is that the table does not shrink too much."""
        stored = sum(rows_of(session, self.base.files))
        self._allow_deletes(stored - loaded.inserted, stored)
        return replace(loaded, deleted=stored, removed_files=self.base.files)

    def _allow_deletes(self, gone: int, stored: int) -> None:
        require_few_deletes(self.compiled.table, gone, stored, self.guards)
