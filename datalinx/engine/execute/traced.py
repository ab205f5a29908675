"""The staged rows of an input as records: what became of each, and against which other one it lost."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from datalinx.engine.connectors.base import Scan
from datalinx.engine.execute.checking import Staging
from datalinx.engine.execute.duplicates import Key, drop_duplicates, reject_repeated_keys
from datalinx.engine.execute.json_rows import row_json
from datalinx.engine.execute.rejects import DUPLICATE_KEY, located_rows, repeated_message
from datalinx.engine.execute.session import Session
from datalinx.engine.execute.stage import FILTERED, REJECTED, VALID

MAX_RECORDS = 20

Outcome = Literal["valid", "rejected", "deduplicated", "filtered", "joined_out", "not_read"]


@dataclass(frozen=True)
class Record:
    """One row of the first input, or one that joins made of it, and what becomes of it.

    `row` are its source values, `values` what is stored of it, None where the row does not come that far.
    `reasons` are the faults of a rejected row. `winner` are the values of the row that a deduplicated one lost
    against, and `winner_locator` is where that stands. A locator is None where rows have no place.
    """

    outcome: Outcome
    locator: str | None
    row: Mapping[str, Any] | None
    values: Mapping[str, Any] | None = None
    reasons: tuple[Mapping[str, Any], ...] = ()
    winner: Mapping[str, Any] | None = None
    winner_locator: str | None = None


@dataclass(frozen=True)
class Trace:
    """The rows of a record in the order of the input, at most `MAX_RECORDS`; `left_off`: there are more.

    Of more rows those are shown that come furthest: valid ones before rejected ones, and so on.

    `tells_all` is false where what is looked for is made by a join or a group: rows that the cursor, a join or
    the filter dropped cannot be told apart from others then, and are not among the records.
    """

    records: tuple[Record, ...]
    left_off: bool
    tells_all: bool


class Traced:
    """The staged rows of an input with repeated keys resolved."""

    def __init__(self, staging: Staging) -> None:
        self.staged, self.scan = staging.staged, staging.scan
        self.session = self.staged.session
        drop_duplicates(self.staged)
        self.repeated: list[tuple[Key, str]] = list(reject_repeated_keys(self.staged).items())

    def among(self, matches: str, scan: Scan | None) -> Trace:
        """The records of the rows of a SELECT of `place`, `row` and `is_read`, which stand in `scan`."""
        chosen = (
            f"SELECT m.place, m.row, m.is_read, s.rowid AS rid, {self._rank('m.is_read')} AS rank "
            f"FROM ({matches}) AS m LEFT JOIN staged AS s ON m.is_read AND {self.staged.place} = m.place"
        )
        return self._trace(chosen, scan, tells_all=True)

    def where(self, condition: str) -> Trace:
        """The records among all staged rows for which a condition on `staged AS s` holds."""
        chosen = (
            f"SELECT {self.staged.place} AS place, s.row, TRUE AS is_read, s.rowid AS rid, "
            f"{self._rank('TRUE')} AS rank FROM staged AS s WHERE {condition}"
        )
        scan = None if self.staged.numbering == "none" else self.scan
        return self._trace(chosen, scan, tells_all=False)

    def _rank(self, is_read: str) -> str:
        """How far a row does not come: 0 for a valid one."""
        dropped = "WHEN s.rowid IN (SELECT rid FROM dropped) THEN 2" if self._resolves else ""
        repeated = " ".join(f"WHEN s.rowid IN (SELECT rid FROM {table}) THEN 1" for _, table in self.repeated)
        return (
            f"CASE WHEN NOT {is_read} THEN 5 WHEN s.rowid IS NULL THEN 4 WHEN s.kind = {FILTERED} THEN 3 "
            f"WHEN s.kind = {REJECTED} THEN 1 {dropped} {repeated} ELSE 0 END"
        )

    def _columns(self) -> list[str]:
        repeated = " ".join(
            f"WHEN s.rowid IN (SELECT rid FROM {table}) THEN {number}"
            for number, (_, table) in enumerate(self.repeated)
        )
        return [
            "s.rowid",
            "s.kind",
            "CAST(to_json(s.faults) AS VARCHAR)",
            self._values(),
            "s.rowid IN (SELECT rid FROM dropped)" if self._resolves else "FALSE",
            f"CASE {repeated} END" if repeated else "NULL",
        ]

    @property
    def _resolves(self) -> bool:
        return self.staged.compiled.deduplicate is not None

    def _values(self) -> str:
        fields = enumerate(self.staged.compiled.fields)
        return row_json((field.name, f"s.v{number}", field.type.duckdb) for number, field in fields)

    def _trace(self, chosen: str, scan: Scan | None, *, tells_all: bool) -> Trace:
        rows = self.session.rows(
            f"SELECT m.place, m.row, m.is_read, {', '.join(self._columns())} FROM "
            f"(SELECT * FROM ({chosen}) ORDER BY rank, place, rid LIMIT {MAX_RECORDS + 1}) AS m "
            "LEFT JOIN staged AS s ON s.rowid = m.rid ORDER BY m.rank, m.place, m.rid"
        )
        shown = sorted(rows[:MAX_RECORDS], key=lambda row: (row[0] is None, row[0] or 0, row[3] or 0))
        winners = {row[3]: self._winner(row[3]) for row in shown if row[7] and row[4] == VALID}
        places = {row[0] for row in shown} | {winner[0] for winner in winners.values()}
        locators = locators_of(self.session, scan, (place for place in places if place is not None))
        records = tuple(self._record(row, winners, locators) for row in shown)
        return Trace(records, len(rows) > MAX_RECORDS, tells_all)

    def _record(
        self, row: tuple[Any, ...], winners: Mapping[int, tuple[int | None, str]], locators: Mapping[int, str]
    ) -> Record:
        place, source, is_read, rid, kind, faults, values, _, repeated = row
        locator = locators.get(place)
        shown = orjson.loads(source) if source else None
        if not is_read:
            return Record("not_read", locator, shown)
        if rid is None:
            return Record("joined_out", locator, shown)
        if kind == FILTERED:
            return Record("filtered", locator, shown)
        if kind == REJECTED:
            return Record("rejected", locator, shown, reasons=tuple(orjson.loads(faults)))
        made = orjson.loads(values)
        if rid in winners:
            place, winner = winners[rid]
            at = locators.get(place) if place is not None else None
            return Record("deduplicated", locator, shown, made, (), orjson.loads(winner), at)
        if repeated is not None:
            return Record("rejected", locator, shown, made, (self._repeated(repeated, made),))
        return Record("valid", locator, shown, made)

    def _repeated(self, number: int, values: Mapping[str, Any]) -> dict[str, Any]:
        key, _ = self.repeated[number]
        names = [field.name for field in self.staged.compiled.fields if field.name in key]
        value = ", ".join(str(values[name]) for name in names)
        return {
            "field": names[0],
            "reason": DUPLICATE_KEY,
            "message": repeated_message(key),
            "value": value,
        }

    def _winner(self, rid: int) -> tuple[int | None, str]:
        """The place and the values of the row that a dropped one lost against."""
        rule = self.staged.compiled.deduplicate
        keys = self.staged.values(rule.keys) if rule is not None else []
        same = " AND ".join(f"s.{key} IS NOT DISTINCT FROM l.{key}" for key in keys)
        (found,) = self.session.rows(
            f"SELECT {self.staged.place}, {self._values()} FROM staged AS s JOIN staged AS l ON {same} "
            f"WHERE l.rowid = {rid} AND s.kind = {VALID} AND s.rowid NOT IN (SELECT rid FROM dropped) LIMIT 1"
        )
        return found[0], found[1]


def locators_of(session: Session, scan: Scan | None, places: Iterable[int]) -> dict[int, str]:
    """The locators of places in a scan."""
    values = ", ".join(f"(CAST({place} AS BIGINT))" for place in sorted(places))
    if scan is None or not values:
        return {}
    rows = located_rows(session, scan, f"SELECT place FROM (VALUES {values}) AS places(place)")
    return dict(session.rows(f"SELECT place, locator FROM ({rows})"))
