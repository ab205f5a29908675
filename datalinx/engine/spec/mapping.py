"""The mapping of one target table: what it reads, which rows it keeps, how columns are made and loaded."""

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field, JsonValue

from datalinx.engine.spec.base import Document, Identifier, Name, Part, Reference, Scalar, Text
from datalinx.engine.spec.sentences import SPAN
from datalinx.errors import FieldError

OnInvalid = Literal["quarantine", "null", "fail"]

MAX_EXPRESSION_CHARACTERS = 10_000
Expression = Annotated[Text, Field(min_length=1, max_length=MAX_EXPRESSION_CHARACTERS)]
"""An SQL expression over the inputs. The compiler says what it may hold."""


class Input(Part):
    """One relation that the mapping reads: a source's table, another target table, or a CTE."""

    alias: Identifier
    source: Name | None = None
    table: Name | None = None
    target: Identifier | None = None
    cte: Identifier | None = None

    @property
    def kind(self) -> Literal["source", "target", "cte"] | None:
        """Which of the three it is; None when its keys do not say."""
        given = {name for name in ("source", "table", "target", "cte") if getattr(self, name) is not None}
        if given == {"source", "table"}:
            return "source"
        if given == {"target"}:
            return "target"
        return "cte" if given == {"cte"} else None


class Join(Part):
    """How input `right` comes to the inputs before it; `on` pairs a column of `left` with one of `right`."""

    left: Identifier
    right: Identifier
    type: Literal["inner", "left", "right", "full", "cross"] = "left"
    on: Annotated[tuple[tuple[Name, Name], ...], Field(max_length=20)] = ()


class Wildcard(Part):
    """Every column of one input to the target column of its name: `exclude`, then `rename`, then `prefix`."""

    input: Identifier
    exclude: Annotated[tuple[Name, ...], Field(max_length=1_000)] = ()
    rename: Annotated[dict[Name, Name], Field(max_length=1_000)] = {}
    prefix: Annotated[str, Field(max_length=63)] = ""


class Decorator(Part):
    """One step of a chain. What stands beside `name` are its parameters, checked by the compiler."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, JsonValue]

    name: Identifier

    @property
    def parameters(self) -> dict[str, JsonValue]:
        """The parameters as they were given."""
        return dict(self.__pydantic_extra__ or {})


class _Field(Part):
    on_invalid: OnInvalid | None = None
    description: Text = ""


class DirectField(_Field):
    """A column as it is, cast to the target's type."""

    type: Literal["direct"]
    source: Reference


class ExpressionField(_Field):
    """An SQL expression over the inputs."""

    type: Literal["expression"]
    expression: Expression


class DecoratedField(_Field):
    """A column, through a chain of decorators."""

    type: Literal["decorated"]
    source: Reference
    decorators: Annotated[tuple[Decorator, ...], Field(min_length=1, max_length=30)]


class ConstantField(_Field):
    """The same value in every row."""

    type: Literal["constant"]
    value: Scalar


class AggregateField(_Field):
    """An SQL expression with aggregates over the rows of a group."""

    type: Literal["aggregate"]
    expression: Expression


LookupKey = Annotated[Text, Field(max_length=255)]
"""A key of a table of values; the empty text is a key like others."""


class LookupField(_Field):
    """A value found by a key: in `values`, or in column `value` of `input` where its column `key` is equal.

    What is not found is `default`, and a missing key finds nothing.
    Where a key stands in the input more than once the smallest value counts.
    """

    type: Literal["lookup"]
    source: Reference
    values: Annotated[dict[LookupKey, Scalar], Field(min_length=1, max_length=10_000)] | None = None
    input: Identifier | None = None
    key: Name | None = None
    value: Name | None = None
    default: Scalar = None


MappingField = Annotated[
    DirectField | ExpressionField | DecoratedField | ConstantField | AggregateField | LookupField,
    Field(discriminator="type"),
]


class Deduplicate(Part):
    """Of the valid rows with equal `keys` (target columns) the first by `order_by` stays."""

    keys: Annotated[tuple[Identifier, ...], Field(min_length=1, max_length=20)]
    order_by: Annotated[tuple[Reference, ...], Field(max_length=20)] = ()


Span = Annotated[str, Field(pattern=SPAN)]
"""A length of time, such as `2 days`."""


class Load(Part):
    """How the rows come into the stored table."""

    mode: Literal["full", "append", "merge", "history"] = "full"
    keys: Annotated[tuple[Identifier, ...], Field(max_length=20)] = ()
    cursor: Reference | None = None
    lookback: Span | None = None
    delete_missing: bool = False


class Mapping(Document):
    """The mapping of one target table."""

    shown_defaults: ClassVar[frozenset[str]] = frozenset({"joins", "fields", "load", "on_invalid"})

    table_name: Identifier
    description: Text = ""
    inputs: Annotated[tuple[Input, ...], Field(min_length=1, max_length=30)]
    joins: Annotated[tuple[Join, ...], Field(max_length=30)] = ()
    filter: Expression | None = None
    wildcard: Wildcard | None = None
    fields: Annotated[dict[Identifier, MappingField], Field(max_length=1_000)] = {}
    group_by: Annotated[tuple[Reference, ...], Field(min_length=1, max_length=50)] | None = None
    deduplicate: Deduplicate | None = None
    load: Load = Load()
    on_invalid: OnInvalid = "quarantine"

    @property
    def is_grouped(self) -> bool:
        """Whether the rows of a group become one row."""
        return self.group_by is not None

    def faults(self) -> Iterator[FieldError]:
        if not self.fields and self.wildcard is None:
            yield FieldError("fields", "required", "A mapping needs `fields` or a `wildcard`.")
        yield from self._input_faults()
        yield from self._join_faults()
        yield from self._field_faults()
        yield from self._load_faults()
        yield from self._group_faults()

    def _input_faults(self) -> Iterator[FieldError]:
        seen: set[str] = set()
        for position, entry in enumerate(self.inputs):
            path = f"inputs[{position}]"
            if entry.alias.lower() in seen:
                message = f"The alias `{entry.alias}` stands for two inputs."
                yield FieldError(f"{path}.alias", "duplicate_name", message)
            seen.add(entry.alias.lower())
            if entry.kind is None:
                message = "An input is `source` with `table`, or `target`, or `cte`."
                yield FieldError(path, "invalid_input", message)
            if entry.target == self.table_name:
                message = "A mapping cannot read the table that it makes."
                yield FieldError(f"{path}.target", "self_reference", message)

    def _join_faults(self) -> Iterator[FieldError]:
        aliases = {entry.alias for entry in self.inputs}
        joined = {self.inputs[0].alias}
        for position, join in enumerate(self.joins):
            path = f"joins[{position}]"
            if join.left not in joined:
                known = "comes only later" if join.left in aliases else "is no input"
                message = f"`{join.left}` {known}; on the left stands the first input or one joined before."
                yield FieldError(f"{path}.left", "unknown_input", message)
            if join.right not in aliases:
                yield FieldError(f"{path}.right", "unknown_input", f"There is no input `{join.right}`.")
            elif join.right in joined:
                yield FieldError(f"{path}.right", "joined_twice", f"`{join.right}` is already joined.")
            joined.add(join.right)
            if (join.type == "cross") == bool(join.on):
                message = "A cross join takes no `on`; every other join needs at least one pair."
                yield FieldError(f"{path}.on", "invalid_join", message)

    def _field_faults(self) -> Iterator[FieldError]:
        for name, field in self.fields.items():
            if not isinstance(field, LookupField):
                continue
            from_input = (field.input, field.key, field.value)
            by_input = all(part is not None for part in from_input)
            if (field.values is not None) == by_input or (not by_input and any(from_input)):
                message = "A lookup takes either `values`, or `input` with `key` and `value`."
                yield FieldError(f"fields.{name}", "invalid_lookup", message)

    def _load_faults(self) -> Iterator[FieldError]:
        load = self.load
        if load.delete_missing and load.cursor is not None:
            message = "With a cursor only changed rows are read, so missing ones cannot be told."
            yield FieldError("load.delete_missing", "invalid_load", message)
        if load.delete_missing and load.mode not in {"merge", "history"}:
            message = f"`delete_missing` has no meaning when the mode is {load.mode}."
            yield FieldError("load.delete_missing", "invalid_load", message)
        if load.lookback is not None and load.cursor is None:
            yield FieldError("load.lookback", "invalid_load", "A lookback needs a `cursor`.")
        if load.lookback is not None and load.mode == "append":
            message = "A lookback reads rows again, and an append would add them again; use the mode merge."
            yield FieldError("load.lookback", "invalid_load", message)
        if load.cursor is not None and load.mode == "full":
            message = "A full load replaces the table, so it cannot read only what is new."
            yield FieldError("load.cursor", "invalid_load", message)

    def _group_faults(self) -> Iterator[FieldError]:
        if not self.is_grouped:
            for name, field in self.fields.items():
                if isinstance(field, AggregateField):
                    message = "An aggregate needs the mapping's `group_by`."
                    yield FieldError(f"fields.{name}", "group_by_required", message)
            return
        if self.wildcard is not None:
            message = "A grouped mapping has no single source row: name its fields instead of a wildcard."
            yield FieldError("wildcard", "NOT_GROUPED", message)
        if self.deduplicate is not None and self.deduplicate.order_by:
            message = "A grouped mapping has no source rows left to order by."
            yield FieldError("deduplicate.order_by", "NOT_GROUPED", message)
