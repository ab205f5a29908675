"""The plan as dbt SQL: a model of a table, and the expression of one field."""

import json
from dataclasses import replace

from sqlglot import exp

from datalinx import errors
from datalinx.engine.compile.plan import CompiledField, CompiledMapping, Read, inlined_size
from datalinx.engine.compile.select import select_of

# An expression with more parts than this is no longer one that a person reads.
MAX_INLINE = 2_000

# No name and no literal of a document holds U+0000, so that these marks meet nothing else.
_MARK = "\x00read {}\x00"

_MATERIALIZED = {
    "full": "materialized='table'",
    "append": "materialized='incremental', incremental_strategy='append'",
    "merge": "materialized='incremental', unique_key={keys}",
    "history": "materialized='table'",
}


def dbt_model(compiled: CompiledMapping) -> str:
    """The dbt model that makes the table's valid rows from `source()` and `ref()`."""
    marks: dict[str, str] = {}

    def stored(read: Read) -> exp.Expression:
        mark = _MARK.format(len(marks))
        marks[exp.to_identifier(mark, quoted=True).sql(dialect="duckdb")] = _jinja(read)
        return exp.table_(mark, quoted=True)

    body = _without_jinja(select_of(compiled, stored=stored).sql(dialect="duckdb", pretty=True))
    for mark, reference in marks.items():
        body = body.replace(mark, reference)
    config = _MATERIALIZED[compiled.load.mode].format(keys=_list(compiled.load.keys))
    return f"{{{{ config({config}) }}}}\n\n{body}\n"


def dbt_field(compiled: CompiledMapping, name: str) -> str:
    """The SQL expression of one target column, over the inputs' aliases.

    Raise `NotFound` `FIELD_NOT_MAPPED` when no field makes the column. A very long one comes as a model.
    """
    field = next((field for field in compiled.fields if field.name == name), None)
    if field is None:
        raise errors.NotFound("FIELD_NOT_MAPPED", f"The mapping of `{compiled.table}` has no field `{name}`.")
    if inlined_size(field.value, compiled.steps) > MAX_INLINE:
        return dbt_model(_only(compiled, field))
    tree = compiled.inline(field.value).transform(_without_packing)
    return _without_jinja(tree.sql(dialect="duckdb", pretty=True))


def _only(compiled: CompiledMapping, field: CompiledField) -> CompiledMapping:
    return replace(compiled, fields=(replace(field, nullable=True),), deduplicate=None, primary_key=())


def _without_packing(node: exp.Expression) -> exp.Expression:
    """TRY(x) for list_extract(TRY(list_value(x)), 1), which only serves to tell an error from a NULL."""
    if isinstance(node, exp.Anonymous) and node.name == "list_extract":
        attempted = node.expressions[0]
        return exp.Anonymous(this="TRY", expressions=[attempted.expressions[0].expressions[0]])
    return node


def _without_jinja(sql: str) -> str:
    """The SQL with what Jinja would take for its own written as text."""
    for opening in ("{{", "{%", "{#"):
        sql = sql.replace(opening, f"\x00{opening}\x00")
    for opening in ("{{", "{%", "{#"):
        sql = sql.replace(f"\x00{opening}\x00", "{{ '" + opening + "' }}")
    return sql


def _jinja(read: Read) -> str:
    if read.target is not None:
        return f"{{{{ ref({json.dumps(read.target)}) }}}}"
    return f"{{{{ source({json.dumps(read.source)}, {json.dumps(read.table)}) }}}}"


def _list(names: tuple[str, ...]) -> str:
    return "[" + ", ".join(json.dumps(name) for name in names) + "]"
