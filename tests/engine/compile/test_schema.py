"""A target schema checked against the types that there are."""

import pytest

from datalinx.engine.compile.schema import check_schema
from datalinx.engine.spec import TargetSchema, parse_document
from tests.engine.compile.kit import TYPES


@pytest.mark.parametrize(
    ("column", "path", "code"),
    [
        ({"type": "strng"}, "type", "UNKNOWN_TYPE"),
        ({"type": "integer", "precision": 3}, "type", "PRECISION_NOT_ALLOWED"),
        ({"type": "string", "pii": "secret"}, "pii", "unknown_pii_class"),
    ],
)
def test_schema__column_that_cannot_be__is_refused_at_its_place(
    column: dict[str, object], path: str, code: str
) -> None:
    columns = [{"name": "id", "type": "string"}, {"name": "x", **column}]
    schema = parse_document(TargetSchema, {"name": "s", "tables": [{"name": "t", "columns": columns}]})

    (fault,) = check_schema(schema, types=TYPES)
    assert (fault.field, fault.code) == (f"tables[0].columns[1].{path}", code)


def test_schema__every_type__is_one() -> None:
    columns = [{"name": f"c{number}", "type": name} for number, name in enumerate(TYPES.names())]
    schema = parse_document(TargetSchema, {"name": "s", "tables": [{"name": "t", "columns": columns}]})

    assert check_schema(schema, types=TYPES) == []
