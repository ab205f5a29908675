"""What DuckDB itself says about an expression: its type, or why it has none.

The users' dialect is DuckDB's, so its binder is the type checker: an expression is described over empty tables
of the inputs' shapes, in memory, where nothing else can be reached. To start a database takes longer than most
compilations: each process has one, and each compilation a session in it whose temporary tables only it sees.
"""

import os
import re
import threading
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any, Self

import duckdb
from sqlglot import exp
from sqlglot.errors import SqlglotError

from datalinx import errors
from datalinx.engine.compile.plan import InputShape, SourceColumn
from datalinx.engine.types import library

_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "threads": 1,
    "memory_limit": "256MB",
    "enable_external_access": "false",
}
# How DuckDB says that a query names a column that is not there.
_NO_COLUMN = re.compile(r"Referenced (column|table)|does not have a column named|not found in FROM")
_LIMITS = (
    "SET GLOBAL TimeZone = 'UTC'",
    "SET GLOBAL lock_configuration = true",
)


class _Databases:
    """The database of this process, made when it is first asked for; a child of a fork makes its own."""

    def __init__(self) -> None:
        self._made: duckdb.DuckDBPyConnection | None = None
        self._inherited: list[duckdb.DuckDBPyConnection | None] = []
        self._lock = threading.Lock()
        os.register_at_fork(after_in_child=self._forget)

    def session(self) -> duckdb.DuckDBPyConnection:
        """Return a new session, which the caller closes."""
        with self._lock:
            if self._made is None:
                self._made = _new_database()
            return self._made.cursor()

    def discard(self) -> None:
        """Let the next session be of a new database: an internal fault of DuckDB ends all sessions of one."""
        with self._lock:
            self._made = None

    def _forget(self) -> None:
        # The lock may have been held by a thread that the child does not have.
        self._lock = threading.Lock()
        # Kept unused: to close it could wait for what the parent's threads held.
        self._inherited.append(self._made)
        self._made = None


def _new_database() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(":memory:", config=_CONFIG)
    library.register(connection)
    for statement in _LIMITS:
        connection.execute(statement)
    return connection


_DATABASES = _Databases()


class Binder:
    """One session for one compilation. Use it as a context manager."""

    def __init__(self) -> None:
        self._connection = _DATABASES.session()
        self._relations: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def add(self, name: str, shape: InputShape) -> None:
        """Let expressions and queries refer to a relation of this name and shape."""
        columns = [
            exp.ColumnDef(this=exp.to_identifier(column.name, quoted=True), kind=_data_type(column))
            for column in shape.columns
        ]
        table = exp.Schema(this=exp.table_(name, quoted=True), expressions=columns)
        try:
            self._connection.execute(_temporary(table).sql(dialect="duckdb"))
        except duckdb.Error as error:
            message = f"The input `{name}` has columns that DuckDB cannot tell apart: {_sentence(error)}"
            raise errors.Invalid("INVALID_INPUT", message) from error
        self._relations.add(name)

    def type_of(self, expression: exp.Expr, names: Mapping[str, str] | None = None) -> str:
        """DuckDB's name of the expression's type; `names` are the types of columns without an alias.

        Raise `Invalid` `EXPRESSION_INVALID` with DuckDB's reason when it has none.
        """
        select = exp.select(expression.copy())
        for alias in sorted({column.table for column in expression.find_all(exp.Column)} & self._relations):
            select = select.join(exp.table_(alias, quoted=True), join_type="cross")
        if names:
            typed = exp.select(*(_null_of(name, kind) for name, kind in names.items()))
            select = select.join(typed.subquery("names"), join_type="cross")
        self._check_literals(expression)
        return self._describe(_with_from(select))[0].type

    def columns_of(self, query: exp.Query) -> tuple[SourceColumn, ...]:
        """The columns of a query over relations that were added."""
        self._check_literals(query)
        return tuple(self._describe(query))

    def evaluate(self, expressions: Iterable[exp.Expr]) -> tuple[Any, ...]:
        """The values of expressions over constants alone."""
        query = exp.select(*(expression.copy() for expression in expressions))
        row = self._execute(query.sql(dialect="duckdb", copy=False)).fetchone()
        return tuple(row or ())

    def _check_literals(self, tree: exp.Expr) -> None:
        """Cast every literal that is cast: describing does not, and a wrong date would reject every row."""
        for node in tree.find_all(exp.Cast):
            if isinstance(node.this, exp.Literal) and not isinstance(node, exp.TryCast):
                self.evaluate([node])

    def _describe(self, query: exp.Query) -> list[SourceColumn]:
        text = query.sql(dialect="duckdb")
        rows = self._execute(f"DESCRIBE {text}").fetchall()
        # Planning it finds what only DuckDB's optimizer stumbles over.
        self._execute(f"EXPLAIN {text}")
        return [SourceColumn(str(name), str(kind)) for name, kind, *_ in rows]

    def _execute(self, statement: str) -> Any:
        try:
            return self._connection.execute(statement)
        except duckdb.Error as error:
            if isinstance(error, duckdb.FatalException | duckdb.InternalException):
                _DATABASES.discard()
            sentence = _sentence(error)
            code = "UNKNOWN_COLUMN" if _NO_COLUMN.search(sentence) else "EXPRESSION_INVALID"
            raise errors.Invalid(code, sentence) from error


def _temporary(table: exp.Schema) -> exp.Create:
    properties = exp.Properties(expressions=[exp.TemporaryProperty()])
    return exp.Create(this=table, kind="TABLE", properties=properties)


def _data_type(column: SourceColumn) -> exp.DataType:
    try:
        return exp.DataType.build(column.type, dialect="duckdb", udt=True)
    except SqlglotError as error:
        message = f"The column `{column.name}` has the unknown type `{column.type[:80]}`."
        raise errors.Invalid("INVALID_INPUT", message) from error


def _null_of(name: str, kind: str) -> exp.Expr:
    return exp.alias_(
        exp.cast(exp.null(), exp.DataType.build(kind, dialect="duckdb", udt=True)), name, quoted=True
    )


def _with_from(select: exp.Select) -> exp.Select:
    """The first of the cross-joined relations as FROM."""
    joins = select.args.pop("joins", None) or []
    if joins:
        select = select.from_(joins[0].this)
        for join in joins[1:]:
            select = select.join(join.this, join_type="cross")
    return select


def _sentence(error: duckdb.Error) -> str:
    """The first line of DuckDB's message, without its name for the kind of error and its candidates."""
    first = str(error).strip().splitlines()[0]
    _, separator, rest = first.partition(" Error: ")
    return (rest if separator else first).rstrip(".")[:500] + "."
