"""The target schemas to start from."""

import re

import pytest

from datalinx.engine.spec.base import document_to_json, parse_document
from datalinx.engine.spec.schema import TargetSchema
from datalinx.engine.spec.templates import get_template, list_templates
from datalinx.engine.types.registry import TypeRegistry
from datalinx.errors import NotFound

NAMES = ("commerce", "customer_360", "marketing_events", "subscriptions")
EACH = pytest.mark.parametrize("name", NAMES)


def test_list_templates__all__are_named_with_their_tables() -> None:
    listed = list_templates()
    assert tuple(template["name"] for template in listed) == NAMES
    assert all(template["description"].endswith(".") and template["tables"] for template in listed)


@EACH
def test_template__written_and_read_again__is_the_same_schema(name: str) -> None:
    template = get_template(name)
    assert parse_document(TargetSchema, document_to_json(template)) == template


@EACH
def test_template__every_column__has_a_type_that_resolves_and_words(name: str) -> None:
    types = TypeRegistry()
    for table in get_template(name).tables:
        assert table.description
        for column in table.columns:
            assert types.resolve(column.type, precision=column.precision, scale=column.scale)
            assert column.description, f"{table.name}.{column.name}"


@EACH
def test_template__every_table__has_a_key_that_must_be_there(name: str) -> None:
    for table in get_template(name).tables:
        keys = [column for column in table.columns if column.name in table.primary_key]
        assert len(keys) == len(table.primary_key) > 0
        assert not any(table.is_nullable(column) for column in keys)


@EACH
def test_template__every_relationship__joins_columns_of_one_type_to_a_whole_key(name: str) -> None:
    schema = get_template(name)
    relationships = 0
    for table in schema.tables:
        for relationship in table.relationships:
            other = schema.table(relationship.references.table)
            assert other is not None
            assert relationship.references.columns == other.primary_key
            for mine, theirs in zip(relationship.columns, relationship.references.columns, strict=True):
                left, right = table.column(mine), other.column(theirs)
                assert left is not None
                assert right is not None
                assert left.type == right.type
            relationships += 1
    assert relationships


@EACH
def test_template__columns_of_contact__have_their_semantic_type(name: str) -> None:
    expected = {r"email$": {"email", "hashed_email"}, r"phone$": {"phone_number"}, r"^country$": {"country"}}
    for table in get_template(name).tables:
        for column in table.columns:
            for pattern, types in expected.items():
                assert not re.search(pattern, column.name) or column.type in types, (
                    f"{table.name}.{column.name}"
                )


def test_get_template__unknown_name__names_the_nearest() -> None:
    with pytest.raises(NotFound, match="commerce") as missing:
        get_template("comerce")
    assert missing.value.code == "TEMPLATE_NOT_FOUND"
