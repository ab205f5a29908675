"""How valid rows come into the stored table when none of it has to be looked at: full and append."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from datalinx.engine.compile.plan import CompiledMapping
from datalinx.engine.execute.results import DataFile, Limits
from datalinx.engine.execute.session import Session
from datalinx.engine.execute.staged import Staged
from datalinx.engine.execute.stored import Layout, has_temporal_cursor, needs_cursor_column


@dataclass(frozen=True)
class Loaded:
    """What a load did, in rows, and the files that it made and made obsolete.

    `superseded` are those of the unchanged that differ from the stored row, which stayed all the same.
    """

    inserted: int
    files: tuple[DataFile, ...]
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0
    removed_files: tuple[Path, ...] = ()
    superseded: int = 0


@dataclass(frozen=True)
class Target:
    """Where a load writes: the table's layout and a folder for new files.

    `now` is the moment in SQL, `instant` the name of the type of moments, `hash` that of a
    function of 64 bits.
    """

    layout: Layout
    folder: Path
    limits: Limits
    now: str
    instant: str = "TIMESTAMP WITH TIME ZONE"
    hash: str = "hash"

    def read(self, files: Sequence[Path], numbers: Sequence[int] | None = None) -> str:
        """A SELECT of stored rows, as `Layout.read` gives it."""
        return self.layout.read(files, numbers)

    def write(self, session: Session, select: str, name: str) -> tuple[DataFile, ...]:
        """Write the rows of a SELECT into a new folder below the target's."""
        return self.layout.write(session, select, self.folder / name, self.limits)


def insert_all(staged: Staged, target: Target) -> Loaded:
    """Write every valid row as a new one."""
    select = f"SELECT {new_values(staged.compiled, target)} {staged.valid()}"
    files = target.write(staged.session, select, "new")
    return Loaded(inserted=sum(file.rows for file in files), files=files)


def new_values(compiled: CompiledMapping, target: Target) -> str:
    """The values of a new stored row, over `staged AS s`."""
    values = [f"s.v{position}" for position in range(len(compiled.fields))]
    if compiled.load.mode == "history":
        values += [version_start(compiled, target), "NULL"]
    if needs_cursor_column(compiled):
        values.append("s.cursor")
    return ", ".join(values)


def version_start(compiled: CompiledMapping, target: Target) -> str:
    """When a version of a row begins: at its cursor if that is a moment, else now; over `staged AS s`."""
    if not has_temporal_cursor(compiled):
        return target.now
    return f"coalesce(CAST(s.cursor AS {target.instant}), {target.now})"
