"""Merge and history: staged rows meet the stored rows of their keys, and only files in which a row changes are
written again (copy on write)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from datalinx.engine.compile.plan import CompiledMapping
from datalinx.engine.execute.ledger import Counts, unbalanced
from datalinx.engine.execute.loads import Loaded, Target, new_values, version_start
from datalinx.engine.execute.replay import ORDINARY, Precedence
from datalinx.engine.execute.results import DataFile
from datalinx.engine.execute.stage import FILTERED
from datalinx.engine.execute.staged import Staged
from datalinx.engine.execute.stored import cursor_position, needs_cursor_column, rows_of
from datalinx.engine.execute.text import any_of


@dataclass(frozen=True)
class Merge:
    """One merge of the staged rows into stored files; in mode `history` stored versions are closed, not lost.

    It makes the tables `matches` of staged rows (`rid`) with stored ones (`file`, `pos`), `verdicts` on staged
    rows that have a match, and `ended` of stored rows that end, for which the next version begins at `until`.
    """

    staged: Staged
    target: Target
    files: Sequence[Path]
    allow_deletes: Callable[[int, int], None]
    """Called with the rows to delete and the rows stored, before anything is written; may raise."""
    precedence: Precedence = ORDINARY

    def run(self) -> Loaded:
        """Decide, write, and check that what was written is what was decided."""
        session = self.staged.session
        self._match()
        self._end()
        valid = session.number(f"SELECT count(*) {self.staged.valid()}")
        matched, updated, replaced, superseded = session.row(
            "SELECT count(*), count(*) FILTER (updates), count(*) FILTER (replaces), count(*) FILTER (loses) "
            "FROM verdicts"
        )
        ended, missing = session.row("SELECT count(*), count(*) FILTER (missing) FROM ended")
        # Where several stored rows share a key, an update puts one row in their place.
        deleted = missing if self._is_history else ended - replaced
        stored = rows_of(session, self.files)
        self.allow_deletes(deleted, self._stored_now(sum(stored)))
        touched = [row[0] for row in session.rows("SELECT DISTINCT file FROM ended ORDER BY file")]
        inserted = valid - matched
        files = self.target.write(session, self._new_rows(touched), "merged") if touched or inserted else ()
        survivors = sum(stored[number] for number in touched) - (0 if self._is_history else ended)
        self._require_written(files, survivors + inserted + replaced)
        return Loaded(
            inserted=inserted,
            updated=updated,
            unchanged=matched - updated,
            deleted=deleted,
            files=files,
            removed_files=tuple(self.files[number] for number in touched),
            superseded=superseded,
        )

    @property
    def _compiled(self) -> CompiledMapping:
        return self.staged.compiled

    @property
    def _is_history(self) -> bool:
        return self._compiled.load.mode == "history"

    @property
    def _width(self) -> int:
        return len(self._compiled.fields)

    def _base(self, touched: Sequence[int] | None = None) -> str:
        files = self.files if touched is None else [self.files[number] for number in touched]
        return self.target.read(files, touched)

    def _current(self) -> str:
        """The stored rows that a staged row can meet: of a history, the versions that have not ended."""
        condition = f" WHERE b{self._width + 1} IS NULL" if self._is_history else ""
        return f"SELECT * FROM ({self._base()}){condition}"

    def _same_key(self) -> str:
        fields = self._compiled.fields
        positions = [n for n, field in enumerate(fields) if field.name in self._compiled.load.keys]
        # NULL keys are equal; where there are none, `=` lets DuckDB skip stored rows out of the keys' range.
        return " AND ".join(
            f"s.v{n} IS NOT DISTINCT FROM b.b{n}" if fields[n].nullable else f"s.v{n} = b.b{n}"
            for n in positions
        )

    def _match(self) -> None:
        fields = self._compiled.fields
        compared = [n for n, field in enumerate(fields) if field.name not in self._compiled.load.keys]
        changes = any_of(f"s.v{n} IS DISTINCT FROM b.b{n}" for n in compared)
        position = cursor_position(self._compiled)
        older, newer = "FALSE", "FALSE"
        if position is not None:
            mine, theirs = "s.cursor", f"b.b{position}"
            older = f"coalesce({mine} < {theirs}, {mine} IS NULL AND {theirs} IS NOT NULL)"
            newer = f"coalesce({mine} > {theirs}, {theirs} IS NULL AND {mine} IS NOT NULL)"
        older, known = self._stays(older, newer)
        self.staged.make(
            "matches",
            f"SELECT s.rid, b.file, b.pos, ({changes}) AS changes, {older} AS older, {newer} AS newer "
            f"FROM ({self._current()}) AS b "
            f"JOIN (SELECT s.rowid AS rid, s.* {self.staged.valid()}) AS s ON {self._same_key()}{known}",
        )
        # A newer cursor that is kept beside the fields has to be kept up to date, though nothing changed.
        moves = "bool_or(newer)" if needs_cursor_column(self._compiled) and not self._is_history else "FALSE"
        self.staged.define(
            "verdicts",
            "SELECT rid, bool_or(changes) AND NOT bool_or(older) AS updates, "
            "bool_or(changes) AND bool_or(older) AS loses, "
            f"(bool_or(changes) OR {moves}) AND NOT bool_or(older) AS replaces FROM matches GROUP BY rid",
        )

    def _stays(self, older: str, newer: str) -> tuple[str, str]:
        """The condition by which the stored row stays, and a join that it needs."""
        match self.precedence.stored:
            case "not_older":
                return f"NOT {newer}", ""
            case "all":
                return "TRUE", ""
            case "written_since":
                stored = ", ".join(f"b{n}" for n in range(len(self.target.layout.columns)))
                read = self.target.read(self.precedence.before)
                before = f"SELECT DISTINCT {self.target.hash}({stored}) AS h FROM ({read})"
                mine = ", ".join(f"b.b{n}" for n in range(len(self.target.layout.columns)))
                return (
                    "(known.h IS NULL)",
                    f" LEFT JOIN ({before}) AS known ON known.h = {self.target.hash}({mine})",
                )
        return older, ""

    def _end(self) -> None:
        """Note the stored rows that end: those that are replaced, and those whose key the input has no longer."""
        start = version_start(self._compiled, self.target) if self._is_history else self._never()
        ended = (
            f"SELECT m.file, m.pos, FALSE AS missing, {start} AS until FROM matches AS m "
            "JOIN verdicts AS v ON v.rid = m.rid AND v.replaces JOIN staged AS s ON s.rowid = m.rid"
        )
        if self._compiled.load.delete_missing:
            # A row that was rejected is there all the same: what is stored of it stays.
            present = f"(SELECT * FROM staged WHERE kind <> {FILTERED}) AS s"
            now = self.target.now if self._is_history else self._never()
            self.staged.make(
                "missing",
                f"SELECT b.file, b.pos, TRUE AS missing, {now} AS until FROM ({self._current()}) AS b "
                f"ANTI JOIN {present} ON {self._same_key()}",
            )
            ended += " UNION ALL SELECT * FROM missing"
        self.staged.define("ended", ended)

    def _never(self) -> str:
        return f"CAST(NULL AS {self.target.instant})"

    def _stored_now(self, rows: int) -> int:
        """The rows of the table as people count them: of a history, those that are current."""
        if not self._is_history:
            return rows
        return self.staged.session.number(f"SELECT count(*) FROM ({self._current()})")

    def _new_rows(self, touched: Sequence[int]) -> str:
        """What the new files hold: what stays of the touched files, replacements, and new rows."""
        fresh = (
            f"SELECT {new_values(self._compiled, self.target)} FROM (SELECT s.rowid AS rid, s.* {self.staged.valid()}) "
            "AS s LEFT JOIN verdicts AS v ON v.rid = s.rid WHERE v.rid IS NULL OR v.replaces"
        )
        if not touched:
            return fresh
        columns = [f"b.b{n}" for n in range(len(self.target.layout.columns))]
        place = "e.file = b.file AND e.pos = b.pos"
        if self._is_history:
            columns[self._width + 1] = f"coalesce(e.until, b.b{self._width + 1})"
            stays = f"FROM ({self._base(touched)}) AS b LEFT JOIN ended AS e ON {place}"
        else:
            stays = f"FROM ({self._base(touched)}) AS b ANTI JOIN ended AS e ON {place}"
        return f"SELECT {', '.join(columns)} {stays} UNION ALL {fresh}"

    def _require_written(self, files: Sequence[DataFile], expected: int) -> None:
        written = sum(file.rows for file in files)
        if written != expected:
            what = f"{expected} rows were to be written and {written} were"
            raise unbalanced(self._compiled.table, what, Counts())
