"""Types: what DuckDB calls the type of an operation's result, and which type of Spark holds its values.

DuckDB itself is asked, once in a process for each operation over the same types: the answer depends on nothing else.
"""

import re
from collections.abc import Sequence
from functools import cache
from threading import Lock

import duckdb
from sqlglot import exp
from sqlglot.errors import SqlglotError

from datalinx import errors
from datalinx.engine.types.casts import kind_of

NULL = '"NULL"'
"""DuckDB's name of the type of a bare NULL."""

_SPARK: dict[str, str] = {
    **dict.fromkeys(
        ("VARCHAR", "TEXT", "STRING", "CHAR", "BPCHAR", "JSON", "UUID", "TIME", "TIME_NS"), "STRING"
    ),
    **dict.fromkeys(("BOOLEAN", "BOOL", "LOGICAL"), "BOOLEAN"),
    "TINYINT": "TINYINT",
    **dict.fromkeys(("SMALLINT", "UTINYINT"), "SMALLINT"),
    **dict.fromkeys(("INTEGER", "INT", "USMALLINT"), "INT"),
    **dict.fromkeys(("BIGINT", "UINTEGER"), "BIGINT"),
    "UBIGINT": "DECIMAL(20, 0)",
    **dict.fromkeys(("HUGEINT", "UHUGEINT", "INT128", "BIGNUM", "VARINT"), "DECIMAL(38, 0)"),
    **dict.fromkeys(("FLOAT", "REAL"), "FLOAT"),
    "DOUBLE": "DOUBLE",
    "DATE": "DATE",
    **dict.fromkeys(
        ("TIMESTAMP", "DATETIME", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"), "TIMESTAMP_NTZ"
    ),
    **dict.fromkeys(("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ"), "TIMESTAMP"),
    **dict.fromkeys(("BLOB", "BYTEA", "BINARY", "VARBINARY"), "BINARY"),
    "INTERVAL": "INTERVAL",
    **dict.fromkeys((NULL, "NULL"), "VOID"),
}

_answers: dict[str, str] = {}
_lock = Lock()
_LONGEST_LITERAL = 40


def spark_type(duckdb_type: str) -> str:
    """Return Spark's type for the values of a DuckDB type; raise `Invalid` `ENGINE_CANNOT` where there is none."""
    name = duckdb_type.strip()
    if name.upper() in _SPARK:
        return _SPARK[name.upper()]
    if figures := re.fullmatch(r"(?i)(?:DECIMAL|NUMERIC)\s*\(\s*(\d+)\s*,\s*(\d+)\s*\)", name):
        return f"DECIMAL({figures[1]}, {figures[2]})"
    if kind_of(name) == "text":
        return "STRING"
    try:
        built = exp.DataType.build(name, dialect="duckdb")
    except SqlglotError:
        built = exp.DataType(this=exp.DType.UNKNOWN)
    return _nested(built, name)


def _nested(built: exp.DataType, name: str) -> str:
    parts = [part for part in built.expressions if isinstance(part, exp.DataType)]
    if built.this in {exp.DType.ARRAY, exp.DType.LIST} and len(parts) == 1:
        return f"ARRAY<{spark_type(parts[0].sql(dialect='duckdb'))}>"
    if built.this == exp.DType.MAP and len(parts) == 2:
        key, value = (spark_type(part.sql(dialect="duckdb")) for part in parts)
        return f"MAP<{key}, {value}>"
    if built.this == exp.DType.STRUCT:
        fields = [
            f"{exp.to_identifier(part.name, quoted=True).sql(dialect='spark')}: "
            f"{spark_type(part.args['kind'].sql(dialect='duckdb'))}"
            for part in built.expressions
            if isinstance(part, exp.ColumnDef)
        ]
        return f"STRUCT<{', '.join(fields)}>"
    message = f"Spark has no type for values of DuckDB's type {name[:80]}."
    raise errors.Invalid("ENGINE_CANNOT", message, details={"engine": "spark", "type": name[:80]})


def element_type(duckdb_type: str) -> str:
    """Return the type of a list's elements."""
    return re.sub(r"\[\d*\]$", "", duckdb_type.strip())


def operand(duckdb_type: str, literal: exp.Expr | None) -> exp.Expr:
    """Return what stands for an operand in a question: the literal itself, which has rules of its own, or a NULL."""
    if literal is not None and len(literal.name) <= _LONGEST_LITERAL:
        return literal.copy()
    if duckdb_type == NULL:
        return exp.null()
    return exp.cast(exp.null(), exp.DataType.build(duckdb_type, dialect="duckdb", udt=True))


def type_of(operation: exp.Expr) -> str:
    """Return DuckDB's name of the type of an operation over operands."""
    text = operation.sql(dialect="duckdb")
    if text not in _answers:
        _answers[text] = _ask(text)
    return _answers[text]


def common(operands: Sequence[exp.Expr]) -> str:
    """Return the type that a CASE over these results has."""
    ifs = [exp.If(this=exp.false(), true=each) for each in operands[:-1]]
    return type_of(exp.Case(ifs=ifs, default=operands[-1])) if ifs else type_of(operands[0])


def finest(left: str, right: str) -> str:
    """Return the type in which two decimals are compared: it keeps all decimals, a CASE over them may not."""
    figures = [[int(figure) for figure in re.findall(r"\d+", kind)] for kind in (left, right)]
    scale = max(scale for _, scale in figures)
    whole = max(precision - scale for precision, scale in figures)
    return f"DECIMAL({min(38, whole + scale)},{scale})"


def _ask(text: str) -> str:
    with (
        _lock,
        duckdb.connect(":memory:", config={"threads": 1, "enable_external_access": "false"}) as database,
    ):
        database.execute("SET TimeZone = 'UTC'")
        try:
            return str(database.execute(f"DESCRIBE SELECT {text}").fetchall()[0][1])
        except duckdb.Error as error:
            message = str(error).strip().splitlines()[0][:300]
            raise errors.Invalid("EXPRESSION_INVALID", message) from error


def value_of(question: str) -> object:
    """Return what DuckDB makes of an expression over constants; None where it raises."""
    return _evaluated(question)[0]


def raises(question: str) -> bool:
    """Return whether DuckDB raises for an expression over constants."""
    return _evaluated(question)[1]


@cache
def _evaluated(question: str) -> tuple[object, bool]:
    with (
        _lock,
        duckdb.connect(":memory:", config={"threads": 1, "enable_external_access": "false"}) as database,
    ):
        try:
            row = database.execute(f"SELECT {question}").fetchone()
        except duckdb.Error:
            return None, True
        return (row[0] if row else None), False
