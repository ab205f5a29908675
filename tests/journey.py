"""A short journey that many tests begin with: a source with contacts, a schema, a mapping, a pipeline, a run."""

from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile

from apps.pipelines.services.execution import execute_run
from tests.resources import assert_success
from tests.world import World

CONTACTS = (
    b"contact_id,mail,amount,joined\n"
    b"1, Ann@Example.org ,10.50,2024-01-31\n"
    b"2,bob@example.org,7,2024-02-01\n"
    b"3,not an address,1,2024-02-02\n"
    b"4,,3.25,2024-02-03\n"
    b"5,eve@example.org,many,2024-02-04\n"
    b"6,old@example.org,1,1999-01-01\n"
)

SCHEMA: dict[str, Any] = {
    "name": "shop",
    "tables": [
        {
            "name": "customers",
            "primary_key": ["customer_id"],
            "columns": [
                {"name": "customer_id", "type": "integer", "nullable": False},
                {"name": "email", "type": "email", "nullable": False},
                {"name": "spent", "type": "decimal", "precision": 18, "scale": 2},
                {"name": "joined_on", "type": "date"},
            ],
        }
    ],
}

MAPPING: dict[str, Any] = {
    "table_name": "customers",
    "inputs": [{"alias": "c", "source": "crm", "table": "contacts"}],
    "filter": "c.joined >= '2000-01-01'",
    "fields": {
        "customer_id": {"type": "direct", "source": "c.contact_id"},
        "email": {
            "type": "decorated",
            "source": "c.mail",
            "decorators": [{"name": "trim"}, {"name": "email"}],
        },
        "spent": {"type": "direct", "source": "c.amount"},
        "joined_on": {"type": "direct", "source": "c.joined"},
    },
}


def lay_out(world: World, contacts: bytes = CONTACTS) -> dict[str, Any]:
    """Make source, schema, mapping and pipeline in the world's workspace; return the pipeline."""
    client = world.ed.client()
    source = assert_success(
        client.post("/api/sources", {"name": "crm", "connector": "file"}, format="json"), 201
    )
    upload(world, source["id"], contacts)
    assert_success(client.put("/api/schemas/workspace", SCHEMA, format="json"), 201)
    assert_success(client.put("/api/mappings/customers", MAPPING, format="json"), 201)
    body = {"name": "nightly", "tables": ["customers"]}
    return dict(assert_success(client.post("/api/pipelines", body, format="json"), 201))


def upload(world: World, source_id: str, contacts: bytes) -> None:
    """Put the contacts into the source."""
    body = {"file": SimpleUploadedFile("contacts.csv", contacts)}
    assert_success(world.ed.client().post(f"/api/sources/{source_id}/upload", body, format="multipart"), 201)


def run(world: World, pipeline: dict[str, Any], **request: Any) -> dict[str, Any]:
    """Start a run over the API, do a worker's work, and return the run as the API shows it then."""
    client = world.ed.client()
    started = assert_success(client.post(f"/api/pipelines/{pipeline['id']}/run", request, format="json"), 201)
    execute_run(started["id"])
    return dict(assert_success(client.get(f"/api/runs/{started['id']}")))
