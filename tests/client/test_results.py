"""What answers become: resources, pages, query results."""

import copy
import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datalinx.client.models import QueryResult, Run
from datalinx.client.resource import Resource

from .conftest import Script, success

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=20,
)


def page(items: list[dict[str, object]], number: int, pages: int, total: int) -> dict[str, object]:
    return {
        "data": items,
        "pagination": {"page": number, "page_size": 2, "total_items": total, "total_pages": pages},
    }


def test_resource__read_by_key_and_by_attribute__is_the_same() -> None:
    run = Run({"id": "run_1", "totals": {"read": 3}, "steps": [{"table": "customers"}]}, "req_1")
    assert (run.id, run["id"]) == ("run_1", "run_1")
    assert run.totals.read == 3
    assert run.steps[0].table == "customers"
    assert run.request_id == run.totals.request_id == "req_1"


def test_resource__without_a_field__names_the_nearest() -> None:
    with pytest.raises(AttributeError, match="did you mean 'status'"):
        _ = Run({"status": "running"}).staus
    assert not hasattr(Run({}), "anything")


def test_resource__written_by_attribute__is_refused() -> None:
    run = Run({"status": "running"})
    with pytest.raises(AttributeError, match="by its key"):
        run.status = "success"
    run["status"] = "success"
    assert run.status == "success"


def test_resource__with_a_field_named_request_id__keeps_both() -> None:
    event = Resource({"request_id": "req_of_the_event"}, "req_of_this_call")
    assert (event["request_id"], event.request_id) == ("req_of_the_event", "req_of_this_call")


@given(st.dictionaries(st.text(), JSON))
def test_resource__of_any_json__is_that_json(values: dict[str, object]) -> None:
    resource = Resource(values, "req_1")
    assert resource == values
    assert json.loads(json.dumps(resource)) == values
    for twin in (pickle.loads(pickle.dumps(resource)), copy.deepcopy(resource)):
        assert twin == resource
        assert twin.request_id == "req_1"


def test_list__that_is_looped_over__fetches_each_page_when_it_is_reached(script: Script) -> None:
    script.then(
        success(**page([{"id": "a"}, {"id": "b"}], 1, 2, 3)),  # type: ignore[arg-type]  # keywords by name
        success(**page([{"id": "c"}], 2, 2, 3)),  # type: ignore[arg-type]  # keywords by name
    )
    found = iter(script.client(workspace="w").sources.list(page_size=2, connector="file"))
    assert script.requests == []
    assert [next(found).id, next(found).id] == ["a", "b"]
    assert len(script.requests) == 1
    assert [item.id for item in found] == ["c"]
    assert [dict(request.url.params) for request in script.requests] == [
        {"connector": "file", "page": "1", "page_size": "2"},
        {"connector": "file", "page": "2", "page_size": "2"},
    ]


def test_list__that_grows_while_it_is_read__gives_nothing_twice(script: Script) -> None:
    script.then(
        success(**page([{"id": "c"}, {"id": "b"}], 1, 2, 3)),  # type: ignore[arg-type]  # keywords by name
        success(**page([{"id": "b"}, {"id": "a"}], 2, 2, 4)),  # type: ignore[arg-type]  # keywords by name
    )
    assert [run.id for run in script.client(workspace="w").runs.list(page_size=2)] == ["c", "b", "a"]


def test_list__of_equal_rows_without_ids__gives_all(script: Script) -> None:
    script.then(
        success(**page([{"x": 1}, {"x": 1}], 1, 2, 3)),  # type: ignore[arg-type]  # keywords by name
        success(**page([{"x": 1}], 2, 2, 3)),  # type: ignore[arg-type]  # keywords by name
    )
    assert len(script.client(workspace="w").tables.rows("customers", page_size=2).all()) == 3


def test_list__that_is_short__is_asked_for_whole(script: Script) -> None:
    script.then(success([{"name": "file"}]))
    assert [connector.name for connector in script.client().connectors.list()] == ["file"]
    assert script.paths == ["GET /api/connectors"]


def test_list__that_is_short_but_has_pages__is_read_to_its_end(script: Script) -> None:
    script.then(
        success(**page([{"name": "a"}, {"name": "b"}], 1, 2, 3)),  # type: ignore[arg-type]  # keywords by name
        success(**page([{"name": "c"}], 2, 2, 3)),  # type: ignore[arg-type]  # keywords by name
    )
    assert [found.name for found in script.client().connectors.list()] == ["a", "b", "c"]
    assert script.paths == ["GET /api/connectors", "GET /api/connectors?page=2"]


def test_list__of_plain_values__gives_them(script: Script) -> None:
    script.then(success(["runs:view", "runs:run"]))
    assert script.client().roles.permissions() == ["runs:view", "runs:run"]


def test_list__asked_for_one_page_its_first_or_its_size__makes_one_call_each(script: Script) -> None:
    answer = page([{"id": "a"}, {"id": "b"}], 1, 4, 7)
    for _ in range(3):
        script.then(success(**answer))  # type: ignore[arg-type]  # keywords by name
    listing = script.client().workspaces.list()
    third = listing.page(3)
    assert (len(third), third[0].id, [item.id for item in third[:1]], third.has_next) == (2, "a", ["a"], True)
    assert listing.count() == 7
    first = listing.first()
    assert first is not None
    assert first.id == "a"
    assert len(script.requests) == 3
    assert "workspaces" in repr(listing)


def test_list__page_past_the_end__stops(script: Script) -> None:
    script.then(success(**page([], 9, 4, 7)))  # type: ignore[arg-type]  # keywords by name
    assert [len(found) for found in script.client().workspaces.list().pages(start=9)] == [0]


def test_query_result__as_records__pairs_names_with_values() -> None:
    columns = [{"name": "month", "type": "VARCHAR"}, {"name": "revenue", "type": "DECIMAL(18,2)"}]
    result = QueryResult({"columns": columns, "rows": [["2026-01", "12.50"], ["2026-02", None]]})
    assert list(result.records()) == [
        {"month": "2026-01", "revenue": "12.50"},
        {"month": "2026-02", "revenue": None},
    ]
