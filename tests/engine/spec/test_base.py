"""The way into a document and out of it: paths of faults, codes, the server's own fields, defaults."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datalinx.engine.spec import Mapping, PipelineDocument, document_to_json, parse_document
from datalinx.engine.spec.base import refusal
from datalinx.errors import FieldError, Invalid

MINIMAL: dict[str, Any] = {
    "table_name": "people",
    "inputs": [{"alias": "c", "source": "crm", "table": "contacts"}],
    "fields": {"id": {"type": "direct", "source": "c.id"}},
}


def faults(data: object, model: Any = Mapping) -> Invalid:
    with pytest.raises(Invalid) as caught:
        parse_document(model, data)
    return caught.value


def places(error: Invalid) -> list[tuple[str, str]]:
    return [(fault.field, fault.code) for fault in error.errors]


def test_document__unknown_keys__are_refused_with_their_paths() -> None:
    error = faults(
        {**MINIMAL, "bogus": 1, "inputs": [{"alias": "c", "source": "s", "table": "t", "nmae": 1}]}
    )

    assert error.code == "UNKNOWN_FIELD"
    assert places(error) == [("inputs[0].nmae", "unknown_field"), ("bogus", "unknown_field")]


def test_document__path_inside_a_union__has_no_tags_in_it() -> None:
    fields = {"x": {"type": "decorated", "source": "c.a", "decorators": [{"nam": "trim"}]}}

    assert places(faults({**MINIMAL, "fields": fields})) == [("fields.x.decorators[0].name", "required")]


def test_document__unknown_kind_of_field__names_the_kinds() -> None:
    error = faults({**MINIMAL, "fields": {"x": {"type": "magic"}}})

    assert places(error)[0][0] == "fields.x"
    assert "'lookup'" in error.errors[0].message


def test_document__missing_keys__are_required() -> None:
    assert places(faults({})) == [("table_name", "required"), ("inputs", "required")]


@pytest.mark.parametrize("data", [None, [], "text", 5, True])
def test_document__of_another_shape__is_refused(data: object) -> None:
    assert faults(data).code == "VALIDATION_ERROR"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("table_name", 5),
        ("table_name", "has space"),
        ("table_name", "a" * 64),
        ("table_name", "_hidden"),
        ("table_name", "größe"),
        ("description", "a\x00b"),
        ("description", "a" * 10_001),
        ("filter", ""),
        ("on_invalid", "ignore"),
        ("fields", []),
        ("inputs", []),
        ("inputs", {}),
        ("inputs", [MINIMAL["inputs"][0]] * 31),
    ],
)
def test_document__value_that_does_not_fit__is_refused_at_its_key(key: str, value: object) -> None:
    assert places(faults({**MINIMAL, key: value}))[0][0] == key


@pytest.mark.parametrize("value", ["5", "true", 1.5, True])
def test_document__text_for_a_number__is_not_taken_for_one(value: object) -> None:
    error = faults({"name": "p", "tables": ["a"], "timeout_seconds": value}, PipelineDocument)

    assert places(error)[0][0] == "timeout_seconds"


def test_document__the_server_s_own_fields__are_dropped() -> None:
    given_back = {
        **MINIMAL,
        "id": "map_1",
        "version": 4,
        "created_at": "x",
        "updated_at": "y",
        "created_by": None,
    }

    assert parse_document(Mapping, given_back) == parse_document(Mapping, MINIMAL)


def test_document__too_deep_or_not_json__is_refused() -> None:
    deep: Any = {}
    for _ in range(2_000):
        deep = {"a": deep}

    assert faults({**MINIMAL, "fields": deep}).code == "VALIDATION_ERROR"
    assert faults({**MINIMAL, "description": object()}).code == "VALIDATION_ERROR"
    assert faults({**MINIMAL, "description": "\ud800"}).code == "VALIDATION_ERROR"
    assert faults({**MINIMAL, "description": 2**70}).code == "VALIDATION_ERROR"


def test_document__too_large__is_refused_before_it_is_looked_at() -> None:
    assert "larger" in faults({**MINIMAL, "description": "a" * 5_000_000}).message


def test_json__what_was_given__comes_back() -> None:
    shown = document_to_json(parse_document(Mapping, MINIMAL))

    assert {key: shown[key] for key in MINIMAL} == MINIMAL
    assert list(shown) == ["table_name", "inputs", "joins", "fields", "load", "on_invalid"]


def test_json__a_part_given_in_part__is_filled_up() -> None:
    shown = document_to_json(parse_document(Mapping, {**MINIMAL, "load": {"mode": "append"}}))

    assert shown["load"] == {
        "mode": "append",
        "keys": [],
        "cursor": None,
        "lookback": None,
        "delete_missing": False,
    }


def test_json__null_that_was_given__stays() -> None:
    field = {"type": "constant", "value": None}

    assert document_to_json(parse_document(Mapping, {**MINIMAL, "fields": {"x": field}}))["fields"] == {
        "x": field
    }


def test_refusal__one_code_of_its_own__speaks() -> None:
    one = FieldError("a", "NOT_GROUPED", "x")

    assert refusal([one, one]).code == "NOT_GROUPED"
    assert refusal([one, FieldError("b", "AMBIGUOUS_FIELD", "y")]).code == "VALIDATION_ERROR"
    assert refusal([one, FieldError("b", "unknown_field", "y")]).code == "UNKNOWN_FIELD"
    assert refusal([one, one]).message == "a: x (and 1 more)"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*MINIMAL, "type", "x"]), inner)
    ),
    max_leaves=15,
)


@given(JSON, st.sampled_from(list(MINIMAL)))
def test_document__any_json__is_a_document_or_refused(data: Any, key: str) -> None:
    for candidate in (data, {**MINIMAL, key: data}):
        try:
            document = parse_document(Mapping, candidate)
        except Invalid:
            continue
        assert parse_document(Mapping, document_to_json(document)) == document
