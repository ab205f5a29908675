"""Counting what happened between reading and loading, from the staged tables."""

from dataclasses import dataclass

from datalinx.engine.compile.plan import CompiledMapping
from datalinx.engine.execute.ledger import Counts, unbalanced
from datalinx.engine.execute.relations import Relations
from datalinx.engine.execute.session import Session
from datalinx.engine.execute.stage import FILTERED
from datalinx.engine.execute.text import quoted

_KEEPS_EVERY_ROW = {"left", "full"}


@dataclass(frozen=True)
class Reading:
    """How the rows of the first input can be counted without reading them again: `known` rows, or None."""

    compiled: CompiledMapping
    relations: Relations
    known: int | None
    malformed: int = 0


def count_staged(session: Session, reading: Reading) -> Counts:
    """Return the counts from `read` to `filtered`; records that are no rows count as read.

    Raise `Failed` `LEDGER_UNBALANCED` when fewer rows were read than came out of the joins.
    """
    compiled = reading.compiled
    joins = [join for join in compiled.joins if join.query is None]
    table, place, is_filtered = ("staged", "place", f"kind = {FILTERED}")
    if compiled.group_by:
        table, place, is_filtered = ("gathered", quoted("=place"), f"NOT {quoted('=keep')}")
    distinct = f"count(DISTINCT {place})" if joins else "count(*)"
    joined, kept, filtered = session.row(
        f"SELECT count(*), {distinct}, count(*) FILTER ({is_filtered}) FROM {table}"
    )
    drops = any(join.type not in _KEEPS_EVERY_ROW for join in joins)
    read = _read(session, reading, kept, drops=drops)
    if read < kept:
        raise unbalanced(
            compiled.table, f"{read} rows were read and {kept} of them came out", Counts(read=read)
        )
    grouped = session.number("SELECT sum(size) - count(*) FROM staged") if compiled.group_by else 0
    return Counts(
        read=read + reading.malformed,
        joined_in=joined - kept,
        joined_out=read - kept if drops else 0,
        grouped=grouped,
        filtered=filtered,
    )


def _read(session: Session, reading: Reading, kept: int, *, drops: bool) -> int:
    if reading.known is not None:
        return reading.known
    if not drops:
        return kept
    return session.number(reading.relations.statement(f"SELECT count(*) FROM {reading.relations.first}"))
