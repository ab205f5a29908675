"""What is known of an object type without data, where there is very much of it."""

from datalinx.engine.object_types import Entity, Ground, check_object_type
from datalinx.engine.spec.base import MAX_ERRORS, parse_document
from datalinx.engine.spec.object_type import ObjectTypeDocument
from datalinx.engine.spec.schema import TargetSchema
from datalinx.engine.types.registry import TypeRegistry

COLUMNS = [{"name": f"column_{number}", "type": "string"} for number in range(150)]
SCHEMA = parse_document(TargetSchema, {"name": "s", "tables": [{"name": "wide", "columns": COLUMNS}]})
GROUND = Ground(SCHEMA, TypeRegistry(), {"obj_1": Entity("Wide", "wide")})


def test_check__of_a_thousand_attributes_that_are_wrong__names_the_first_of_them() -> None:
    attributes = [{"name": f"a{number}", "column": f"colum_{number}"} for number in range(1_000)]
    document = parse_document(
        ObjectTypeDocument, {"name": "Wide", "table": "wide", "key": "column_1", "attributes": attributes}
    )
    faults = check_object_type(document, GROUND)
    assert len(faults) == MAX_ERRORS
    assert "Did you mean `column_0`?" in faults[0].message


def test_check__of_a_relationship_to_a_table_that_is_gone__names_the_object_type() -> None:
    ground = Ground(
        SCHEMA, TypeRegistry(), {"obj_1": Entity("Wide", "wide"), "obj_2": Entity("Lost", "nowhere")}
    )
    pair = {"cardinality": "one_to_one", "columns": ["column_1"], "to_columns": ["x"]}
    document = parse_document(
        ObjectTypeDocument,
        {
            "name": "Wide",
            "table": "wide",
            "key": ["column_1"],
            "relationships": [{"name": "lost", "to": "obj_2", **pair}],
        },
    )
    faults = check_object_type(document, ground)
    assert [(each.field, each.code) for each in faults] == [("relationships[0].to", "unknown_table")]
    assert "`Lost`" in faults[0].message
