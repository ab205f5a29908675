"""What a mapping makes of the rows of one record: by the code of a run, with nothing kept."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import orjson

from datalinx.engine.compile.plan import CompiledMapping, Read
from datalinx.engine.connectors.base import FILE_COLUMN, RECORD_COLUMN, Part, Scan
from datalinx.engine.execute.checking import stage_rows
from datalinx.engine.execute.duplicates import unique_keys
from datalinx.engine.execute.json_rows import row_json
from datalinx.engine.execute.relations import KEPT, build_relations
from datalinx.engine.execute.results import Limits
from datalinx.engine.execute.session import Session
from datalinx.engine.execute.sought import (
    Sought,
    first_condition,
    is_told_by_key,
    read_sought,
    staged_condition,
)
from datalinx.engine.execute.text import quoted
from datalinx.engine.execute.traced import MAX_RECORDS, Record, Trace, Traced, locators_of
from datalinx.engine.types.registry import TypeRegistry

# The rows of the first input that are the record's, and all of them where it is a query. No alias has such names.
_MATCHES, _WHOLE = "=matches", "=whole"


def trace_records(
    compiled: CompiledMapping,
    *,
    scans: Mapping[str, Scan],
    values: Mapping[str, str],
    workdir: Path,
    reading: str | None = None,
    types: TypeRegistry | None = None,
    limits: Limits | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Trace:
    """Return what a mapping makes of the rows whose target columns have these values, given as text.

    `reading` is the condition of `reading_condition`: rows for which it does not hold are `not_read`. `types` are
    those of the mapping, where it has others than the built-in ones. Raise `Invalid` `UNKNOWN_COLUMN`, and as
    `run_table`, but for what its guards raise.
    """
    sought = read_sought(compiled, values, types=types or TypeRegistry())
    workdir.mkdir(parents=True, exist_ok=True)
    with Session(limits=limits or Limits(), workdir=workdir, cancelled=cancelled) as session:
        session.confine(files=[path for scan in scans.values() for path in scan.files], folders=[workdir])
        condition = first_condition(compiled, sought)
        if condition is None:
            traced = Traced(stage_rows(session, compiled, scans, since=reading))
            return traced.where(staged_condition(compiled, sought))
        if compiled.input(compiled.first).read is None:
            compiled, scans = _with_first_kept(session, compiled, scans)
        return _Matches(session, compiled, scans, sought, reading).trace(condition)


@dataclass
class _Matches:
    """The rows of the first input that are the record's, as the first input alone tells."""

    session: Session
    compiled: CompiledMapping
    scans: Mapping[str, Scan]
    sought: tuple[Sought, ...]
    reading: str | None

    def trace(self, condition: str) -> Trace:
        """Keep the rows for which the condition holds, and see what becomes of them."""
        scan = self._keep(condition)
        total, read, told = self.session.row(
            f"SELECT count(*), count(*) FILTER (is_read), count(*) FILTER (is_read AND is_told) "
            f"FROM {quoted(_MATCHES)}"
        )
        if not read:
            return self._unread(scan, total)
        compiled, scans, since = self.compiled, self.scans, self.reading or "TRUE"
        if read == told and self._stand_alone():
            # No other row can win against these or repeat their key: the rest of the input need not be computed.
            compiled, scans = _reading_table(self.compiled, self.scans, _MATCHES, rows=read, where="is_read")
            since = "TRUE"
        traced = Traced(stage_rows(self.session, compiled, scans, since=since))
        return traced.among(f"SELECT place, row, is_read FROM {quoted(_MATCHES)}", scan)

    def _keep(self, condition: str) -> Scan | None:
        """Make the table of the rows; return the scan that they stand in, None for those of a query."""
        relations = build_relations(self.compiled, self.scans, since=condition)
        first = self.compiled.input(self.compiled.first)
        named = [(column, f"{quoted(first.alias)}.{quoted(column.name)}") for column in first.columns]
        columns = [
            f"{quoted(first.alias)}.{relations.place} AS place",
            f"coalesce({self.reading or 'TRUE'}, FALSE) AS is_read",
            f"{is_told_by_key(self.compiled, self.sought)} AS is_told",
            f"{row_json((column.name, name, column.type) for column, name in named)} AS row",
            *(f"{name} AS c{position}" for position, (_, name) in enumerate(named)),
        ]
        self.session.keep_order(True)
        if relations.kept is not None:
            self.session.run(f"CREATE TEMP TABLE {KEPT} AS {relations.kept}")
        select = relations.statement(f"SELECT {', '.join(columns)} FROM {relations.first}")
        self.session.run(f"CREATE TEMP TABLE {quoted(_MATCHES)} AS {select}")
        if relations.kept is not None:
            # The staging of the input makes one of its own.
            self.session.run(f"DROP TABLE {KEPT}")
        self.session.keep_order(False)
        return None if first.read and first.read.relation == _WHOLE else relations.scan

    def _unread(self, scan: Scan | None, total: int) -> Trace:
        rows = self.session.rows(f"SELECT place, row FROM {quoted(_MATCHES)} ORDER BY 1 LIMIT {MAX_RECORDS}")
        locators = locators_of(self.session, scan, (place for place, _ in rows))
        records = (Record("not_read", locators.get(place), orjson.loads(row)) for place, row in rows)
        return Trace(tuple(records), total > MAX_RECORDS, tells_all=True)

    def _stand_alone(self) -> bool:
        """Whether rows that have the same key in any sense also have the same values of the columns sought."""
        keys = [set(key) for key in unique_keys(self.compiled)]
        if self.compiled.deduplicate is not None:
            keys.append(set(self.compiled.deduplicate.keys))
        return all({each.field.name for each in self.sought} <= key for key in keys)


def _with_first_kept(
    session: Session, compiled: CompiledMapping, scans: Mapping[str, Scan]
) -> tuple[CompiledMapping, dict[str, Scan]]:
    """The plan with its first input, a query, computed: asked twice, it could number its rows differently."""
    relations = build_relations(compiled, scans, since="TRUE")
    first = compiled.input(compiled.first)
    alias = quoted(first.alias)
    columns = [
        f"{alias}.{quoted(column.name)} AS c{position}" for position, column in enumerate(first.columns)
    ]
    columns.append(f"{alias}.{relations.place} AS place")
    select = relations.statement(f"SELECT {', '.join(columns)} FROM {relations.first}")
    session.keep_order(True)
    session.run(f"CREATE TEMP TABLE {quoted(_WHOLE)} AS {select}")
    session.keep_order(False)
    rows = session.number(f"SELECT count(*) FROM {quoted(_WHOLE)}")
    return _reading_table(compiled, scans, _WHOLE, rows=rows)


def _reading_table(
    compiled: CompiledMapping, scans: Mapping[str, Scan], table: str, *, rows: int, where: str = "TRUE"
) -> tuple[CompiledMapping, dict[str, Scan]]:
    """The plan with rows of a table of the session as its first input, under its alias, each with its own place.

    The table has the columns of the input by their position.
    """
    first = compiled.input(compiled.first)
    read = Read(table, table=table)
    names = ", ".join(f"c{position} AS {quoted(each.name)}" for position, each in enumerate(first.columns))
    kept = f"FROM {quoted(table)} WHERE {where}"
    scan = Scan(
        sql=f"SELECT {names} {kept}",
        numbered_sql=f"SELECT {names}, '' AS {FILE_COLUMN}, place AS {RECORD_COLUMN} {kept}",
        numbering="free",
        locator="row",
        columns=first.columns,
        parts=(Part("", Path(), rows),),
        rows=rows,
    )
    alone = replace(first, read=read, query=None)
    plan = replace(
        compiled,
        reads=(*(each for each in compiled.reads if each != first.read), read),
        inputs=tuple(alone if entry == first else entry for entry in compiled.inputs),
    )
    return plan, {**scans, table: scan}
