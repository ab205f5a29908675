"""Canonical ids as a relation of a plan: found by a record's key, as a lookup finds a value."""

from sqlglot import exp

from datalinx import errors
from datalinx.engine.compile.chain import Chain
from datalinx.engine.compile.context import Identified
from datalinx.engine.compile.decorator_kinds import decorator
from datalinx.engine.compile.parsing import did_you_mean
from datalinx.engine.compile.plan import CompiledJoin, InputShape, Read, SourceColumn, inline, inlined_size
from datalinx.engine.compile.steps import as_text
from datalinx.engine.spec.base import Identifier, Part
from datalinx.engine.spec.mapping import DecoratedField, Mapping

NAME = "identity"
SHAPE = InputShape((SourceColumn("key", "VARCHAR"), SourceColumn("canonical_id", "VARCHAR")))

# The key is computed where rows are joined, all in one expression.
MAX_KEY = 500
_LOOKUP = "lookup:"


class Identity(Part):
    """`table` is the table whose records' keys the values are; it may be left out where only one has people in it."""

    table: Identifier | None = None


def identity_read(table: str) -> Read:
    """The relation of the canonical ids of a table's records."""
    return Read(f"{NAME}:{table}", identity=table)


def identity_reads(mapping: Mapping, identified: Identified) -> tuple[Read, ...]:
    """The canonical ids that a mapping reads, as far as they can be told; what cannot is a fault when it compiles."""
    tables = [table or next(iter(identified), "") for table in tables_meant(mapping)]
    return tuple(identity_read(table) for table in dict.fromkeys(tables) if table in identified)


def tables_meant(mapping: Mapping) -> list[str]:
    """The tables that the mapping's decorators name; an empty text for one that leaves it to the rules."""
    return [
        str(entry.parameters.get("table") or "")
        for field in mapping.fields.values()
        if isinstance(field, DecoratedField)
        for entry in field.decorators
        if entry.name == NAME
    ]


def table_of(parameters: Identity, identified: Identified) -> str:
    """The table that the decorator means. Raise `Invalid` `IDENTITY_NOT_CONFIGURED` or `INVALID_PARAMETER`."""
    if not identified:
        message = "There are no identity rules in this workspace, so there is no canonical id to put here."
        raise errors.Invalid("IDENTITY_NOT_CONFIGURED", message)
    known = ", ".join(f"`{name}`" for name in identified)
    if parameters.table is None:
        if len(identified) > 1:
            raise errors.Invalid("INVALID_PARAMETER", f"Say whose key this is with `table`: one of {known}.")
        return next(iter(identified))
    if parameters.table not in identified:
        hint = did_you_mean(parameters.table, list(identified))
        message = f"The identity rules know no table `{parameters.table}`, only {known}.{hint}"
        raise errors.Invalid("INVALID_PARAMETER", message)
    return parameters.table


@decorator(
    NAME,
    "Replaces the key of a record by the canonical id of the person; NULL for a key without one.",
    Identity,
)
def _identity(chain: Chain, parameters: Identity) -> None:
    context = chain.context
    table = table_of(parameters, context.identified)
    chain.cast(context.identified[table])
    key = inline(as_text(chain.value, chain.type), chain.steps.all())
    _require_small(chain, key)
    read = identity_read(table)
    context.add_relation(read, SHAPE)
    alias = f"{_LOOKUP}{chain.name}"
    columns = [
        exp.column("key", quoted=True),
        exp.column("canonical_id", quoted=True).as_("value", quoted=True),
    ]
    query = exp.select(*columns).from_(exp.table_(read.relation, quoted=True))
    on = exp.EQ(this=key, expression=exp.column("key", table=alias, quoted=True))
    context.lookups.append(CompiledJoin(alias, "left", on, query))
    found: exp.Expression = exp.column("value", table=alias, quoted=True)
    if context.grouped is not None:
        # The key is grouped, so that every row of the group found the same.
        found = exp.Anonymous(this="min", expressions=[found])
    chain.to(chain.steps.add(found, "VARCHAR").column)
    chain.references += [(read.relation, column.name) for column in SHAPE.columns]


def _require_small(chain: Chain, key: exp.Expression) -> None:
    if any(column.table.startswith(_LOOKUP) for column in key.find_all(exp.Column)):
        raise errors.Invalid(
            "IDENTITY_NOT_POSSIBLE", "A canonical id is no key: `identity` can stand once in a chain."
        )
    if inlined_size(chain.value, chain.steps.all()) > MAX_KEY:
        message = (
            "What comes before `identity` is too long to look a key up by; clean the key in a table of its own, "
            "and read that one."
        )
        raise errors.Invalid("IDENTITY_NOT_POSSIBLE", message)
