"""What several tests of runs begin with: a run that is queued, and tables that read each other."""

from typing import Any

from tests.journey import SCHEMA
from tests.resources import assert_success
from tests.world import World


def start(world: World, pipeline: dict[str, Any], **request: Any) -> str:
    """Queue a run and return its id."""
    response = world.ed.client().post(f"/api/pipelines/{pipeline['id']}/run", request, format="json")
    return str(assert_success(response, 201)["id"])


def add_orders(world: World, pipeline: dict[str, Any]) -> dict[str, Any]:
    """Add a table that reads `customers` and one that does not; return the pipeline of all three."""
    client = world.ed.client()
    spenders = {"name": "spenders", "columns": [{"name": "customer_id", "type": "integer"}]}
    dates = {"name": "dates", "columns": [{"name": "joined", "type": "string"}]}
    schema = {**SCHEMA, "tables": [*SCHEMA["tables"], spenders, dates]}
    assert_success(client.put("/api/schemas/workspace", schema, format="json"))
    reading = {
        "table_name": "spenders",
        "inputs": [{"alias": "x", "target": "customers"}],
        "fields": {"customer_id": {"type": "direct", "source": "x.customer_id"}},
    }
    apart = {
        "table_name": "dates",
        "inputs": [{"alias": "c", "source": "crm", "table": "contacts"}],
        "fields": {"joined": {"type": "direct", "source": "c.joined"}},
    }
    for body in (reading, apart):
        assert_success(client.post("/api/mappings", body, format="json"), 201)
    tables = {"tables": ["spenders", "customers", "dates"]}
    return dict(assert_success(client.patch(f"/api/pipelines/{pipeline['id']}", tables, format="json")))
