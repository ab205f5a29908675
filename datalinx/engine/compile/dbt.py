"""The plan as dbt SQL: a model of a table, and the expression of one field."""

import json
import re
from collections.abc import Collection
from dataclasses import replace

from sqlglot import exp

from datalinx import errors
from datalinx.engine.compile.identity import NAME as IDENTITY
from datalinx.engine.compile.plan import CompiledField, CompiledMapping, Read, inlined_size
from datalinx.engine.compile.select import select_of
from datalinx.engine.types.library import without_calls

# An expression with more parts than this is no longer one that a person reads.
MAX_INLINE = 2_000

_NO_IDENTITY = (
    "The mapping puts canonical ids in (the decorator `identity`), which are no relation of a dbt project: map the "
    "key, and join the ids after the build."
)

# No name and no literal of a document holds U+0000, so that these marks meet nothing else.
_MARK = "\x00read {}\x00"

_TABLE, _APPEND = "materialized='table'", "materialized='incremental', incremental_strategy='append'"
_MERGE = "materialized='incremental', incremental_strategy='delete+insert', unique_key={keys}"

# The source that holds the target tables without a model.
TABLES = "target tables"


def dbt_model(compiled: CompiledMapping, models: Collection[str] | None = None) -> str:
    """The dbt model that makes the table's valid rows from `source()` and `ref()`.

    `models` are the target tables that have one (all of them when None).
    """
    marks: dict[str, str] = {}
    newer = _newer(compiled)

    def stored(read: Read) -> exp.Expression:
        mark = _MARK.format(len(marks))
        reference = _jinja(read, models)
        if newer and read.relation == compiled.first:
            reference = f"{reference} AS {_name(read.relation)}\n  {newer}"
        marks[_name(mark)] = reference
        return exp.table_(mark, quoted=True)

    body = without_jinja(select_of(compiled, stored=stored).sql(dialect="duckdb", pretty=True))
    for mark, reference in marks.items():
        body = body.replace(mark, reference)
    if newer and compiled.load.mode == "merge":
        body = _without_older(compiled, body)
    return f"{{{{ config({materialization(compiled)}) }}}}\n\n{body}\n"


def materialization(compiled: CompiledMapping) -> str:
    """How dbt keeps the table, as the arguments of `config`.

    A table is loaded bit by bit only where its own rows tell how far it came: dbt keeps no cursor beside them.
    """
    load = compiled.load
    if load.mode == "merge":
        return _MERGE.format(keys=_list(load.keys))
    if load.mode == "append" and (load.cursor is None or cursor_field(compiled) is not None):
        return _APPEND
    return _TABLE


def cursor_field(compiled: CompiledMapping) -> CompiledField | None:
    """The target column that holds the cursor's value, if one does."""
    cursor = compiled.load.cursor
    return next(
        (
            field
            for field in compiled.fields
            if isinstance(field.value, exp.Column) and field.value.name == cursor
        ),
        None,
    )


def _newer(compiled: CompiledMapping) -> str:
    """The condition that lets a second build read what is new alone; empty where the whole is read again."""
    field, over_input = cursor_field(compiled), compiled.load.cursor_input
    if field is None or over_input is None or compiled.load.mode not in {"append", "merge"}:
        return ""
    reached = f"(SELECT MAX({_name(field.name)}) FROM {{{{ this }}}})"
    load = compiled.load
    back = f" - INTERVAL {load.lookback_months} MONTH" if load.lookback_months else ""
    back += f" - INTERVAL {load.lookback_seconds} SECOND" if load.lookback_seconds else ""
    # What is as new as the newest is read again by a merge, which can only replace it by itself.
    sign = ">=" if load.mode == "merge" else ">"
    value = without_jinja(over_input.sql(dialect="duckdb"))
    condition = f"{value} {sign} {reached}{back} OR {reached} IS NULL"
    # A row without a cursor may be new. A merge meets its key; an append would add it each time.
    condition += f" OR {value} IS NULL" if load.mode == "merge" else ""
    return f"{{% if is_incremental() %}}WHERE {condition}{{% endif %}}"


def _without_older(compiled: CompiledMapping, body: str) -> str:
    """The rows without those whose key is stored with a later cursor: dbt lets whatever it reads replace that."""
    field = cursor_field(compiled)
    cursor = _name(field.name) if field is not None else ""
    kept, made = _name("=kept"), _name("=made")
    same = " AND ".join(f"{kept}.{_name(key)} = {made}.{_name(key)}" for key in compiled.load.keys)
    is_older = (
        f"({made}.{cursor} < {kept}.{cursor} OR ({made}.{cursor} IS NULL AND {kept}.{cursor} IS NOT NULL))"
    )
    stored = f"SELECT 1 FROM {{{{ this }}}} AS {kept} WHERE {same} AND {is_older}"
    condition = f"{{% if is_incremental() %}}WHERE NOT EXISTS ({stored}){{% endif %}}"
    return f"SELECT * FROM (\n{body}\n) AS {made}\n{condition}"


def _name(name: str) -> str:
    return exp.to_identifier(name, quoted=True).sql(dialect="duckdb")


def dbt_field(compiled: CompiledMapping, name: str) -> str:
    """The SQL expression of one target column, over the inputs' aliases.

    Raise `NotFound` `FIELD_NOT_MAPPED` when no field makes the column. A very long one comes as a model.
    """
    field = next((field for field in compiled.fields if field.name == name), None)
    if field is None:
        raise errors.NotFound("FIELD_NOT_MAPPED", f"The mapping of `{compiled.table}` has no field `{name}`.")
    if any(alias.startswith(f"{IDENTITY}:") for alias, _ in field.references):
        raise errors.Invalid("IDENTITY_NOT_POSSIBLE", _NO_IDENTITY)
    if inlined_size(field.value, compiled.steps) > MAX_INLINE:
        return dbt_model(_only(compiled, field))
    tree = without_calls(compiled.inline(field.value).transform(_without_packing))
    return without_jinja(tree.sql(dialect="duckdb", pretty=True))


def _only(compiled: CompiledMapping, field: CompiledField) -> CompiledMapping:
    return replace(compiled, fields=(replace(field, nullable=True),), deduplicate=None, primary_key=())


def _without_packing(node: exp.Expression) -> exp.Expression:
    """TRY(x) for list_extract(TRY(list_value(x)), 1), which only serves to tell an error from a NULL."""
    if isinstance(node, exp.Anonymous) and node.name == "list_extract":
        attempted = node.expressions[0]
        return exp.Anonymous(this="TRY", expressions=[attempted.expressions[0].expressions[0]])
    return node


def without_jinja(sql: str) -> str:
    """The SQL with what Jinja would take for its own written as text."""
    for opening in ("{{", "{%", "{#"):
        sql = sql.replace(opening, f"\x00{opening}\x00")
    for opening in ("{{", "{%", "{#"):
        sql = sql.replace(f"\x00{opening}\x00", "{{ '" + opening + "' }}")
    return sql


# What `without_jinja` writes for what opens Jinja.
ESCAPED_JINJA = re.compile(r"\{\{ '(\{[{%#])' \}\}")


def with_jinja(text: str) -> str:
    """The text that `without_jinja` was given; any other Jinja stays as it is."""
    return ESCAPED_JINJA.sub(r"\1", text)


def plain_name(name: str) -> str:
    """The name as a project gives it: dbt cannot have what opens Jinja in the name of a source."""
    return re.sub(r"\{(?=[{%#])", "_", name)


def _jinja(read: Read, models: Collection[str] | None) -> str:
    if read.identity is not None:
        raise errors.Invalid("IDENTITY_NOT_POSSIBLE", _NO_IDENTITY)
    if read.target is not None and models is not None and read.target not in models:
        return f"{{{{ source({json.dumps(TABLES)}, {json.dumps(read.target)}) }}}}"
    if read.target is not None:
        return f"{{{{ ref({json.dumps(read.target)}) }}}}"
    source = json.dumps(plain_name(read.source or ""))
    return f"{{{{ source({source}, {json.dumps(plain_name(read.table or ''))}) }}}}"


def _list(names: tuple[str, ...]) -> str:
    return "[" + ", ".join(json.dumps(name) for name in names) + "]"
