"""What malformed documents are told: a place, what has to stand there, and never a library's own words."""

from typing import Any

import pytest

from datalinx.engine.spec.base import parse_document
from datalinx.engine.spec.mapping import Mapping
from datalinx.engine.spec.pipeline import PipelineDocument
from datalinx.engine.spec.schema import TargetSchema
from datalinx.errors import Invalid

FIELD = {"type": "direct", "source": "c.a"}
INPUT = {"alias": "c", "source": "crm", "table": "t"}
MAPPING: dict[str, Any] = {"table_name": "t", "inputs": [INPUT], "fields": {"a": FIELD}}
NAME = "A name here begins with a letter and goes on with letters, digits and `_`, at most 63 characters; here stands "
CASES: list[tuple[dict[str, Any], str, str, str]] = [
    ({"inputs": "x"}, "inputs", "tuple_type", "This has to be a list, not a text."),
    ({"inputs": []}, "inputs", "too_short", "At least 1 entry has to stand here."),
    ({"inputs": [1]}, "inputs[0]", "model_type", "This has to be an object, not a number."),
    ({"inputs": [{**INPUT, "alias": "1"}]}, "inputs[0].alias", "string_pattern_mismatch", NAME + "`1`."),
    ({"inputs": [{**INPUT, "source": ""}]}, "inputs[0].source", "string_too_short", "This may not be empty."),
    (
        {"inputs": [{**INPUT, "source": "s" * 300}]},
        "inputs[0].source",
        "string_too_long",
        "At most 255 characters can stand here, and there are 300.",
    ),
    (
        {"inputs": [{**INPUT, "source": 5}]},
        "inputs[0].source",
        "string_type",
        "This has to be a text, not a number.",
    ),
    ({"fields": []}, "fields", "dict_type", "This has to be an object, not a list."),
    (
        {"fields": {"a": {"type": "copy"}}},
        "fields.a",
        "union_tag_invalid",
        "`type` is one of 'direct', 'expression', 'decorated', 'constant', 'aggregate', 'lookup', not `copy`.",
    ),
    (
        {"fields": {"a": {}}},
        "fields.a",
        "union_tag_not_found",
        "`type` is missing here: it says what this is.",
    ),
    ({"fields": {"a": {"type": "direct"}}}, "fields.a.source", "required", "This key is required."),
    (
        {"fields": {"a": {"type": "constant", "value": [1]}}},
        "fields.a.value",
        "invalid_type",
        "This has to be true or false, a whole number, a number or a text, not a list.",
    ),
    (
        {"fields": {"a": {"type": "constant", "value": 1e400}}},
        "fields.a.value",
        "finite_number",
        "The number is larger than any that can be kept.",
    ),
    (
        {"load": {"mode": "upsert"}},
        "load.mode",
        "literal_error",
        "Choose 'full', 'append', 'merge' or 'history'; here stands `upsert`.",
    ),
    (
        {"load": {"lookback": "2 moons"}},
        "load.lookback",
        "string_pattern_mismatch",
        "Write a whole number and a unit from second to year, such as `2 days`; here stands `2 moons`.",
    ),
    (
        {"load": {"delete_missing": "yes"}},
        "load.delete_missing",
        "bool_type",
        "This has to be true or false, not a text.",
    ),
    (
        {"joins": [{"left": "c", "right": "o", "on": [["a"]]}]},
        "joins[0].on[0][1]",
        "required",
        "An entry is missing here.",
    ),
    (
        {"joins": [{"left": "c", "right": "o", "on": [["a", "b", "c"]]}]},
        "joins[0].on[0]",
        "too_long",
        "At most 2 entries can stand here, and there are 3.",
    ),
    ({"filter": ""}, "filter", "too_short", "This may not be empty."),
    ({"filter": "a\x00"}, "filter", "value_error", "This must not contain the character U+0000."),
    (
        {"deduplicate": None, "on_invalid": None},
        "on_invalid",
        "literal_error",
        "Choose 'quarantine', 'null' or 'fail'; here stands null.",
    ),
    ({"bogus": 1}, "bogus", "unknown_field", "There is no key `bogus` here."),
]


@pytest.mark.parametrize(("change", "place", "code", "message"), CASES)
def test_mapping__that_is_malformed__is_told_where_and_what_has_to_stand_there(
    change: dict[str, Any], place: str, code: str, message: str
) -> None:
    with pytest.raises(Invalid) as caught:
        parse_document(Mapping, {**MAPPING, **change})
    assert [(each.field, each.code, each.message) for each in caught.value.errors] == [(place, code, message)]


@pytest.mark.parametrize("document", [None, [], "x", 5, True])
def test_document__that_is_no_object__is_told_so(document: object) -> None:
    with pytest.raises(Invalid, match="document: This has to be an object, not "):
        parse_document(Mapping, document)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"timeout_seconds": 0}, "timeout_seconds: The number has to be at least 1."),
        ({"timeout_seconds": 1.5}, "timeout_seconds: This has to be a whole number, without a fraction."),
        ({"timeout_seconds": 1e30}, "timeout_seconds: The number is too large."),
        ({"timeout_seconds": "1"}, "timeout_seconds: This has to be a whole number, not a text."),
        ({"max_rejected": {"share": 2}}, "max_rejected.share: The number has to be at most 1.0."),
        ({"schedule": "daily"}, "schedule: This has to be an object, not a text."),
    ],
)
def test_pipeline__that_is_malformed__is_told_so(change: dict[str, Any], message: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse_document(PipelineDocument, {"name": "p", "tables": ["t"], **change})
    assert caught.value.message == message


def test_schema__whose_precision_is_too_large__is_told_the_bound() -> None:
    column = {"name": "a", "type": "decimal", "precision": 99}
    with pytest.raises(Invalid, match="at most 38"):
        parse_document(TargetSchema, {"name": "s", "tables": [{"name": "t", "columns": [column]}]})
