"""The difference between two discoveries."""

from datalinx.engine.connectors.base import DiscoveredColumn, DiscoveredTable, Problem
from datalinx.engine.connectors.diff import Change, diff_tables


def table(name, problem=None, **columns):
    found = tuple(DiscoveredColumn(column, kind) for column, kind in columns.items())
    return DiscoveredTable(name, found, problem=problem)


def test_diff__of_equal_tables__is_empty():
    assert diff_tables([table("t", a="VARCHAR")], [table("t", a="VARCHAR")]) == []


def test_diff__of_tables__tells_added_and_removed():
    assert diff_tables([table("old")], [table("new")]) == [
        Change("added", "new", None, None, None, breaking=False),
        Change("removed", "old", None, None, None, breaking=True),
    ]


def test_diff__of_columns__tells_what_breaks():
    old = [table("t", a="VARCHAR", b="INTEGER", c="BIGINT")]
    new = [table("t", b="BIGINT", c="VARCHAR", d="DATE")]
    assert diff_tables(old, new) == [
        Change("removed", "t", "a", "VARCHAR", None, breaking=True),
        Change("changed", "t", "b", "INTEGER", "BIGINT", breaking=False),
        Change("changed", "t", "c", "BIGINT", "VARCHAR", breaking=False),
        Change("added", "t", "d", None, "DATE", breaking=False),
    ]


def test_diff__of_a_narrowed_type__breaks():
    assert diff_tables([table("t", a="VARCHAR")], [table("t", a="BIGINT")])[0].breaking


def test_diff__of_a_table_that_cannot_be_read__removes_no_column():
    broken = table("t", problem=Problem("FILE_EMPTY", "t.csv is empty."))
    assert diff_tables([table("t", a="VARCHAR")], [broken]) == []
