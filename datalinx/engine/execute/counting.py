"""Counting what happened between reading and loading, from the staged tables."""

from dataclasses import dataclass

from datalinx.engine.compile.plan import CompiledMapping
from datalinx.engine.execute.ledger import Counts, unbalanced
from datalinx.engine.execute.relations import Relations
from datalinx.engine.execute.session import Session
from datalinx.engine.execute.stage import FILTERED
from datalinx.engine.execute.text import duckdb_sql, quoted

_KEEPS_EVERY_ROW = {"left", "full"}


@dataclass(frozen=True)
class Reading:
    """What the pass over the input read. `known` is how many rows the first input has, if all are read.

    `malformed` records of it are no rows, and count as read and rejected.
    """

    compiled: CompiledMapping
    relations: Relations
    known: int | None
    malformed: int = 0

    @property
    def joins(self) -> list[str]:
        """The types of the joins that can add or drop rows; lookups cannot."""
        return [join.type for join in self.compiled.joins if join.query is None]

    @property
    def drops(self) -> bool:
        """Whether a join may have dropped rows of the first input."""
        return any(kind not in _KEEPS_EVERY_ROW for kind in self.joins)

    def staged(self) -> str:
        """The table of all rows that came out of the joins."""
        return "gathered" if self.compiled.group_by else "staged"


def count_staged(session: Session, reading: Reading) -> Counts:
    """Return the counts from `read` to `filtered`; records that are no rows count as read.

    Raise `Failed` `LEDGER_UNBALANCED` when fewer rows were read than came out of the joins.
    """
    is_grouped = bool(reading.compiled.group_by)
    place = quoted("=place") if is_grouped else "place"
    is_filtered = f"NOT {quoted('=keep')}" if is_grouped else f"kind = {FILTERED}"
    distinct = f"count(DISTINCT {place})" if reading.joins else "count(*)"
    joined, kept, filtered = session.row(
        f"SELECT count(*), {distinct}, count(*) FILTER ({is_filtered}) FROM {reading.staged()}"
    )
    read = kept if reading.known is None else reading.known
    if reading.known is None and reading.drops:
        read = session.number(_from_first(reading, "count(*)"))
    if read < kept:
        what = f"{read} rows were read and {kept} of them came out"
        raise unbalanced(reading.compiled.table, what, Counts(read=read))
    return Counts(
        read=read + reading.malformed,
        joined_in=joined - kept,
        joined_out=read - kept if reading.drops else 0,
        grouped=session.number("SELECT sum(size) - count(*) FROM staged") if is_grouped else 0,
        filtered=filtered,
    )


def newest_cursor(session: Session, reading: Reading) -> str | None:
    """Return the largest cursor of all rows read, also of those that joins, filter or checks dropped."""
    cursor = reading.compiled.load.cursor_input
    if cursor is None:
        return None
    if reading.drops:
        sql = _from_first(reading, f"CAST(max({duckdb_sql(cursor)}) AS VARCHAR)")
    else:
        column = quoted("=cursor") if reading.compiled.group_by else "cursor"
        sql = f"SELECT CAST(max({column}) AS VARCHAR) FROM {reading.staged()}"
    (found,) = session.row(sql)
    return found if found is None else str(found)


def _from_first(reading: Reading, column: str) -> str:
    return reading.relations.statement(f"SELECT {column} FROM {reading.relations.first}")
