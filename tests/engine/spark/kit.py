"""Expressions computed by DuckDB and by Spark over the same rows, many at once, and what differs."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
from sqlglot import exp

from datalinx import errors
from datalinx.engine.compile.spark import lower, spark_text, spark_type
from datalinx.engine.types.casts import kind_of

# So many expressions are computed by one query: the code that Spark makes of one has its limits.
_AT_ONCE = 25
_SAME = 1e-12


@dataclass(frozen=True)
class Case:
    """An expression over the columns of a table; `about` names it in a difference. `exact` is for doubles."""

    about: str
    tree: exp.Expr
    exact: bool = True


class Engines:
    """A table of rows that both engines read."""

    def __init__(
        self, spark: Any, folder: Path, columns: Mapping[str, str], rows: Sequence[Sequence[Any]]
    ) -> None:
        self._spark = spark
        self._columns = dict(columns)
        self._tail, self._order = "", ""
        self._duckdb = duckdb.connect(config={"threads": 1})
        self._duckdb.execute("SET TimeZone = 'UTC'")
        listed = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
        self._duckdb.execute(f'CREATE TABLE c ({listed}, "=place" INTEGER)')
        marks = ", ".join("?" for _ in range(len(columns) + 1))
        for place, row in enumerate(rows):
            self._duckdb.execute(f"INSERT INTO c VALUES ({marks})", [*row, place])
        carried = ", ".join(f'{_carried(name, kind)} AS "{name}"' for name, kind in columns.items())
        path = folder / f"rows{id(self)}.parquet"
        self._duckdb.execute(f"COPY (SELECT {carried}, \"=place\" FROM c) TO '{path}' (FORMAT parquet)")
        self._frame = spark.read.parquet(str(path))
        self._frame.createOrReplaceTempView("c")

    def differences(self, cases: Sequence[Case], *, grouped: bool = False) -> list[str]:
        """What the engines disagree on, as texts; of aggregates, over the groups by `b`, where `grouped`."""
        self._tail = 'GROUP BY "b"' if grouped else ""
        self._order = '"b"' if grouped else '"=place"'
        found: list[str] = []
        for start in range(0, len(cases), _AT_ONCE):
            found += self._compared(cases[start : start + _AT_ONCE])
        return found

    def _compared(self, cases: Sequence[Case]) -> list[str]:
        types = [self._type_of(case.tree) for case in cases]
        expected = self._by_duckdb(cases, types)
        given = self._by_spark(cases, types)
        shown = ", ".join(f'CAST("{name}" AS VARCHAR)' for name in self._columns)
        if self._tail:
            shown = 'CAST("b" AS VARCHAR)'
        inputs = self._duckdb.execute(f"SELECT {shown} FROM c {self._tail} ORDER BY {self._order}").fetchall()
        return [
            f"{case.about}: {dict(zip(self._columns, row, strict=False))!r:.300}: DuckDB {want!r}, Spark {got!r}"
            for row, wanted, gotten in zip(inputs, expected, given, strict=True)
            for case, want, got in zip(cases, wanted, gotten, strict=True)
            if not _equal(want, got, exact=case.exact)
        ]

    def type_of(self, tree: exp.Expr) -> str:
        """DuckDB's name of an expression's type; raise `Invalid` when it has none."""
        try:
            return self._type_of(tree)
        except duckdb.Error as error:
            raise errors.Invalid("EXPRESSION_INVALID", str(error)) from error

    def _type_of(self, tree: exp.Expr) -> str:
        query = f"DESCRIBE SELECT {tree.sql(dialect='duckdb')} FROM c {self._tail}"
        return str(self._duckdb.execute(query).fetchall()[0][1])

    def _by_duckdb(self, cases: Sequence[Case], types: Sequence[str]) -> list[tuple[Any, ...]]:
        columns = [
            f"{_shown(case.tree.sql(dialect='duckdb'), kind)} AS x{number}"
            for number, (case, kind) in enumerate(zip(cases, types, strict=True))
        ]
        query = f"SELECT {', '.join(columns)} FROM c {self._tail} ORDER BY {self._order}"
        return self._duckdb.execute(query).fetchall()

    def _by_spark(self, cases: Sequence[Case], types: Sequence[str]) -> list[tuple[Any, ...]]:
        columns = []
        for number, (case, kind) in enumerate(zip(cases, types, strict=True)):
            tree: exp.Expr = case.tree
            if kind_of(kind) in _AS_TEXT:
                tree = exp.cast(exp.Paren(this=tree), "VARCHAR")
            text = spark_text(lower(tree, types=lambda column: self._columns[column.name]))
            columns.append(f"{text} AS x{number}")
        tail, order = self._tail.replace('"', "`"), self._order.replace('"', "`")
        rows = self._spark.sql(f"SELECT {', '.join(columns)}, {order} AS o FROM c {tail}").collect()
        # NULL comes last, as in DuckDB.
        return [tuple(row)[:-1] for row in sorted(rows, key=lambda row: (row["o"] is None, row["o"]))]


_AS_TEXT = {"date", "timestamp", "timestamptz", "time", "uuid"}


def _carried(name: str, kind: str) -> str:
    """A column as what Spark reads it as."""
    carrier = {"STRING": "VARCHAR", "DECIMAL(38, 0)": "DECIMAL(38,0)", "DECIMAL(20, 0)": "DECIMAL(20,0)"}.get(
        spark_type(kind)
    )
    carrier = carrier or {"UTINYINT": "SMALLINT", "USMALLINT": "INTEGER", "UINTEGER": "BIGINT"}.get(kind)
    return f'CAST("{name}" AS {carrier})' if carrier else f'"{name}"'


def _shown(text: str, kind: str) -> str:
    if kind_of(kind) in _AS_TEXT:
        return f"CAST({text} AS VARCHAR)"
    return text


def _equal(want: Any, got: Any, *, exact: bool) -> bool:
    if isinstance(want, bytes | bytearray):
        return got is not None and bytes(want) == bytes(got)
    if isinstance(want, float) and isinstance(got, float):
        if math.isnan(want) or math.isnan(got):
            return math.isnan(want) and math.isnan(got)
        if not exact:
            return math.isclose(want, got, rel_tol=_SAME, abs_tol=_SAME)
        return want == got and math.copysign(1, want) == math.copysign(1, got)
    return bool(want == got) and (want is None) == (got is None)
