"""Lineage proven by mutation: change one source column in every row, and see which target columns change.

A column that takes part in values alone changes exactly the target columns that its edges name. One that
decides on rows is named as such, and may change more. One without an edge changes nothing at all.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from datalinx.engine.compile.lineage import lineage
from tests.engine.execute.conftest import Desk

Rows = dict[str, tuple[str, ...]]
Column = tuple[str, str]

CONTACTS: Rows = {
    "id": ("1", "2", "3", "4", "5", "6"),
    "mail": ("a@x.org", "b@x.org", "c@y.org", "d@y.org", "e@z.org", "f@z.org"),
    "First Name": ("ann", "bob", "cyd", "dan", "eve", "fay"),
    "last": ("Ash", "Bay", "Coe", "Day", "Eck", "Fox"),
    "city": ("rome", "oslo", "rome", "bern", "oslo", "rome"),
    "spent": ("10", "20", "30", "40", "50", "60"),
    "seen": ("2026-01-01", "2026-01-02", "2026-01-03", "2026-01-04", "2026-01-05", "2026-01-06"),
    "note": ("n1", "n2", "n3", "n4", "n5", "n6"),
}
ORDERS: Rows = {
    "order": ("7", "8", "9", "10"),
    "customer": ("1", "1", "2", "3"),
    "total": ("5", "6", "7", "8"),
    "state": ("paid", "paid", "open", "paid"),
    "memo": ("m1", "m2", "m3", "m4"),
}
CITIES: Rows = {"name": ("rome", "oslo", "bern"), "land": ("IT", "NO", "CH"), "size": ("3", "1", "2")}
INPUTS: Mapping[str, Rows] = {"c": CONTACTS, "o": ORDERS, "k": CITIES}
# Each is another valid value of its column, different in every row.
CHANGES: Mapping[str, Callable[[str], str]] = {
    "mail": lambda value: "z" + value,
    "spent": lambda value: str(int(value) * 7 + 1),
    "total": lambda value: str(int(value) * 7 + 1),
    "id": lambda value: str(int(value) + 100),
    "seen": lambda value: value.replace("2026-01-0", "2025-02-1"),
}
MAIN = {"alias": "c", "source": "crm", "table": "c"}
CTES = {
    "paid": "select customer as who, total from crm.o where state = 'paid'",
    "per_customer": "select who, sum(cast(total as integer)) as total, count(*) as n from paid group by who",
    "most_of": (
        "select customer as who, total, (select max(memo) from crm.o where state <> 'x') as most "
        'from crm.o as mine where exists (select 1 from crm.o as other where other."order" > mine."order")'
    ),
    "ranked": (
        'select customer as who, "order" as latest, row_number() over (partition by customer '
        'order by cast("order" as integer) desc) as place from crm.o'
    ),
}


def _decorated(source: str, *names: str | dict[str, Any]) -> dict[str, Any]:
    steps = [{"name": name} if isinstance(name, str) else name for name in names]
    return {"type": "decorated", "source": source, "decorators": steps}


def _expression(text: str, kind: str = "expression") -> dict[str, str]:
    return {"type": kind, "expression": text}


CASES: dict[str, tuple[dict[str, Any], list[str], dict[str, Any]]] = {
    "every kind of field": (
        {
            "mail": _decorated("c.mail", "trim", "email"),
            "name": _expression("concat_ws(' ', c.\"First Name\", c.last)"),
            "last": _decorated("c.last", {"name": "hash"}),
            "origin": {"type": "constant", "value": "crm"},
            "town": {"type": "lookup", "source": "c.city", "values": {"rome": "R", "oslo": "O"}, "default": "?"},
            "spent": "c.spent",
            "size": _expression("case when cast(c.spent as integer) > 100 then 'big' else c.city end"),
        },
        ["mail email", "name string", "last string", "origin string", "town string", "spent integer", "size string"],
        {"inputs": [MAIN]},
    ),
    "wildcard": (
        {"name": 'c."First Name"'},
        ["mail string", "name string", "last string", "town string", "spent integer"],
        {"inputs": [MAIN], "wildcard": {"input": "c", "rename": {"city": "town"}, "exclude": ["note"]}},
    ),
    "join": (
        {"mail": "c.mail", "total": "o.total", "both": _expression("c.last || o.memo")},
        ["mail string", "total integer", "both string"],
        {"joins": [{"left": "c", "right": "o", "type": "inner", "on": [["id", "customer"]]}], "aliases": "co"},
    ),
    "lookup in an input": (
        {
            "mail": "c.mail",
            "land": {"type": "lookup", "source": "c.city", "input": "k", "key": "name", "value": "land"},
        },
        ["mail string", "land string"],
        {"aliases": "ck"},
    ),
    "filter": (
        {"mail": "c.mail", "spent": "c.spent"},
        ["mail string", "spent integer"],
        {"inputs": [MAIN], "filter": "c.city <> 'bern' and c.note is not null"},
    ),
    "group by": (
        {
            "town": "c.city",
            "people": _expression("count(*)", "aggregate"),
            "spent": _expression("sum(cast(c.spent as integer)) filter (where c.last <> 'Ash')", "aggregate"),
            "newest": _expression("max(c.seen)", "aggregate"),
        },
        ["town string", "people integer", "spent integer", "newest date"],
        {"inputs": [MAIN], "group_by": ["c.city"]},
    ),
    "deduplicate": (
        {"town": "c.city", "mail": "c.mail", "spent": "c.spent"},
        ["town string", "mail string", "spent integer"],
        {"inputs": [MAIN], "deduplicate": {"keys": ["town"], "order_by": ["c.seen DESC"]}},
    ),
    "deduplicate what a join made more of": (
        {"mail": "c.mail", "last": "c.last", "total": "o.total", "memo": "o.memo"},
        ["mail string", "last string", "total integer", "memo string"],
        {
            "joins": [{"left": "c", "right": "o", "type": "inner", "on": [["id", "customer"]]}],
            "deduplicate": {"keys": ["mail"]},
            "aliases": "co",
        },
    ),
    "sub-queries in blocks of SQL": (
        {"mail": "c.mail", "total": "o.total", "most": "o.most"},
        ["mail string", "total integer", "most string"],
        {
            "inputs": [MAIN, {"alias": "o", "cte": "most_of"}],
            "joins": [{"left": "c", "right": "o", "type": "left", "on": [["id", "who"]]}],
        },
    ),
    "blocks of SQL": (
        {"mail": "c.mail", "total": "o.total", "n": "o.n", "latest": "r.latest"},
        ["mail string", "total integer", "n integer", "latest string"],
        {
            "inputs": [MAIN, {"alias": "o", "cte": "per_customer"}, {"alias": "r", "cte": "ranked"}],
            "joins": [
                {"left": "c", "right": "o", "type": "left", "on": [["id", "who"]]},
                {"left": "c", "right": "r", "type": "left", "on": [["id", "who"]]},
            ],
        },
    ),
}  # fmt: skip


class Trial:
    """A mapping over the inputs, which can be run with one of their columns changed."""

    def __init__(self, folder: Path, name: str) -> None:
        self.desk = Desk(folder)
        fields, columns, more = CASES[name]
        aliases = more.get("aliases", "")
        rest = {key: value for key, value in more.items() if key != "aliases"}
        if aliases:
            rest["inputs"] = [{"alias": alias, "source": "crm", "table": alias} for alias in aliases]
        # The rows are told apart by a column that nothing else is made of, unless they are groups.
        self.is_grouped = "group_by" in rest
        mark = {} if self.is_grouped else {"mark": "c.mark"}
        self.desk.target(*([] if self.is_grouped else ["mark string"]), *columns)
        self.desk.map({**mark, **fields}, **rest)
        self.desk.ctes = CTES
        self.names = [column.split()[0] for column in columns]
        self._scan(set())
        self.edges = [
            edge for edge in lineage(self.desk.compiled()) if edge.target != "mark" and edge.column != "mark"
        ]
        self.before = self.values(set())

    def _scan(self, changes: set[Column]) -> None:
        self.desk.scans = {}
        for each, given in INPUTS.items():
            values = {"mark": tuple(f"r{n}" for n in range(len(next(iter(given.values())))))} | given
            for column in [column for alias, column in changes if alias == each]:
                change = CHANGES.get(column, lambda value: value + "~")
                values[column] = tuple(change(value) for value in values[column])
            self.desk.csv(each, list(values), list(zip(*values.values(), strict=True)))
        read = {entry["alias"] for entry in self.desk.mapping["inputs"] if "source" in entry}
        scans = {each: scan for each, scan in self.desk.scans.items() if each in read}
        if any("cte" in entry for entry in self.desk.mapping["inputs"]):
            scans["source:crm:o"] = self.desk.scans["o"]
        self.desk.scans = scans

    def values(self, changes: set[Column]) -> dict[str, dict[str, list[Any]]]:
        """For each surviving row (or all groups) the values of each target column, with columns changed."""
        self._scan(changes)
        found: dict[str, dict[str, list[Any]]] = {}
        for row in self.desk.preview().rows:
            entry = found.setdefault(str(row.get("mark", "")), {name: [] for name in self.names})
            for name in self.names:
                entry[name].append(row[name])
        for entry in found.values():
            for each in entry.values():
                each.sort(key=repr)
        return found

    def changed(self, column: Column) -> set[str]:
        """The target columns that are different; what does not decide on rows must leave the rows there."""
        after = self.values({column})
        assert after.keys() == self.before.keys()
        return {name for mark in after for name in self.names if self.before[mark][name] != after[mark][name]}

    def named(self, column: Column) -> tuple[set[str], set[str]]:
        """The target columns that the lineage names, and how the column decides on rows."""
        own = [edge for edge in self.edges if (edge.table, edge.column) == column]
        return {edge.target for edge in own if edge.target}, {edge.kind for edge in own if not edge.target}


COLUMNS = [(alias, column) for alias, rows in INPUTS.items() for column in rows]


@pytest.mark.parametrize("name", CASES)
def test_lineage__one_source_column_changed__exactly_the_named_columns_change(
    name: str, tmp_path: Path
) -> None:
    trial = Trial(tmp_path, name)
    found = {column: trial.named(column) for column in COLUMNS}
    used = {column: named for column, (named, deciding) in found.items() if named and not deciding}
    assert trial.before
    assert used

    assert {column: trial.changed(column) for column in used} == used


@pytest.mark.parametrize("name", CASES)
def test_lineage__columns_without_an_edge_changed__nothing_changes(name: str, tmp_path: Path) -> None:
    trial = Trial(tmp_path, name)
    spare = {column for column in COLUMNS if trial.named(column) == (set(), set())}
    assert spare

    assert trial.values(spare) == trial.before


@pytest.mark.parametrize(
    ("name", "alias", "column", "kinds"),
    [
        ("join", "c", "id", {"join"}),
        ("join", "o", "customer", {"join"}),
        ("filter", "c", "city", {"filter"}),
        ("group by", "c", "city", {"group"}),
        ("deduplicate", "c", "seen", {"order"}),
        ("deduplicate", "c", "city", {"key"}),
        ("deduplicate what a join made more of", "o", "total", {"order"}),
        ("deduplicate what a join made more of", "o", "state", set()),
        ("sub-queries in blocks of SQL", "o", "order", {"filter"}),
        ("sub-queries in blocks of SQL", "o", "total", set()),
        ("blocks of SQL", "o", "state", {"filter"}),
        ("blocks of SQL", "o", "customer", {"join", "group"}),
    ],
)
def test_lineage__a_column_that_decides_on_rows__is_named_as_such(
    name: str, alias: str, column: str, kinds: set[str], tmp_path: Path
) -> None:
    assert Trial(tmp_path, name).named((alias, column))[1] == kinds
