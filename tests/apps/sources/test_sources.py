"""Sources over the API: made, tested, filled by upload, discovered, looked into."""

import json
from typing import Any, ClassVar

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from apps.sources.models import Source
from apps.workspaces.models import Event
from tests.resources import ResourceTests, assert_failure, assert_success
from tests.world import World

CONTACTS = (
    b"contact_id,mail,joined\n1,Ann@Example.org,2024-01-31\n2,,2024-02-01\n3,not an address,2024-02-02\n"
)


def make_source(world: World, name: str = "crm", **body: Any) -> dict[str, Any]:
    """Make a file source as the editor and return it."""
    response = world.ed.client().post(
        "/api/sources", {"name": name, "connector": "file", **body}, format="json"
    )
    return dict(assert_success(response, 201))


def upload(world: World, source_id: str, *files: tuple[str, bytes], **fields: str) -> Any:
    """Upload files into a source as the editor."""
    body = {"file": [SimpleUploadedFile(name, content) for name, content in files], **fields}
    return world.ed.client().post(f"/api/sources/{source_id}/upload", body, format="multipart")


class TestSources(ResourceTests):
    path: ClassVar = "/api/sources"
    noun: ClassVar = "SOURCE"

    def good(self, world: World, number: int = 1) -> dict[str, Any]:
        return {"name": f"crm-{number}", "connector": "file", "config": {}}

    def change(self) -> dict[str, Any]:
        return {"name": "renamed"}


def test_upload__a_csv__becomes_a_table_named_after_its_stem(world: World) -> None:
    source = make_source(world)
    data = assert_success(upload(world, source["id"], ("contacts.csv", CONTACTS)), 201)
    assert data["files"] == ["contacts.csv"]
    table = data["tables"][0]
    assert (table["name"], table["rows"]) == ("contacts", 3)
    assert [column["name"] for column in table["columns"]] == ["contact_id", "mail", "joined"]
    assert {column["type"] for column in table["columns"]} == {"VARCHAR"}


def test_upload__the_same_name_again__replaces_the_file(world: World) -> None:
    source = make_source(world)
    upload(world, source["id"], ("contacts.csv", CONTACTS))
    data = assert_success(upload(world, source["id"], ("contacts.csv", b"contact_id\n9\n")), 201)
    assert [(table["name"], table["rows"]) for table in data["tables"]] == [("contacts", 1)]


def test_upload__with_a_table__takes_that_name(world: World) -> None:
    source = make_source(world)
    data = assert_success(upload(world, source["id"], ("export 7.csv", CONTACTS), table="people"), 201)
    assert [table["name"] for table in data["tables"]] == ["people"]


@pytest.mark.parametrize("table", ["../../other", "a/b", ".hidden", "a\\b"])
def test_upload__table_that_leads_elsewhere__is_422(world: World, table: str) -> None:
    source = make_source(world)
    assert_failure(upload(world, source["id"], ("contacts.csv", CONTACTS), table=table), 422, "NAME_INVALID")


def test_upload__without_a_file__is_422(world: World) -> None:
    source = make_source(world)
    assert_failure(upload(world, source["id"]), 422, "NO_FILE")


def test_upload__others__is_401_403_404(world: World) -> None:
    url = f"/api/sources/{make_source(world)['id']}/upload"
    for client, status, code in (
        (world.nobody(), 401, "AUTHENTICATION_REQUIRED"),
        (world.vera.client(), 403, "PERMISSION_DENIED"),
        (world.eve.client(), 404, "SOURCE_NOT_FOUND"),
    ):
        body = {"file": SimpleUploadedFile("contacts.csv", CONTACTS)}
        assert_failure(client.post(url, body, format="multipart"), status, code)


def test_discover__after_a_column_went__says_that_it_breaks(world: World) -> None:
    source = make_source(world)
    upload(world, source["id"], ("contacts.csv", CONTACTS))
    from apps.sources.services.sources import source_storage

    row = Source.objects.get(pk=source["id"])
    source_storage(row).put_bytes(
        f"uploads/{row.pk}/contacts.csv", b"contact_id,mail,city\n1,a@example.org,York\n"
    )
    data = assert_success(world.ed.client().post(f"/api/sources/{source['id']}/discover"))
    changes = {(change["kind"], change["column"], change["breaking"]) for change in data["changes"]}
    assert changes == {("removed", "joined", True), ("added", "city", False)}
    again = assert_success(world.ed.client().post(f"/api/sources/{source['id']}/discover"))
    assert again["changes"] == []
    # The first look is no change, and neither is one that finds the same.
    told = Event.objects.get(type="schema.changed")
    data = json.loads(told.body)["data"]
    assert (data["source"], data["tables"], data["change_count"], data["breaking"]) == (
        source["name"],
        ["contacts"],
        2,
        True,
    )


def test_preview_and_profile__of_a_table__show_its_values(world: World) -> None:
    source = make_source(world)
    upload(world, source["id"], ("contacts.csv", CONTACTS))
    url = f"/api/sources/{source['id']}/tables/contacts"
    preview = assert_success(world.vera.client().get(f"{url}/preview", {"limit": 2}))
    assert preview["rows"] == [["1", "Ann@Example.org", "2024-01-31"], ["2", None, "2024-02-01"]]
    assert preview["truncated"] is True
    profile = assert_success(world.vera.client().get(f"{url}/profile"))
    mail = next(column for column in profile["columns"] if column["name"] == "mail")
    assert mail["nulls"] == 1
    assert_failure(world.eve.client(None).get(f"{url}/preview"), 404, "SOURCE_NOT_FOUND")
    missing = f"/api/sources/{source['id']}/tables/nothing/preview"
    assert_failure(world.vera.client().get(missing), 404, "TABLE_NOT_FOUND")
    assert_failure(world.vera.client().get(f"{url}/preview", {"limit": 0}), 422, "VALIDATION_ERROR")


def test_describe__table_and_columns__is_kept_and_unknown_ones_refused(world: World) -> None:
    source = make_source(world)
    upload(world, source["id"], ("contacts.csv", CONTACTS))
    url = f"/api/sources/{source['id']}/tables/contacts"
    body = {"description": "People", "column_descriptions": {"mail": "As they gave it"}}
    data = assert_success(world.ed.client().patch(url, body, format="json"))
    assert (data["description"], data["column_descriptions"]) == ("People", {"mail": "As they gave it"})
    wrong = {"column_descriptions": {"nothing": "x"}}
    assert_failure(world.ed.client().patch(url, wrong, format="json"), 422, "UNKNOWN_COLUMN")
    assert_failure(world.vera.client().patch(url, body, format="json"), 403, "PERMISSION_DENIED")


def test_test__saved_and_unsaved_settings__report_step_by_step(world: World) -> None:
    source = make_source(world)
    upload(world, source["id"], ("contacts.csv", CONTACTS))
    data = assert_success(world.ed.client().post(f"/api/sources/{source['id']}/test"))
    assert data["passed"] is True
    assert {step["name"] for step in data["steps"]} <= {"network", "authentication", "access", "tables"}
    assert assert_success(world.ed.client().get(f"/api/sources/{source['id']}"))["status"] == "ok"
    unsaved = assert_success(
        world.ed.client().post("/api/sources/test", {"connector": "file"}, format="json")
    )
    assert all(step["message"] for step in unsaved["steps"])
    upload(world, source["id"], ("contacts.parquet", b"this is no Parquet file"))
    broken = assert_success(world.ed.client().post(f"/api/sources/{source['id']}/test"))
    assert broken["passed"] is False


def test_create__config_with_an_unknown_key__names_the_path(world: World) -> None:
    body = {"name": "crm", "connector": "file", "config": {"colour": "red"}}
    failure = assert_failure(
        world.ed.client().post("/api/sources", body, format="json"), 422, "UNKNOWN_FIELD"
    )
    assert failure["errors"][0]["field"] == "config.colour"


def test_create__connector_that_does_not_exist__is_422(world: World) -> None:
    body = {"name": "crm", "connector": "carrier-pigeon"}
    assert_failure(world.ed.client().post("/api/sources", body, format="json"), 422, "UNKNOWN_CONNECTOR")


@pytest.mark.parametrize("path", ["/etc/passwd", "../../../secret.csv", "a/../../b.csv"])
def test_create__path_outside_of_its_area__never_reads_it(world: World, path: str) -> None:
    body = {"name": "crm", "connector": "file", "config": {"path": path}}
    response = world.ed.client().post("/api/sources", body, format="json")
    if response.status_code == 201:
        made = response.json()["data"]
        assert assert_success(world.ed.client().post(f"/api/sources/{made['id']}/test"))["passed"] is False
    else:
        assert response.status_code == 422


def test_connectors__list__has_a_json_schema_for_each(world: World) -> None:
    connectors = assert_success(world.vera.client(None).get("/api/connectors"))
    assert "file" in {connector["name"] for connector in connectors}
    assert all(connector["config"]["type"] == "object" for connector in connectors)
