"""What a resolution found, read back from its files: people, the records of one, and why two records are one."""

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datalinx.engine.identity.model import CLUSTERS, HISTORY, LINKS, RECORDS, file_table
from datalinx.engine.query.rows import Where, count_rows, read_rows

# The most records, links and changes of one person that are shown.
MAX_SHOWN = 2_000

Record = tuple[str, str]
"""A record's table and key."""


@dataclass(frozen=True)
class Found:
    """The files of a resolution, each by its name."""

    files: Mapping[str, Path]

    def rows(
        self, name: str, where: Sequence[Where] = (), *, offset: int = 0, limit: int = MAX_SHOWN
    ) -> list[dict[str, Any]]:
        """Rows of a file, as objects, in its order."""
        table = file_table(name, self.files[name])
        page = read_rows(table, where=where, offset=offset, limit=limit)
        return [dict(zip(table.names(), row, strict=True)) for row in page.rows]

    def count(self, name: str, where: Sequence[Where] = ()) -> int:
        """How many rows of a file there are."""
        return count_rows(file_table(name, self.files[name]), where=where)

    def record(self, table: str, key: str) -> dict[str, Any] | None:
        """A record that is there, or None."""
        where = [Where("table", "eq", table), Where("key", "eq", key), Where("present", "eq", True)]
        return next(iter(self.rows(RECORDS, where, limit=1)), None)

    def cluster(self, canonical_id: str) -> dict[str, Any] | None:
        """A person with its records, what links them and what happened to its id; None for an id of nobody.

        An id that was merged away says into which.
        """
        own = [Where("canonical_id", "eq", canonical_id)]
        past = self._history(canonical_id)
        rows = self.rows(CLUSTERS, own, limit=1)
        if not rows:
            into = next((each["into_id"] for each in past if each["from_id"] == canonical_id), None)
            return {"canonical_id": canonical_id, "merged_into": into, "history": past} if into else None
        records = self.rows(RECORDS, [*own, Where("present", "eq", True)])
        return {
            **rows[0],
            "merged_into": None,
            "members": [{name: each[name] for name in ("table", "key", "since")} for each in records],
            "links": _links(self.rows(LINKS, own)),
            "history": past,
        }

    def _history(self, canonical_id: str) -> list[dict[str, Any]]:
        rows = [
            each
            for column in ("from_id", "into_id")
            for each in self.rows(HISTORY, [Where(column, "eq", canonical_id)])
        ]
        return sorted(rows, key=lambda each: -int(each["generation"]))

    def explain(self, left: Record, right: Record) -> dict[str, Any]:
        """Whether two records are one person, and the shortest chain of values that says so.

        `deterministic`: a value links the two themselves; `inferred`: a chain of records does. Raise `KeyError`
        with the record that is not there.
        """
        found = []
        for record in (left, right):
            row = self.record(*record)
            if row is None:
                raise KeyError(record)
            found.append(row)
        ids = [row["canonical_id"] for row in found]
        same = ids[0] == ids[1]
        links = self.rows(LINKS, [Where("canonical_id", "eq", ids[0])], limit=20_000) if same else []
        path = _shortest(links, left, right)
        kind = ("deterministic" if len(path) <= 1 else "inferred") if same else None
        return {
            "same": same,
            "canonical_ids": ids,
            "kind": kind,
            "confidence": 1.0 if same else 0.0,
            "path": path,
        }


def _links(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The values that link a person's records, each with the records that have it."""
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        link = found.setdefault(
            row["node"],
            {
                "rule": row["rule"],
                "kind": "deterministic",
                "confidence": 1.0,
                "value": row["value"],
                "records": [],
            },
        )
        link["records"].append({"table": row["table"], "key": row["key"]})
    return list(found.values())


def _shortest(rows: Sequence[Mapping[str, Any]], start: Record, end: Record) -> list[dict[str, Any]]:
    """The shortest way from a record to another along values that records share."""
    of_record, of_node = defaultdict(list), defaultdict(list)
    for row in rows:
        record = (row["table"], row["key"])
        of_record[record].append(row)
        of_node[row["node"]].append(record)
    came: dict[Record, tuple[Record, Mapping[str, Any]]] = {}
    ahead, seen = deque([start]), {start}
    while ahead and end not in seen:
        record = ahead.popleft()
        for row in of_record[record]:
            for other in of_node[row["node"]]:
                if other not in seen:
                    seen.add(other)
                    came[other] = (record, row)
                    ahead.append(other)
    steps, at = list[dict[str, Any]](), end
    while at in came:
        before, row = came[at]
        steps.append(
            {
                "from": {"table": before[0], "key": before[1]},
                "to": {"table": at[0], "key": at[1]},
                "rule": row["rule"],
                "value": row["value"],
                "kind": "deterministic",
                "confidence": 1.0,
            }
        )
        at = before
    return steps[::-1]
