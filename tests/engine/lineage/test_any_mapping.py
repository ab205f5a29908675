"""Lineage proven by mutation of any mapping: random rows through random joins, CTEs, filters, groups and fields.

One source column gets other values in every row. What has no edge changes nothing. What takes part in values alone
leaves the rows as they are and changes no target column that its edges do not name, and every column that is
directly made of it where a row holds a value. What decides on rows is named as such.
"""

from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from datalinx.engine.compile.lineage import lineage
from datalinx.engine.compile.plan import Edge
from tests.engine.execute.conftest import Desk

Column = tuple[str, str]
Rows = dict[str, list[str | None]]

POOLS = {
    "c": {"id": "123", "k": "ab", "s": "xyz", "n": "123", "at": "1234", "mail": "pq"},
    "o": {"id": "123", "m": "456", "w": "uv", "at": "123"},
    "k": {"code": "ab", "land": "LMN", "size": "789"},
}
COLUMNS = [(alias, column) for alias, pools in POOLS.items() for column in pools]

# Each gives `who`, `x` and `y`.
CTES = {
    "kept": "select id as who, m as x, w as y from crm.o where at > '1'",
    "summed": "select id as who, cast(sum(try_cast(m as integer)) as varchar) as x, max(w) as y from crm.o group by id",
    "newest": (
        "select who, x, y from (select id as who, m as x, w as y, row_number() over "
        "(partition by id order by at desc, m) as place from crm.o) where place = 1"
    ),
    "counted": (
        "select id as who, cast(count(*) as varchar) as x, min(w) filter (where at = '2') as y from crm.o "
        "group by 1 having count(*) > 1"
    ),
    "both": "select id as who, m as x, w as y from crm.o union select code, land, size from crm.k",
    "all_of": "select id as who, m as x, w as y from crm.o union all select code, land, 'k' from crm.k",
    "known": "select id as who, m as x, w as y from crm.o where w in (select lower(land) from crm.k where size > '7')",
    "there": "select id as who, m as x, w as y from crm.o where exists (select 1 from crm.k where k.code < o.w)",
    "beside": "select o.id as who, k.land as x, o.w as y from crm.o join crm.k on k.size = o.at or k.code > o.w",
    "some": "select id as who, m as x, w as y from crm.o order by at, m, w, id limit 2",
    "onwards": "select who, x || y as x, case when x > '4' then y end as y from kept",
    "lagged": "select id as who, lag(m) over (order by at, m, id, w) as x, w as y from crm.o",
    "scalar": "select id as who, (select max(land) from crm.k) as x, w as y from crm.o",
}


def expression(text: str, kind: str = "expression") -> dict[str, Any]:
    return {"type": kind, "expression": text}


def decorated(source: str, *names: str) -> dict[str, Any]:
    return {"type": "decorated", "source": source, "decorators": [{"name": name} for name in names]}


def lookup(source: str) -> dict[str, Any]:
    return {"type": "lookup", "source": source, "input": "k", "key": "code", "value": "land", "default": "?"}


def direct(source: str) -> dict[str, Any]:
    return {"type": "direct", "source": source}


OF_C = [
    *(direct(f"c.{column}") for column in POOLS["c"]),
    decorated("c.s", "trim", "upper"),
    decorated("c.mail", "hash"),
    expression("concat_ws('-', c.s, c.n)"),
    expression("case when c.k = 'a' then c.s else c.mail end"),
    expression("coalesce(c.n, c.id)"),
    {"type": "lookup", "source": "c.k", "values": {"a": "A", "b": "B"}, "default": "?"},
    {"type": "constant", "value": "crm"},
]
OF_O = [direct("o.m"), direct("o.w"), expression("c.s || o.w"), decorated("o.m", "hash")]
OF_CTE = [direct("q.x"), direct("q.y"), expression("coalesce(q.x, c.s)")]
AGGREGATES = [
    expression("cast(count(*) as varchar)", "aggregate"),
    expression("max(c.s)", "aggregate"),
    expression("cast(sum(try_cast(c.n as integer)) filter (where c.mail = 'p') as varchar)", "aggregate"),
    expression("cast(count(distinct c.at) as varchar)", "aggregate"),
]
FILTERS = [None, None, "c.s <> 'x'", "c.mail is not null and c.n < '3'"]


@st.composite
def inputs(draw: st.DrawFn) -> dict[str, Rows]:
    def rows(pools: dict[str, str], count: int) -> Rows:
        value = {
            name: st.one_of(st.sampled_from(pool), st.sampled_from([*pool, None]))
            for name, pool in pools.items()
        }
        return {name: draw(st.lists(each, min_size=count, max_size=count)) for name, each in value.items()}

    return {alias: rows(pools, draw(st.integers(3, 7))) for alias, pools in POOLS.items()}


@st.composite
def mappings(draw: st.DrawFn) -> dict[str, Any]:
    made: dict[str, Any] = {"inputs": [{"alias": "c", "source": "crm", "table": "c"}], "joins": []}
    pool = [*OF_C]
    if draw(st.booleans()):
        made["inputs"].append({"alias": "o", "source": "crm", "table": "o"})
        kind = draw(st.sampled_from(["left", "inner", "right", "full"]))
        made["joins"].append({"left": "c", "right": "o", "type": kind, "on": [["id", "id"]]})
        pool += OF_O
    if draw(st.booleans()):
        made["inputs"].append({"alias": "q", "cte": draw(st.sampled_from(sorted(CTES)))})
        kind = draw(st.sampled_from(["left", "inner"]))
        made["joins"].append({"left": "c", "right": "q", "type": kind, "on": [["id", "who"]]})
        pool += OF_CTE
    made["filter"] = draw(st.sampled_from(FILTERS))
    if draw(st.integers(0, 3)) == 0:
        made["group_by"] = ["c.k"]
        fields = [direct("c.k"), *draw(st.lists(st.sampled_from(AGGREGATES), min_size=1, max_size=3))]
    else:
        fields = draw(st.lists(st.sampled_from([*pool, lookup("c.k")]), min_size=2, max_size=5))
        if any(field.get("input") == "k" for field in fields):
            made["inputs"].append({"alias": "k", "source": "crm", "table": "k"})
        if draw(st.integers(0, 2)) == 0:
            order = draw(st.sampled_from([[], ["c.at DESC"], ["c.n", "c.s DESC"]]))
            made["deduplicate"] = {"keys": ["f0"], "order_by": order}
        if draw(st.integers(0, 3)) == 0:
            made["wildcard"] = {"input": "c", "exclude": ["mail"], "rename": {"s": "second"}}
    made["fields"] = {f"f{number}": field for number, field in enumerate(fields)}
    return {key: value for key, value in made.items() if value}


class Trial:
    """A mapping over inputs, which can be run with columns changed."""

    def __init__(self, folder: Path, rows: dict[str, Rows], mapping: dict[str, Any]) -> None:
        self.desk, self.rows = Desk(folder), rows
        self.names = [*mapping["fields"]]
        if "wildcard" in mapping:
            self.names += ["id", "k", "second", "n", "at"]
        self.aliases = [each["alias"] for each in mapping["inputs"] if "source" in each]
        is_marked = "group_by" not in mapping
        # What tells rows apart: marks that nothing else is made of; of groups the column that they are made by.
        self.marks = [f"mark_{alias}" for alias in self.aliases if alias != "k"] if is_marked else ["f0"]
        marks = {mark: f"{mark[-1]}.mark" for mark in self.marks if is_marked}
        # They stand last, as what no column before them tells apart is ordered by them.
        self.desk.target(*(f"{name} string" for name in (*self.names, *marks)))
        fields = mapping["fields"]
        more = {key: value for key, value in mapping.items() if key != "fields"}
        self.desk.map({**marks, **fields}, **more)
        self.desk.ctes = CTES
        self.has_cte = any("cte" in each for each in mapping["inputs"])
        self.before = self.values({})
        edges = lineage(self.desk.compiled())
        self.edges = [edge for edge in edges if edge.column != "mark" and edge.target not in marks]

    def values(
        self, changes: dict[Column, list[str | None]]
    ) -> dict[tuple[Any, ...], Counter[tuple[Any, ...]]]:
        """The rows of the target by what tells them apart, with the values of these columns in place of theirs."""
        self.desk.scans = {}
        scans = {}
        for alias, given_rows in self.rows.items():
            columns = {name: changes.get((alias, name), values) for name, values in given_rows.items()}
            columns["mark"] = [f"{alias}{number}" for number in range(len(next(iter(columns.values()))))]
            self.desk.csv(alias, list(columns), list(zip(*columns.values(), strict=True)))
            if alias in self.aliases:
                scans[alias] = self.desk.scans[alias]
            if self.has_cte and alias != "c":
                scans[f"source:crm:{alias}"] = self.desk.scans[alias]
        self.desk.scans = scans
        wanted = {read.relation for read in self.desk.compiled().reads}
        self.desk.scans = {name: scan for name, scan in scans.items() if name in wanted}
        found: dict[tuple[Any, ...], Counter[tuple[Any, ...]]] = {}
        for row in self.desk.preview().rows:
            key = tuple(row[mark] for mark in self.marks)
            found.setdefault(key, Counter())[tuple(row[name] for name in self.names)] += 1
        return found

    def edges_of(self, column: Column) -> list[Edge]:
        return [edge for edge in self.edges if (edge.table, edge.column) == column]


def changed_columns(trial: Trial, after: dict[tuple[Any, ...], Counter[tuple[Any, ...]]]) -> set[str]:
    """The target columns whose values are not the same, row by row as far as the marks tell rows apart."""
    changed = set()
    for key, rows in trial.before.items():
        for number, name in enumerate(trial.names):
            one, other = (
                Counter(values[number] for values in each.elements()) for each in (rows, after[key])
            )
            if one != other:
                changed.add(name)
    return changed


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rows=inputs(), mapping=mappings(), data=st.data())
def test_lineage__of_any_mapping__names_all_that_a_change_of_a_column_changes(
    rows: dict[str, Rows], mapping: dict[str, Any], data: st.DataObject
) -> None:
    with TemporaryDirectory() as folder:
        trial = Trial(Path(folder), rows, mapping)
        note(f"{trial.edges}")
        spare = [column for column in COLUMNS if not trial.edges_of(column)]
        used = [column for column in COLUMNS if trial.edges_of(column)]
        other = st.lists(st.sampled_from(["a", "1", "2", "9", "zz", "L", None]), min_size=7, max_size=7)
        changes = {(alias, name): data.draw(other)[: len(rows[alias][name])] for alias, name in spare}
        assert trial.values(changes) == trial.before

        alias, name = column = data.draw(st.sampled_from(used))
        edges = trial.edges_of(column)
        if any(edge.target is None for edge in edges):
            return
        turned = [f"{value}~" if value is not None else None for value in rows[alias][name]]
        is_turned = data.draw(st.booleans())
        new = turned if is_turned else data.draw(other)[: len(rows[alias][name])]
        after = trial.values({column: new})
        note(f"{column} {new}\nbefore {trial.before}\nafter {after}")
        assert after.keys() == trial.before.keys()
        changed = changed_columns(trial, after)
        assert changed <= {edge.target for edge in edges}
        if is_turned:
            plain = _plain(trial, column)
            assert {each for each in plain if _has_value(trial, each)} <= changed


def _plain(trial: Trial, column: Column) -> list[str]:
    """The target columns that a column goes into as it is."""
    source = ".".join(column)
    fields = trial.desk.mapping["fields"]
    return [name for name, field in fields.items() if field == direct(source)]


def _has_value(trial: Trial, name: str) -> bool:
    number = trial.names.index(name)
    return any(values[number] is not None for rows in trial.before.values() for values in rows)
