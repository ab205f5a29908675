"""What a pipeline says of its deliveries."""

from typing import Any

import pytest

from datalinx.engine.spec.base import document_to_json, parse_document
from datalinx.engine.spec.pipeline import PipelineDocument
from datalinx.errors import Invalid

TO = {"table": "customers", "destination": "dw"}


def parsed(*entries: dict[str, Any]) -> PipelineDocument:
    return parse_document(
        PipelineDocument, {"name": "p", "tables": ["customers", "orders"], "deliver": list(entries)}
    )


def test_deliver__the_least__has_its_defaults_and_comes_out_as_it_went_in() -> None:
    document = parsed(TO)
    entry = document.deliver[0]
    assert (entry.target_name, entry.schema_name, entry.mode) == ("customers", None, "replace")
    assert document_to_json(document)["deliver"] == [TO]
    full = {**TO, "schema": "Mart 1", "as": "people", "mode": "merge"}
    assert document_to_json(parsed(full))["deliver"] == [full]


def test_deliver__left_out__is_not_spoken_of() -> None:
    document = parse_document(PipelineDocument, {"name": "p", "tables": ["customers"]})
    assert document.deliver == ()
    assert "deliver" not in document_to_json(document)


@pytest.mark.parametrize(
    ("entries", "field", "code"),
    [
        ([{**TO, "table": "nothing"}], "deliver[0].table", "unknown_table"),
        ([TO, {**TO, "table": "orders", "as": "customers"}], "deliver[1]", "duplicate_name"),
        ([{**TO, "mode": "append"}], "deliver[0].mode", "literal_error"),
        ([{**TO, "colour": "red"}], "deliver[0].colour", "unknown_field"),
        ([{**TO, "schema_name": "x"}], "deliver[0].schema_name", "unknown_field"),
        ([{**TO, "as": ""}], "deliver[0].as", "string_too_short"),
        ([{"table": "customers"}], "deliver[0].destination", "required"),
        ([{"destination": "dw"}], "deliver[0].table", "required"),
    ],
)
def test_deliver__with_a_fault__names_it(entries: list[dict[str, Any]], field: str, code: str) -> None:
    with pytest.raises(Invalid) as caught:
        parsed(*entries)
    assert [(fault.field, fault.code) for fault in caught.value.errors] == [(field, code)]
