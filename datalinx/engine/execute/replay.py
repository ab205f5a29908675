"""The plan by which quarantined rows come into a table: never twice, never over a newer row of the same key.

What a load would have done with a row is not what it may do with it later: the row comes alone, and the table
has moved on. So nothing is replaced as a whole and nothing is deleted for being missing. A merge and a history
meet the stored row of the key. Into a table that was replaced or appended to, a row comes by its primary key, and
only if that key is not there.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from datalinx.engine.compile.plan import CompiledLoad, CompiledMapping, Read
from datalinx.engine.execute.stored import cursor_position
from datalinx.errors import Invalid


@dataclass(frozen=True)
class Precedence:
    """Which stored rows a row of their key never changes.

    `newer`: those with a newer cursor; `not_older`: those with an equal one too; `all`; `written_since`: those
    that were not the same in the version of the files `before`.
    """

    stored: Literal["newer", "not_older", "all", "written_since"] = "newer"
    before: Sequence[Path] = ()


ORDINARY = Precedence()
"""That of a load."""


def plan_replay(compiled: CompiledMapping) -> CompiledMapping:
    """Return a mapping as the plan of a replay: its first input is the quarantine, under the same alias.

    Raise `Invalid` `REPLAY_NOT_BY_ROW` or `REPLAY_NEEDS_KEY` when rows cannot be put through one by one.
    """
    _require_by_row(compiled)
    first = compiled.input(compiled.first)
    read = first.read or Read(compiled.first, table=compiled.first)
    reads = (*(each for each in compiled.reads if each != first.read), read)
    alone = replace(first, read=read, query=None)
    inputs = tuple(alone if entry == first else entry for entry in compiled.inputs)
    return replace(compiled, reads=reads, inputs=inputs, load=_load(compiled))


def precedence_of(compiled: CompiledMapping, *, was_read_since: bool, before: Sequence[Path]) -> Precedence:
    """Return which stored rows stay, for the plan of a replay.

    `was_read_since` says that the table was loaded again after the rows were rejected, `before` are the files of
    the version that the load which rejected them began with.
    """
    if cursor_position(compiled) is not None:
        return Precedence("not_older" if was_read_since else "newer")
    if was_read_since or not before:
        return Precedence("all")
    return Precedence("written_since", before)


def _require_by_row(compiled: CompiledMapping) -> None:
    what = ""
    if compiled.group_by:
        what = "groups its rows, and a group cannot be made again from the row that was kept of it"
    elif any(join.type in {"right", "full"} for join in compiled.joins):
        what = "keeps rows of the other side of a join, which would come again with every replay"
    elif compiled.input(compiled.first).read is None and _joins_rows(compiled):
        what = "joins to a CTE, whose rows have no place by which they could be told apart"
    if what:
        message = f"The mapping of `{compiled.table}` {what}. Mend the source or the mapping and run the table again."
        raise Invalid("REPLAY_NOT_BY_ROW", message)


def _joins_rows(compiled: CompiledMapping) -> bool:
    """Whether a join may make several rows of one; a lookup never does."""
    return any(join.query is None for join in compiled.joins)


def _load(compiled: CompiledMapping) -> CompiledLoad:
    load = compiled.load
    if load.mode in {"merge", "history"}:
        return replace(load, delete_missing=False)
    if compiled.primary_key:
        return replace(
            load, mode="merge", keys=compiled.primary_key, cursor=None, cursor_input=None, cursor_type=None
        )
    # A cursor reads each row once, so a row that was rejected cannot have come in by another run.
    if load.mode == "append" and load.cursor is not None and not _joins_rows(compiled):
        return load
    message = (
        f"`{compiled.table}` has no primary key, so nobody could tell whether a row is in it already. Give the "
        "table a `primary_key`, or mend the source or the mapping and run the table again."
    )
    raise Invalid("REPLAY_NEEDS_KEY", message)
