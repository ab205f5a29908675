"""The staged table while rows leave it: who is still in, and what the executor's statements call things."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from datalinx.engine.compile.plan import CompiledMapping
from datalinx.engine.execute.relations import Numbering
from datalinx.engine.execute.session import Session
from datalinx.engine.execute.stage import VALID

# The place of a row of `staged AS s`, by how rows are numbered.
_PLACES: dict[Numbering, str] = {"order": "s.rowid + 1", "column": "s.place", "none": "CAST(NULL AS BIGINT)"}


@dataclass
class Staged:
    """The table `staged` of one session. `gone` are tables with the `rid` (rowid) of valid rows that left it."""

    session: Session
    compiled: CompiledMapping
    numbering: Numbering
    gone: list[str] = field(default_factory=list)

    @property
    def place(self) -> str:
        """The place of a row of `staged AS s`."""
        return _PLACES[self.numbering]

    @property
    def is_total(self) -> bool:
        """Whether the place alone tells rows apart."""
        return self.numbering == "order"

    def valid(self) -> str:
        """The FROM and WHERE of a SELECT from `staged AS s` of the rows that are valid and have not left."""
        joins = "".join(f" ANTI JOIN {table} ON {table}.rid = s.rowid" for table in self.gone)
        return f"FROM staged AS s{joins} WHERE s.kind = {VALID}"

    def values(self, names: Sequence[str]) -> list[str]:
        """The staged columns of some fields."""
        positions = {each.name: position for position, each in enumerate(self.compiled.fields)}
        return [f"v{positions[name]}" for name in names]

    def make(self, table: str, select: str) -> None:
        """Compute a table of the session."""
        self.session.run(f"CREATE TEMP TABLE {table} AS {select}")

    def define(self, table: str, select: str) -> None:
        """Give a name to what is soon computed from other tables."""
        self.make(table, select)

    def suspects(self, keys: Sequence[str], columns: Iterable[str]) -> str:
        """The valid rows whose key may not be theirs alone: a SELECT of `rid`, `place` and the columns.

        Keys are compared by hash first: most stand there once, and only the rest is sorted.
        """
        hashed = f"hash({', '.join(f's.{key}' for key in keys)})"
        shared = f"SELECT {hashed} AS h {self.valid()} GROUP BY h HAVING count(*) > 1"
        selected = ", ".join(
            ["s.rowid AS rid", f"{self.place} AS place", *(f"s.{column}" for column in columns)]
        )
        return f"SELECT {selected} {self.valid()} AND {hashed} IN ({shared})"

    def show_rows(self) -> None:
        """Let the rejected rows have their source values in the column `row`."""

    def leave(self, table: str) -> int:
        """Count the rows of a table of `rid`; if there are any, they are in no longer."""
        count = self.session.number(f"SELECT count(*) FROM {table}")
        if count:
            self.gone.append(table)
        return count
