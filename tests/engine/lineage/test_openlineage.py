"""A run as an OpenLineage event: of the published form, and true."""

from dataclasses import replace

import jsonschema
import pytest

from datalinx.engine.lineage.graph import Link, Place
from datalinx.engine.lineage.openlineage import Dataset, RunFacts, run_event, run_uuid
from tests.engine.lineage.openlineage_schema import RUN_EVENT

SOURCE, TABLE = Place("source", "con tacts.csv", "crm"), Place("table", "customers")
FACTS = RunFacts(
    run_id="run_1",
    job="nightly",
    status="success",
    at="2026-05-01T12:00:00Z",
    namespace="datalinx://localhost/first/production",
    producer="urn:datalinx:1",
    engine="duckdb",
    engine_version="2.0.0",
    inputs=[Dataset(SOURCE, [("mail", "VARCHAR")], rows=6)],
    outputs=[Dataset(TABLE, [("email", "email")], version=3, rows=4)],
    links=[
        Link(SOURCE, "mail", TABLE, "email", "decorated"),
        Link(SOURCE, "mail", TABLE, None, "filter"),
        Link(SOURCE, "mail", TABLE, None, "join"),
        Link(SOURCE, None, TABLE, None, "broken"),
    ],
    masked=frozenset({("customers", "email")}),
)


def check(facts: RunFacts) -> dict[str, object]:
    event = run_event(facts)
    jsonschema.validate(event, RUN_EVENT, format_checker=jsonschema.FormatChecker())
    return event


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("queued", "START"),
        ("running", "START"),
        ("success", "COMPLETE"),
        ("failed", "FAIL"),
        ("cancelled", "ABORT"),
        ("skipped", "ABORT"),
    ],
)
def test_event__of_each_state__has_its_kind(status: str, kind: str) -> None:
    assert check(replace(FACTS, status=status))["eventType"] == kind


def test_event__column_lineage__tells_values_from_what_decides_on_rows() -> None:
    (output,) = check(FACTS)["outputs"]  # type: ignore[misc]  # the schema says that it is a list
    facet = output["facets"]["columnLineage"]
    (field,) = facet["fields"]["email"]["inputFields"]

    assert list(facet["fields"]) == ["email"]
    assert (field["name"], field["field"]) == ("sources/crm/con tacts.csv", "mail")
    assert field["transformations"] == [
        {"type": "DIRECT", "subtype": "TRANSFORMATION", "description": "decorated", "masking": True}
    ]
    assert [way["subtype"] for each in facet["dataset"] for way in each["transformations"]] == [
        "FILTER",
        "JOIN",
    ]
    assert output["outputFacets"]["outputStatistics"]["rowCount"] == 4
    assert output["facets"]["version"]["datasetVersion"] == "3"


def test_event__of_one_table__names_the_run_around_it() -> None:
    event = check(replace(FACTS, run_id="run_1/customers", parent=("run_1", "nightly"), error="No."))
    facets = event["run"]["facets"]  # type: ignore[index]  # the schema says that it is an object

    assert facets["parent"]["run"]["runId"] == run_uuid("run_1") != run_uuid("run_1/customers")
    assert facets["errorMessage"]["message"] == "No."
