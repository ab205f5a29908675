"""From a mapping to its plan: the way in for everything that compiles or checks one."""

from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field

from sqlglot import exp

from datalinx.engine.compile.binder import Binder
from datalinx.engine.compile.context import NOBODY, Context, Identified
from datalinx.engine.compile.expressions import rebuild_expression
from datalinx.engine.compile.faults import Faults
from datalinx.engine.compile.fields import compile_field
from datalinx.engine.compile.identity import identity_reads
from datalinx.engine.compile.inputs import InputCompiler, reads_of
from datalinx.engine.compile.joins import compile_join
from datalinx.engine.compile.loading import compile_deduplicate, compile_load
from datalinx.engine.compile.names import Scope
from datalinx.engine.compile.parsing import did_you_mean
from datalinx.engine.compile.plan import (
    CompiledField,
    CompiledJoin,
    CompiledMapping,
    FieldKind,
    InputShape,
    Read,
)
from datalinx.engine.compile.wildcard import EffectiveField, check_excluded, effective_wildcard
from datalinx.engine.spec.base import refusal
from datalinx.engine.spec.mapping import DirectField, LookupField, Mapping, MappingField
from datalinx.engine.spec.schema import TargetColumn, TargetTable
from datalinx.engine.types.registry import TypeRegistry
from datalinx.errors import FieldError

NO_CTES: MappingOf[str, str] = {}


def required_reads(
    mapping: Mapping, *, ctes: MappingOf[str, str] = NO_CTES, identified: Identified = NOBODY
) -> tuple[Read, ...]:
    """The stored relations that a mapping reads, those that only its CTEs read and canonical ids included.

    The caller gives their shapes to `compile_mapping` and their scans to the executor, by `Read.relation`.
    Raise `Invalid`: `UNKNOWN_CTE`, `CTE_CYCLE`, or what is wrong with a CTE's SQL.
    """
    return (*reads_of(mapping.inputs, ctes), *identity_reads(mapping, identified))


def compile_mapping(
    mapping: Mapping,
    *,
    table: TargetTable,
    inputs: MappingOf[str, InputShape],
    types: TypeRegistry,
    ctes: MappingOf[str, str] = NO_CTES,
    identified: Identified = NOBODY,
    version: int = 0,
) -> CompiledMapping:
    """Compile a mapping for its target table.

    `inputs` are the shapes of the stored relations by `Read.relation` (for an input without a CTE its alias);
    `ctes` are SQL texts by name, `identified` the tables whose records have canonical ids. Columns without a field
    stand in `unmapped`, they are no error here.
    Raise `Invalid` with every fault and its path; its code is the faults' own when they share one, such as
    `UNKNOWN_COLUMN`, `UNKNOWN_FUNCTION`, `EXPRESSION_NOT_ALLOWED`, `AMBIGUOUS_FIELD`, `NOT_GROUPED`, `TYPE_CLASH`.
    """
    with Binder() as binder:
        compilation = _Compilation(
            mapping, table, types, InputCompiler(inputs, ctes, binder), identified, version
        )
        plan = compilation.run()
    if plan is None:
        raise refusal(compilation.faults.found)
    return plan


def check_mapping(
    mapping: Mapping,
    *,
    table: TargetTable,
    inputs: MappingOf[str, InputShape],
    types: TypeRegistry,
    ctes: MappingOf[str, str] = NO_CTES,
    identified: Identified = NOBODY,
) -> list[FieldError]:
    """What is wrong with a mapping, as far as it can be known without data; empty when it can run."""
    with Binder() as binder:
        inner = InputCompiler(inputs, ctes, binder)
        compilation = _Compilation(mapping, table, types, inner, identified, is_saved=True)
        compilation.run()
    return compilation.faults.found


@dataclass
class _Compilation:
    """One compilation: goes through the document in the order in which rows go through the plan.

    `is_saved` is set when the document is being saved, where a name that is not there is a slip of the pen.
    """

    mapping: Mapping
    table: TargetTable
    types: TypeRegistry
    inputs: InputCompiler
    identified: Identified
    version: int = 0
    is_saved: bool = False
    faults: Faults = field(default_factory=Faults)

    def run(self) -> CompiledMapping | None:
        """The plan, or None when there are faults."""
        for position, entry in enumerate(self.mapping.inputs):
            with self.faults.at(f"inputs[{position}]"):
                self.inputs.add(entry)
        if self.faults.found:
            # Without its inputs nothing else of a mapping can be judged.
            return None
        shapes = {
            entry.alias: InputShape(self.inputs.compiled[entry.alias].columns)
            for entry in self.mapping.inputs
        }
        joins = self._joins(Scope(shapes))
        joined = [self.mapping.inputs[0].alias, *(join.alias for join in joins)]
        scope = Scope({alias: shapes[alias] for alias in joined})
        context = Context(
            scope,
            Scope(shapes),
            self.inputs.binder,
            self.types,
            add_relation=self.inputs.add_stored,
            identified=self.identified,
        )
        filtered = self._filter(context)
        group_by = self._group_by(context)
        fields = self._fields(context)
        plan = self._plan(context, joins, filtered, group_by, fields)
        return None if self.faults.found else plan

    def _plan(
        self,
        context: Context,
        joins: list[CompiledJoin],
        filtered: exp.Expression | None,
        group_by: tuple[exp.Column, ...],
        fields: tuple[CompiledField, ...],
    ) -> CompiledMapping:
        first, mapped = self.mapping.inputs[0].alias, {compiled.name for compiled in fields}
        deduplicate = None
        if self.mapping.deduplicate is not None:
            deduplicate = compile_deduplicate(
                context, self.mapping.deduplicate, self.table, fields=fields, faults=self.faults
            )
        load = compile_load(
            context, self.mapping.load, self.table, fields=fields, first=first, faults=self.faults
        )
        self._check_history()
        relations = tuple(self.inputs.compiled.values())
        return CompiledMapping(
            table=self.table.name,
            version=self.version,
            reads=tuple(relation.read for relation in relations if relation.read is not None),
            first=first,
            inputs=relations,
            joins=(*joins, *context.lookups),
            filter=filtered,
            group_by=group_by,
            steps=context.steps.all(),
            fields=fields,
            unmapped=tuple(column.name for column in self.table.columns if column.name not in mapped),
            primary_key=self.table.primary_key,
            deduplicate=deduplicate,
            load=load,
            on_invalid=self.mapping.on_invalid,
        )

    def _joins(self, scope: Scope) -> list[CompiledJoin]:
        compiled = []
        for position, join in enumerate(self.mapping.joins):
            with self.faults.at(f"joins[{position}].on"):
                compiled.append(compile_join(join, scope))
        used = {self.mapping.inputs[0].alias, *(join.right for join in self.mapping.joins)}
        used |= {
            entry.input
            for entry in self.mapping.fields.values()
            if isinstance(entry, LookupField) and entry.input
        }
        for position, entry in enumerate(self.mapping.inputs):
            if entry.alias not in used:
                message = (
                    f"The input `{entry.alias}` is neither joined nor looked up in; join it or remove it."
                )
                self.faults.add(f"inputs[{position}]", "INPUT_NOT_JOINED", message)
        return compiled

    def _filter(self, context: Context) -> exp.Expression | None:
        if self.mapping.filter is None:
            return None
        with self.faults.at("filter"):
            rebuilt = rebuild_expression(self.mapping.filter, context.scope)
            kind = context.binder.type_of(rebuilt.tree)
            if kind != "BOOLEAN":
                self.faults.add("filter", "TYPE_CLASH", f"A filter is true or false; this one is {kind}.")
            # What cannot be computed is unknown, and unknown rows are filtered.
            return rebuilt.tree
        return None

    def _group_by(self, context: Context) -> tuple[exp.Column, ...]:
        if self.mapping.group_by is None:
            return ()
        found = []
        for position, text in enumerate(self.mapping.group_by):
            with self.faults.at(f"group_by[{position}]"):
                found.append(context.scope.find(text))
        # From here on every value must be one that a whole group has.
        context.grouped = {reference.pair for reference in found}
        return tuple(reference.expression for reference in found)

    def _fields(self, context: Context) -> tuple[CompiledField, ...]:
        found: dict[str, CompiledField] = {}
        for column, entry, kind, path in self._field_entries(context):
            with self.faults.at(path):
                found[column.name] = compile_field(
                    context,
                    entry,
                    column=column,
                    nullable=self.table.is_nullable(column),
                    on_invalid=self.mapping.on_invalid,
                    kind=kind,
                )
        return tuple(found[column.name] for column in self.table.columns if column.name in found)

    def _field_entries(
        self, context: Context
    ) -> list[tuple[TargetColumn, MappingField, FieldKind | None, str]]:
        """Explicit fields first, then what the wildcard adds."""
        entries: dict[str, tuple[TargetColumn, MappingField, FieldKind | None, str]] = {}
        for name, entry in self.mapping.fields.items():
            column = self.table.column(name)
            if column is None:
                hint = did_you_mean(name, [other.name for other in self.table.columns])
                message = f"The table `{self.table.name}` has no column `{name}`.{hint}"
                self.faults.add(f"fields.{name}", "UNKNOWN_COLUMN", message)
            elif column.name in entries:
                message = f"The column `{column.name}` has two fields (case does not count)."
                self.faults.add(f"fields.{name}", "AMBIGUOUS_FIELD", message)
            else:
                entries[column.name] = (column, entry, None, f"fields.{name}")
        for effective in self._wildcard(context, set(entries)):
            column = self.table.column(effective.target or "")
            if effective.state == "mapped" and column is not None and column.name not in entries:
                direct = DirectField(type="direct", source=effective.source)
                entries[column.name] = (column, direct, "wildcard", "wildcard")
        return list(entries.values())

    def _wildcard(self, context: Context, explicit: set[str]) -> tuple[EffectiveField, ...]:
        wildcard = self.mapping.wildcard
        if wildcard is None:
            return ()
        shape = context.scope.inputs.get(wildcard.input)
        if shape is None:
            self.faults.add(
                "wildcard.input", "UNKNOWN_INPUT", f"There is no joined input `{wildcard.input}`."
            )
            return ()
        if self.is_saved:
            check_excluded(wildcard, shape, self.faults)
        return effective_wildcard(wildcard, shape, table=self.table, explicit=explicit, faults=self.faults)

    def _check_history(self) -> None:
        if self.mapping.load.mode != "history":
            return
        for name in ("valid_from", "valid_to"):
            if self.table.column(name) is not None:
                message = (
                    f"A history adds the column `{name}` itself, and the table `{self.table.name}` has one."
                )
                self.faults.add("load.mode", "RESERVED_COLUMN", message)
