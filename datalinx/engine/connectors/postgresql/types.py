"""How the columns of a stored table look in PostgreSQL: their types, and their values as COPY reads them."""

from datalinx.engine.query.tables import quote_name

# As PostgreSQL's `format_type` writes them, so that the catalog can be compared with them.
_TYPES = {
    "BOOLEAN": "boolean",
    "INTEGER": "integer",
    "BIGINT": "bigint",
    "FLOAT": "real",
    "DOUBLE": "double precision",
    "DATE": "date",
    "TIME": "time without time zone",
    "TIMESTAMP": "timestamp without time zone",
    "TIMESTAMP WITH TIME ZONE": "timestamp with time zone",
    "VARCHAR": "text",
    "UUID": "uuid",
    "BLOB": "bytea",
}
_ERAS = {"DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE"}
JSON = "jsonb"
# Types whose values can be compared; others are compared by their text.
COMPARABLE = frozenset({*_TYPES.values(), JSON})


def postgresql_type(kind: str, *, is_json: bool = False) -> str:
    """Return the type for a DuckDB type of the lake."""
    if kind.startswith("DECIMAL("):
        return "numeric" + kind.removeprefix("DECIMAL").replace(" ", "")
    return JSON if is_json else _TYPES[kind]


def is_comparable(type_: str) -> bool:
    """Return whether two values of a type can be told apart by `IS DISTINCT FROM`."""
    return type_ in COMPARABLE or type_.startswith("numeric")


def copy_expression(name: str, kind: str) -> str:
    """Return DuckDB's SQL for a column's value as text that PostgreSQL reads as the same value."""
    column = quote_name(name)
    if kind == "BLOB":
        return f"'\\x' || lower(hex({column}))"
    text = f"CAST({column} AS VARCHAR)"
    if kind in _ERAS:
        # DuckDB puts the era behind the date, PostgreSQL behind the time.
        return rf"regexp_replace({text}, '^(.*) \(BC\)(.*)$', '\1\2 BC')"
    return text
