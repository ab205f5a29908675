"""A small shop in the workspace of the world: everything that the console has a page for."""

from dataclasses import dataclass
from typing import Any

from apps.pipelines.services.resolving import execute_resolution
from tests.journey import lay_out, run
from tests.resources import assert_success
from tests.world import World

AUDIENCE = {
    "name": "spenders",
    "table": "customers",
    "key": "customer_id",
    "rule": {"all": [{"field": "spent", "op": "gte", "value": 8}, {"field": "email", "op": "not_null"}]},
}
OBJECT_TYPE = {
    "name": "Customers",
    "table": "customers",
    "key": "customer_id",
    "attributes": [{"name": "mail", "column": "email"}, {"name": "mood", "type": "string"}],
}
PEOPLE = {
    "tables": [
        {"table": "customers", "key": "customer_id", "identifiers": {"email": "email", "joined_on": "day"}}
    ],
    "rules": [{"name": "same e-mail", "match": ["email"]}, {"name": "same day", "match": ["day"]}],
}
RULE = {
    "name": "few customers",
    "kind": "threshold",
    "table": "customers",
    "measure": "rows",
    "op": "lt",
    "value": 5,
}


@dataclass(frozen=True)
class Shop:
    """The ids of what is there."""

    source: str
    pipeline: str
    run: dict[str, Any]
    query: str
    object_type: str
    audience: str
    alert_rule: str
    record: str
    person: str

    @property
    def pages(self) -> list[str]:
        """Return every page of the workspace that only shows something."""
        return [
            f"/w/production/{path}"
            for path in (
                "",
                "sources",
                f"sources/{self.source}",
                f"sources/{self.source}/tables/contacts",
                f"sources/{self.source}/profiles/contacts",
                "schema",
                "schema/customers",
                "object-types",
                "object-types/diagram",
                "object-types/draft",
                f"object-types/{self.object_type}",
                "mappings",
                "mappings/customers",
                "mappings/customers?field=email",
                "mappings/customers/preview",
                "mappings/customers/lineage",
                "mappings/customers/lineage?column=email",
                "mappings/customers/dbt",
                "mappings/customers/suggestions",
                "pipelines",
                f"pipelines/{self.pipeline}",
                "schedules",
                "runs",
                "runs?status=failed",
                f"runs/{self.run['id']}",
                f"runs/{self.run['id']}/lineage",
                f"runs/{self.run['id']}/rejected?table=customers&reason=invalid_email",
                "tables",
                "tables/customers?ordering=-spent&as_of=1",
                "tables/customers/snapshots",
                "query",
                f"query?query={self.query}",
                "identity",
                f"identity?record=customers:{self.record}",
                f"identity/{self.person}?a=customers:{self.record}&b=customers:2",
                "audiences",
                f"audiences/{self.audience}?key=1",
                f"audiences/{self.audience}/changes?change=entered",
                "quality",
                "quality/customers",
                "alerts",
                "alerts/rules",
            )
        ]


def open_shop(world: World) -> Shop:
    """Make the shop over the API, as the editor would."""
    client = world.ed.client()
    pipeline = lay_out(world)
    done = run(world, pipeline)
    query = {"name": "all of them", "sql": "SELECT email, spent FROM customers"}
    audience = assert_success(client.post("/api/audiences", AUDIENCE, format="json"), 201)
    assert_success(client.post(f"/api/audiences/{audience['id']}/refresh"))
    assert_success(client.post("/api/monitoring/run", {}, format="json"))
    assert_success(client.put("/api/identity", PEOPLE, format="json"), 201)
    execute_resolution(assert_success(client.post("/api/identity/resolve"), 201)["id"])
    return Shop(
        source=assert_success(client.get("/api/sources"))[0]["id"],
        pipeline=pipeline["id"],
        run=done,
        query=assert_success(client.post("/api/queries", query, format="json"), 201)["id"],
        object_type=assert_success(client.post("/api/object-types", OBJECT_TYPE, format="json"), 201)["id"],
        audience=audience["id"],
        alert_rule=assert_success(client.post("/api/alert-rules", RULE, format="json"), 201)["id"],
        record="1",
        person=assert_success(client.get("/api/identity/clusters"))[0]["id"],
    )
