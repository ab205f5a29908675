"""What the compiler's tests share: short ways to write a table, a mapping, its inputs, and to run a plan."""

from collections.abc import Mapping as MappingOf
from typing import Any

import duckdb
from sqlglot import exp

from datalinx.engine.compile.mapping import NO_CTES, check_mapping, compile_mapping
from datalinx.engine.compile.names import Scope
from datalinx.engine.compile.plan import CompiledMapping, InputShape, Read, SourceColumn
from datalinx.engine.compile.select import select_of
from datalinx.engine.spec import Mapping, TargetTable, parse_document
from datalinx.engine.types import library
from datalinx.engine.types.registry import TypeRegistry
from datalinx.errors import FieldError

TYPES = TypeRegistry()

CONTACTS: dict[str, str] = {
    "contact_id": "VARCHAR",
    "Home Town": "VARCHAR",
    "first_name": "VARCHAR",
    "mail": "VARCHAR",
    "amount": "VARCHAR",
    "updated_at": "VARCHAR",
    "age": "BIGINT",
    "joined": "DATE",
    "active": "BOOLEAN",
}


def shape(columns: MappingOf[str, str]) -> InputShape:
    """An input of these columns."""
    return InputShape(tuple(SourceColumn(name, kind) for name, kind in columns.items()))


def scope(**inputs: MappingOf[str, str]) -> Scope:
    """The scope of an expression; `c` is a table of contacts unless others are given."""
    return Scope({alias: shape(columns) for alias, columns in (inputs or {"c": CONTACTS}).items()})


def table(*columns: str | dict[str, Any], key: tuple[str, ...] = ()) -> TargetTable:
    """A target table; a column is written `name type`, with a `!` behind it when it may not be null."""
    written = []
    for column in columns:
        if isinstance(column, dict):
            written.append(column)
            continue
        name, kind = column.rstrip("!").split()
        written.append({"name": name, "type": kind, "nullable": not column.endswith("!")})
    return parse_document(TargetTable, {"name": "people", "primary_key": list(key), "columns": written})


def mapping(fields: MappingOf[str, Any], **rest: Any) -> Mapping:
    """A mapping; a field that is a text is `direct` from it."""
    written = {
        name: {"type": "direct", "source": entry} if isinstance(entry, str) else entry
        for name, entry in fields.items()
    }
    inputs = rest.pop("inputs", [{"alias": "c", "source": "crm", "table": "contacts"}])
    return parse_document(Mapping, {"table_name": "people", "inputs": inputs, "fields": written, **rest})


def expression(text: str) -> dict[str, str]:
    """A field of type expression."""
    return {"type": "expression", "expression": text}


def aggregate(text: str) -> dict[str, str]:
    """A field of type aggregate."""
    return {"type": "aggregate", "expression": text}


def decorated(source: str, *decorators: str | dict[str, Any], **rest: Any) -> dict[str, Any]:
    """A decorated field; a decorator that is a text has no parameters."""
    entries = [{"name": entry} if isinstance(entry, str) else entry for entry in decorators]
    return {"type": "decorated", "source": source, "decorators": entries, **rest}


def compiled(
    document: Mapping,
    target: TargetTable,
    inputs: MappingOf[str, MappingOf[str, str]] | None = None,
    ctes: MappingOf[str, str] = NO_CTES,
) -> CompiledMapping:
    """The plan of a mapping over inputs given as name → columns."""
    shapes = {name: shape(columns) for name, columns in (inputs or {"c": CONTACTS}).items()}
    return compile_mapping(document, table=target, inputs=shapes, types=TYPES, ctes=ctes)


def faults_of(
    document: Mapping,
    target: TargetTable,
    inputs: MappingOf[str, MappingOf[str, str]] | None = None,
    ctes: MappingOf[str, str] = NO_CTES,
) -> list[FieldError]:
    """What is wrong with a mapping."""
    shapes = {name: shape(columns) for name, columns in (inputs or {"c": CONTACTS}).items()}
    return check_mapping(document, table=target, inputs=shapes, types=TYPES, ctes=ctes)


class Database:
    """A DuckDB with the rows of a plan's stored relations."""

    def __init__(self) -> None:
        self.connection = duckdb.connect(config={"threads": 1})
        library.register(self.connection)
        self.connection.execute("SET TimeZone = 'UTC'")

    def fill(self, relation: str, columns: MappingOf[str, str], rows: list[tuple[Any, ...]]) -> None:
        """Make a relation and put rows in it."""
        listed = ", ".join(f"{exp.to_identifier(name, quoted=True)} {kind}" for name, kind in columns.items())
        self.connection.execute(f'CREATE TABLE "{relation}" ({listed})')
        if rows:
            marks = ", ".join("?" for _ in columns)
            self.connection.executemany(f'INSERT INTO "{relation}" VALUES ({marks})', rows)

    def run(self, plan: CompiledMapping) -> list[tuple[Any, ...]]:
        """The plan's valid rows, sorted."""

        def stored(read: Read) -> exp.Expression:
            return exp.table_(read.relation, db="main", quoted=True)

        # Python gets instants as UTC without a zone, which takes no further package.
        columns = [
            f"timezone('UTC', \"{field.name}\")" if field.type.base == "timestamp" else f'"{field.name}"'
            for field in plan.fields
        ]
        query = select_of(plan, stored=stored).sql(dialect="duckdb")
        rows = self.connection.execute(f"SELECT {', '.join(columns)} FROM ({query})").fetchall()
        return sorted(rows, key=repr)

    def verdicts(self, plan: CompiledMapping) -> list[list[tuple[str, str, str | None]]]:
        """For each row the faults that it has, as (field, reason, value shown)."""
        found = []
        for field in plan.fields:
            for fault in field.faults:
                when, shown = (plan.inline(tree).sql(dialect="duckdb") for tree in (fault.when, fault.shown))
                source = f'main."{plan.first}" AS "{plan.first}"'
                rows = self.connection.execute(f"SELECT {when}, {shown} FROM {source}").fetchall()
                found.append(
                    [(field.name, fault.reason, value) if is_wrong else None for is_wrong, value in rows]
                )
        return [[entry for entry in row if entry] for row in zip(*found, strict=True)] if found else []


def results(
    document: Mapping,
    target: TargetTable,
    rows: list[tuple[Any, ...]],
    columns: MappingOf[str, str] = CONTACTS,
) -> list[tuple[Any, ...]]:
    """The valid rows that a mapping makes of the rows of its input `c`."""
    database = Database()
    database.fill("c", columns, rows)
    return database.run(compiled(document, target, {"c": columns}))


def rejections(
    document: Mapping,
    target: TargetTable,
    rows: list[tuple[Any, ...]],
    columns: MappingOf[str, str] = CONTACTS,
) -> list[list[tuple[str, str, str | None]]]:
    """For each row of the input `c` the faults that it has."""
    database = Database()
    database.fill("c", columns, rows)
    return database.verdicts(compiled(document, target, {"c": columns}))
