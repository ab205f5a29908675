"""From inputs to checked rows: the pass over the input, then repeated keys; a run and a preview share it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from datalinx.engine.compile.plan import CompiledMapping
from datalinx.engine.compile.quicken import quickened
from datalinx.engine.connectors.base import Scan
from datalinx.engine.execute.counting import Reading, count_staged, newest_cursor
from datalinx.engine.execute.duplicates import drop_duplicates, reject_repeated_keys
from datalinx.engine.execute.ledger import Counts
from datalinx.engine.execute.lookups import read_lookups
from datalinx.engine.execute.rejects import rejects_select
from datalinx.engine.execute.relations import KEPT, build_relations
from datalinx.engine.execute.session import Session
from datalinx.engine.execute.stage import REJECTED, Stage, plan_stage
from datalinx.engine.execute.staged import Staged


@dataclass(frozen=True)
class Checked:
    """The staged rows with every decision made but how they are loaded.

    `counts` go up to `deduplicated`. `rejected` is how many rows of the staged table are rejected, by its own
    account; `rejects` is a SELECT of them, None when there are none. `newest` is the largest cursor read.
    """

    staged: Staged
    counts: Counts
    values_nulled: Mapping[str, int]
    rejected: int
    rejects: str | None
    newest: str | None


def check_rows(
    session: Session,
    compiled: CompiledMapping,
    scans: Mapping[str, Scan],
    *,
    since: str | None = None,
    sample: int | None = None,
    after_reading: Callable[[Counts], None] = lambda counts: None,
) -> Checked:
    """Stage and check the rows of a mapping's input, or of a sample of so many of its rows.

    `after_reading` gets the counts up to `filtered` before anything else is done, and may raise.
    """
    staging = stage_rows(session, compiled, scans, since=since, sample=sample)
    return check_staged(
        staging.staged, staging.stage, staging.reading, scan=staging.scan, after_reading=after_reading
    )


@dataclass(frozen=True)
class Staging:
    """The rows of an input as they were staged, before any key is looked at."""

    staged: Staged
    stage: Stage
    reading: Reading
    scan: Scan | None


def stage_rows(
    session: Session,
    compiled: CompiledMapping,
    scans: Mapping[str, Scan],
    *,
    since: str | None = None,
    sample: int | None = None,
) -> Staging:
    """Read the rows of a mapping's input and compute every one, as the table `staged` of the session."""
    lookups = read_lookups(session, compiled, scans)
    compiled = quickened(lookups.compiled)
    relations = build_relations(compiled, scans, since=since, sample=sample)
    stage = plan_stage(compiled, relations, lookups.found)
    # A group has no place: its rows came from many.
    staged = Staged(session, compiled, "none" if compiled.group_by else relations.numbering)
    if relations.kept is not None:
        session.keep_order(True)
        session.run(f"CREATE TEMP TABLE {KEPT} AS {relations.kept}")
    session.keep_order(relations.keeps_order)
    if stage.gather is not None:
        session.run(f"CREATE TEMP TABLE gathered AS {stage.gather}")
    session.run(f"CREATE TEMP TABLE staged AS {stage.select}")
    session.keep_order(False)
    scan = relations.scan if sample is None else _without_malformed(relations.scan)
    known = scan.rows if scan is not None and since is None and sample is None else None
    reading = Reading(compiled, relations, known, _malformed(scan))
    if relations.kept is not None and not reading.drops:
        # Nobody reads it again, and it is as large as the input.
        session.run(f"DROP TABLE {KEPT}")
    return Staging(staged, stage, reading, scan)


def check_staged(
    staged: Staged,
    stage: Stage,
    reading: Reading,
    *,
    scan: Scan | None,
    after_reading: Callable[[Counts], None],
) -> Checked:
    """Count the staged rows and resolve repeated keys; `scan` is what a rejection shows of the first input."""
    session = staged.session
    counts = count_staged(session, reading)
    after_reading(counts)
    nulled = _count_nulled(session, stage.nulled)
    dropped = drop_duplicates(staged)
    repeated = reject_repeated_keys(staged)
    rejected = _malformed(scan) + session.number(f"SELECT count(*) FROM staged WHERE kind = {REJECTED}")
    rejected += sum(_rows(session, table) for table in repeated.values())
    rejects = None
    if rejected:
        staged.show_rows()
        rejects = rejects_select(staged, scan, repeated, keeps_rows=stage.keeps_rows)
    counts = replace(counts, deduplicated=dropped, values_nulled=sum(nulled.values()))
    return Checked(staged, counts, nulled, rejected, rejects, newest_cursor(session, reading))


def _malformed(scan: Scan | None) -> int:
    return scan.malformed.count if scan is not None and scan.malformed is not None else 0


def _without_malformed(scan: Scan | None) -> Scan | None:
    """A sample shows rows; where in the input the records that are none stand does not matter to it."""
    return replace(scan, malformed=None) if scan is not None else None


def _count_nulled(session: Session, columns: Mapping[str, str]) -> dict[str, int]:
    if not columns:
        return {}
    sums = ", ".join(f"count(*) FILTER ({column})" for column in columns.values())
    found = session.row(f"SELECT {sums} FROM staged")
    return {name: int(count) for name, count in zip(columns, found, strict=True) if count}


def _rows(session: Session, table: str) -> int:
    return session.number(f"SELECT count(*) FROM {table}")
