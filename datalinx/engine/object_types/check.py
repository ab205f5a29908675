"""What can be known about an object type without data: names that must exist, types that must agree."""

from collections.abc import Iterator, Sequence

from datalinx.engine.object_types.ground import Ground, near
from datalinx.engine.spec.base import MAX_ERRORS
from datalinx.engine.spec.object_type import Attribute, EntityRelationship, ObjectTypeDocument
from datalinx.engine.spec.schema import TargetTable
from datalinx.engine.types.registry import TypeRegistry
from datalinx.errors import FieldError, Invalid

# Values of one family can be equal to one another; what stands here alone is a family of its own.
_FAMILIES = (
    frozenset({"string", "text"}),
    frozenset({"integer", "bigint", "float", "double", "decimal"}),
    frozenset({"date", "datetime", "timestamp"}),
)


def check_object_type(document: ObjectTypeDocument, ground: Ground) -> list[FieldError]:
    """Return the faults of an object type whose relationships lead to ids, each with its path.

    Where there are very many, the first ones stand for the others.
    """
    table = ground.tables.get(document.table)
    if table is None:
        return [_no_table(document.table, ground, "table")]
    faults: list[FieldError] = []
    if isinstance(document.key, str):
        faults += _no_columns(ground, table, [document.key], ["key"])
    else:
        faults += _no_columns(ground, table, document.key, _paths("key", document.key))
    for position, attribute in enumerate(document.attributes):
        if len(faults) < MAX_ERRORS:
            faults += _attribute_faults(attribute, table, ground, f"attributes[{position}]")
    for position, relationship in enumerate(document.relationships):
        if len(faults) < MAX_ERRORS:
            faults += _relationship_faults(relationship, table, ground, f"relationships[{position}]")
    return faults


def _attribute_faults(
    attribute: Attribute, table: TargetTable, ground: Ground, path: str
) -> Iterator[FieldError]:
    types, known = ground.types, True
    if attribute.type is not None:
        try:
            types.get(attribute.type)
        except Invalid as error:
            known = False
            yield FieldError(f"{path}.type", "unknown_type", error.message)
    if attribute.column is None:
        return
    column = ground.columns(table).get(attribute.column)
    if column is None:
        yield _no_column(ground, table, attribute.column, f"{path}.column")
    elif known and attribute.type is not None and not _agree(types, attribute.type, column.type):
        message = (
            f"The column `{table.name}.{attribute.column}` is of the type {column.type}, which "
            f"{attribute.type} does not fit; leave the type out to take the column's, or change the target schema."
        )
        yield FieldError(f"{path}.type", "type_clash", message)


def _agree(types: TypeRegistry, first: str, second: str) -> bool:
    """Whether a value may be both: one type stands on the other, or one is a bare base type of the same family."""
    if first in types.ancestors(second) or second in types.ancestors(first):
        return True
    if types.semantic(first) and types.semantic(second):
        return False
    return same_family(types, first, second)


def same_family(types: TypeRegistry, first: str, second: str) -> bool:
    """Whether a value of one type can equal one of the other."""
    bases = {types.base_of(first).name, types.base_of(second).name}
    return len(bases) == 1 or any(bases <= family for family in _FAMILIES)


def _relationship_faults(
    relationship: EntityRelationship, table: TargetTable, ground: Ground, path: str
) -> list[FieldError]:
    """Return the faults of one relationship from a table; `to` is an id, or a name that nobody has."""
    if relationship.to not in ground.entities:
        hint = near(relationship.to, ground.ids)
        message = f"There is no object type `{relationship.to}` in this workspace.{hint}"
        return [FieldError(f"{path}.to", "unknown_object_type", message)]
    other = ground.table_of(relationship.to)
    if other is None:
        gone = ground.entities[relationship.to]
        message = (
            f"The table `{gone.table}` of the object type `{gone.name}` is not in the target schema any more."
        )
        return [FieldError(f"{path}.to", "unknown_table", message)]
    ends = (
        (table, relationship.columns, f"{path}.columns"),
        (other, relationship.to_columns, f"{path}.to_columns"),
    )
    through = relationship.through
    if through is None:
        return _join_faults(*ends, ground)
    middle = ground.tables.get(through.table)
    if middle is None:
        return [_no_table(through.table, ground, f"{path}.through.table")]
    first = (middle, through.columns, f"{path}.through.columns")
    second = (middle, through.to_columns, f"{path}.through.to_columns")
    return _join_faults(ends[0], first, ground) + _join_faults(ends[1], second, ground)


End = tuple[TargetTable, Sequence[str], str]


def _join_faults(left: End, right: End, ground: Ground) -> list[FieldError]:
    """What is wrong with two lists of columns that are to be equal, pair by pair."""
    faults = [
        fault
        for table, names, path in (left, right)
        for fault in _no_columns(ground, table, names, _paths(path, names))
    ]
    if faults:
        return faults
    for position, (one, other) in enumerate(zip(left[1], right[1], strict=False)):
        kinds = ground.columns(left[0])[one].type, ground.columns(right[0])[other].type
        if not same_family(ground.types, *kinds):
            message = (
                f"`{left[0].name}.{one}` is of the type {kinds[0]} and `{right[0].name}.{other}` of {kinds[1]}: "
                "no value of one equals one of the other."
            )
            faults.append(FieldError(f"{right[2]}[{position}]", "type_clash", message))
    return faults


def _paths(path: str, names: Sequence[str]) -> list[str]:
    return [f"{path}[{position}]" for position in range(len(names))]


def _no_columns(
    ground: Ground, table: TargetTable, names: Sequence[str], paths: Sequence[str]
) -> list[FieldError]:
    known = ground.columns(table)
    return [
        _no_column(ground, table, name, path)
        for name, path in zip(names, paths, strict=True)
        if name not in known
    ]


def _no_column(ground: Ground, table: TargetTable, name: str, path: str) -> FieldError:
    message = f"The table `{table.name}` has no column `{name}`.{near(name, ground.columns(table))}"
    return FieldError(path, "unknown_column", message)


def _no_table(name: str, ground: Ground, path: str) -> FieldError:
    message = f"The target schema has no table `{name}`.{near(name, ground.tables)}"
    return FieldError(path, "unknown_table", message)
