"""The staged table where Spark made it: repeated keys are found by Spark, and counted in the files it wrote."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from datalinx.engine.execute.json_rows import row_json
from datalinx.engine.execute.spark.extract import Extract
from datalinx.engine.execute.spark.stage import Shown
from datalinx.engine.execute.spark.tables import Tables
from datalinx.engine.execute.stage import REJECTED
from datalinx.engine.execute.staged import Staged
from datalinx.engine.execute.text import quoted


@dataclass
class SparkStaged(Staged):
    """The staged rows as a table of both engines. `extract` is the first input, None where that is a query."""

    tables: Tables | None = None
    extract: Extract | None = None
    shown: Sequence[Shown] = ()

    def make(self, table: str, select: str) -> None:
        self._tables.keep(table, select)

    def define(self, table: str, select: str) -> None:
        self._tables.define(table, select)

    @property
    def is_total(self) -> bool:
        return self.numbering == "column" and self.extract is not None and not self.compiled.joins

    def suspects(self, keys: Sequence[str], columns: Iterable[str]) -> str:
        # Spark would read and shuffle the keys once more to leave the others out.
        selected = ["s.rowid AS rid", f"{self.place} AS place", *(f"s.{column}" for column in columns)]
        return f"SELECT {', '.join(selected)} {self.valid()}"

    def show_rows(self) -> None:
        session = self.session
        if self.extract is None or self.shown:
            source = f"SELECT t.*, {self._kept_row()} AS row FROM staged_rows AS t"
        else:
            first = self.compiled.input(self.compiled.first)
            row = row_json((each.name, f"e.{quoted(each.name)}", each.type) for each in first.columns)
            session.run(
                f"CREATE TEMP TABLE shown AS SELECT s.rowid AS rid, {row} AS row FROM staged AS s "
                f"LEFT JOIN ({self.extract.numbered}) AS e ON e.place = s.place WHERE s.kind = {REJECTED}"
            )
            source = "SELECT t.*, shown.row FROM staged_rows AS t LEFT JOIN shown ON shown.rid = t.rowid"
        session.run("ALTER VIEW staged RENAME TO staged_rows")
        session.run(f"CREATE TEMP VIEW staged AS {source}")

    def _kept_row(self) -> str:
        return row_json((each.name, f"t.w{number}", each.type) for number, each in enumerate(self.shown))

    @property
    def _tables(self) -> Tables:
        if self.tables is None:
            raise ValueError("the staged table has not been made")
        return self.tables
