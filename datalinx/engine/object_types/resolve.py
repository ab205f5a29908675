"""What an object type says once its blanks are filled in from the target schema."""

from typing import Any

from datalinx.engine.object_types.ground import Ground
from datalinx.engine.spec.object_type import Attribute, ObjectTypeDocument
from datalinx.engine.spec.schema import TargetTable


def resolve(document: ObjectTypeDocument, ground: Ground) -> dict[str, Any]:
    """Return the key as a list, each attribute with its type, each relationship with where it leads.

    What the schema does not have any more is null. Relationships of `document` lead to ids.
    """
    table = ground.tables.get(document.table)
    return {
        "key": list(document.key_columns),
        "attributes": [_attribute(each, table, ground) for each in document.attributes],
        "relationships": [
            {
                "name": each.name,
                "id": each.to if each.to in ground.entities else None,
                "to": ground.entities[each.to].name if each.to in ground.entities else each.to,
                "table": ground.entities[each.to].table if each.to in ground.entities else None,
                "cardinality": each.cardinality,
            }
            for each in document.relationships
        ],
    }


def _attribute(attribute: Attribute, table: TargetTable | None, ground: Ground) -> dict[str, Any]:
    column = ground.columns(table).get(attribute.column or "") if table else None
    name = attribute.type or (column.type if column else None)
    kind = ground.types.semantic(name) if name and name in ground.types else None
    pii = (column.pii if column else None) or (kind.pii if kind else None)
    return {
        "name": attribute.name,
        "column": attribute.column,
        "type": name,
        "nullable": table.is_nullable(column) if table and column else None,
        "pii": None if pii == "none" else pii,
    }
