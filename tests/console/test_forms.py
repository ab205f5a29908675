"""What a person does: making, uploading, running, asking, saving."""

import json
import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from apps.pipelines.services.execution import execute_run
from tests.console.shop import open_shop
from tests.journey import CONTACTS, MAPPING, lay_out
from tests.resources import assert_success
from tests.world import World

Visit = Callable[..., Client]


def _shown(client: Client, path: str) -> str:
    return client.get(path, follow=True).content.decode()


def test_workspace__made_by_an_administrator__is_opened(world: World, visit: Visit) -> None:
    client = visit(world.alice)
    answer = client.post("/workspaces", {"name": "staging"})
    assert answer["Location"] == "/w/staging/"
    taken = client.post("/workspaces", {"name": "Staging"})
    assert taken.status_code == 422
    assert "already" in taken.content.decode()
    assert 'value="Staging"' in taken.content.decode()


def test_workspace__made_by_an_editor__is_refused_with_the_request(world: World, visit: Visit) -> None:
    answer = visit(world.ed).post("/workspaces", {"name": "staging"})
    assert answer.status_code == 403
    assert answer["X-Request-Id"] in answer.content.decode()


def test_source__made_and_filled__shows_its_tables(world: World, visit: Visit) -> None:
    client = visit(world.ed)
    made = client.post("/w/production/sources", {"name": "crm", "connector": "file"})
    path = made["Location"]
    assert "Now fill it" in _shown(client, path)
    uploaded = client.post(f"{path}/upload", {"file": SimpleUploadedFile("contacts.csv", CONTACTS)})
    assert uploaded["Location"] == path
    page = _shown(client, path)
    assert "Stored: contacts.csv." in page
    assert f"{path}/tables/contacts" in page
    assert "The source works" in client.post(f"{path}/test").content.decode()
    assert "Nothing changed since the last look" in client.post(f"{path}/discover").content.decode()


def test_upload__under_another_name__makes_that_table(world: World, visit: Visit) -> None:
    client = visit(world.ed)
    path = client.post("/w/production/sources", {"name": "crm", "connector": "file"})["Location"]
    body = {"file": SimpleUploadedFile("export-2024.csv", CONTACTS), "table": "people"}
    client.post(f"{path}/upload", body)
    assert f"{path}/tables/people" in _shown(client, path)


def test_upload__of_nothing__says_what_is_missing(world: World, visit: Visit) -> None:
    client = visit(world.ed)
    path = client.post("/w/production/sources", {"name": "crm", "connector": "file"})["Location"]
    answer = client.post(f"{path}/upload", {"table": "x"})
    assert answer.status_code == 422
    assert "Send one file or more" in answer.content.decode()


@pytest.mark.parametrize(
    ("config", "words"), [("{", "config is not valid JSON"), ('{"pth": "x"}', "pth")], ids=["json", "unknown"]
)
def test_source__with_a_wrong_document__is_told_and_kept_in_the_form(
    world: World, visit: Visit, config: str, words: str
) -> None:
    body = {"name": "crm", "connector": "file", "config": config, "credentials": '{"token": "s3cret"}'}
    answer = visit(world.ed).post("/w/production/sources", body)
    page = answer.content.decode()
    assert (answer.status_code, words in page, 'value="crm"' in page) == (422, True, True)
    # What is secret does not come back.
    assert "s3cret" not in page


def test_suggestions__asked_for_and_taken__make_the_mapping(world: World, visit: Visit) -> None:
    lay_out(world)
    world.ed.client().delete("/api/mappings/customers")
    client = visit(world.ed)
    path = "/w/production/mappings/customers/suggestions"
    assert client.post(path)["Location"] == path
    page = _shown(client, path)
    assert "crm.contacts" in page
    offered = re.findall(rf"{path}/(sug_\w+)", page)
    assert "email: accepted." in _shown_after(client, f"{path}/{offered[1]}", {"say": "accept"})
    fields = assert_success(world.ed.client().get("/api/mappings/customers"))["fields"]
    assert list(fields) == ["email"]
    assert "rejected." in _shown_after(client, f"{path}/{offered[0]}", {"say": "reject"})
    assert "is rejected already" in _shown_after(client, f"{path}/{offered[0]}", {"say": "accept"})
    assert 'value="accept"' not in _shown(visit(world.vera), path)


def _shown_after(client: Client, path: str, body: dict[str, str]) -> str:
    return client.post(path, body, follow=True).content.decode()


def test_template__applied__fills_the_schema(world: World, visit: Visit) -> None:
    client = visit(world.ed)
    assert client.post("/w/production/schema", {"template": "commerce"})["Location"] == "/w/production/schema"
    page = _shown(client, "/w/production/schema")
    assert "The tables of the template commerce are in the schema." in page
    assert "/w/production/schema/customers" in page
    client.post("/w/production/schema", {"template": "nothing"})
    assert "There is no template" in _shown(client, "/w/production/schema")


def test_pipeline__run__leads_to_the_run(world: World, visit: Visit) -> None:
    pipeline = lay_out(world)
    client = visit(world.ed)
    path = client.post(f"/w/production/pipelines/{pipeline['id']}/run", {"test_mode": "on"})["Location"]
    page = _shown(client, path)
    assert "publishes nothing" in page
    assert f'data-events="{path}/events?after=' in page
    assert '<meta http-equiv="refresh"' in page
    execute_run(path.rsplit("/", 1)[1])
    done = _shown(client, path)
    assert "Where 6 rows went" in done
    assert "The ledger closes" in done
    assert "data-events" not in done


def test_run__cancelled_and_run_again__is_another_run(world: World, visit: Visit) -> None:
    pipeline = lay_out(world)
    client = visit(world.ed)
    path = client.post(f"/w/production/pipelines/{pipeline['id']}/run")["Location"]
    assert client.post(f"{path}/cancel")["Location"] == path
    assert "is-cancelled" in _shown(client, path)
    again = client.post(f"{path}/retry")["Location"]
    assert again != path
    client.post(f"{path}/cancel")
    assert "(request req_" in _shown(client, path)


def test_workspace__run_without_a_mapping__says_why_not(world: World, visit: Visit) -> None:
    client = visit(world.ed)
    assert client.post("/w/production/run")["Location"] == "/w/production/pipelines"
    assert 'class="notice error"' in _shown(client, "/w/production/pipelines")


def test_table__restored__is_told(world: World, visit: Visit) -> None:
    open_shop(world)
    client = visit(world.ed)
    client.post("/w/production/tables/customers/restore", {"snapshot": "1"})
    assert "Version 1 is the present one again." in _shown(client, "/w/production/tables/customers/snapshots")
    client.post("/w/production/tables/customers/restore", {"snapshot": "no"})
    assert 'class="notice error"' in _shown(client, "/w/production/tables/customers/snapshots")


def test_query__asked__shows_rows_and_a_chart(world: World, visit: Visit) -> None:
    open_shop(world)
    client = visit(world.vera)
    sql = "SELECT email, spent FROM customers ORDER BY 1"
    page = client.post("/w/production/query", {"sql": sql, "do": "run"}).content.decode()
    assert "ann@example.org" in page
    assert "spent by email" in page
    assert "2 rows in" in page
    assert sql in page


def test_query__that_is_wrong__stays_in_the_box_with_the_reason(world: World, visit: Visit) -> None:
    answer = visit(world.ed).post("/w/production/query", {"sql": "DROP TABLE <x>", "do": "run"})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "DROP TABLE &lt;x&gt;" in page
    assert 'role="alert"' in page


def test_query__as_a_file__is_csv(world: World, visit: Visit) -> None:
    open_shop(world)
    client = visit(world.ed)
    answer = client.post("/w/production/query", {"sql": "SELECT 1 AS a", "do": "download"})
    assert answer["Content-Type"].startswith("text/csv")
    assert "attachment" in answer["Content-Disposition"]
    assert b"".join(answer).split() == [b"a", b"1"]
    refused = client.post("/w/production/query", {"sql": "SELECT", "do": "download"})
    assert refused.status_code == 422


def test_query__kept__is_in_the_list_for_others(world: World, visit: Visit) -> None:
    body = {"sql": "SELECT 1 AS a", "name": "one", "do": "save"}
    kept = visit(world.ed).post("/w/production/query", body)["Location"]
    page = visit(world.vera).get(kept).content.decode()
    assert "SELECT 1 AS a" in page
    assert 'aria-current="true">one</a>' in page


def test_audience__refreshed__tells_how_many_came(world: World, visit: Visit) -> None:
    shop = open_shop(world)
    client = visit(world.ed)
    path = f"/w/production/audiences/{shop.audience}"
    assert client.post(f"{path}/refresh")["Location"] == path
    assert "1 members: 0 entered, 0 left." in _shown(client, path)


def test_audience__explained__tells_each_block(world: World, visit: Visit) -> None:
    shop = open_shop(world)
    client = visit(world.ed)
    page = _shown(client, f"/w/production/audiences/{shop.audience}?key=2")
    assert "<strong>2</strong> is not in" in page
    assert "is-false" in page
    assert "is-true" in page
    assert 'role="alert"' in _shown(client, f"/w/production/audiences/{shop.audience}?key=404")


def test_alert__acknowledged_and_resolved__says_so(world: World, visit: Visit) -> None:
    open_shop(world)
    client = visit(world.ed)
    [alert] = assert_success(world.ed.client().get("/api/alerts"))
    for action, state in (("acknowledge", "acknowledged"), ("resolve", "resolved")):
        client.post(f"/w/production/alerts/{alert['id']}", {"do": action})
        assert f"The alert is {state}." in _shown(client, "/w/production/alerts")
    client.post(f"/w/production/alerts/{alert['id']}", {"do": "delete"})
    client.post("/w/production/alerts/alt_nothing", {"do": "resolve"})
    assert "There is no such alert" in _shown(client, "/w/production/alerts")


def _document(page: str) -> Any:
    text = page.split('autocapitalize="off" required>')[1].split("</textarea>", maxsplit=1)[0]
    return json.loads(unescape(text))


def test_document__read_and_saved__is_a_new_version(world: World, visit: Visit) -> None:
    lay_out(world)
    client = visit(world.ed)
    page = _shown(client, "/w/production/edit/mapping/customers")
    document = _document(page)
    assert document["fields"] == MAPPING["fields"]
    assert "id" not in document
    document["filter"] = "c.joined >= '2001-01-01'"
    saved = client.post(
        "/w/production/edit/mapping/customers", {"document": json.dumps(document), "version": "1"}
    )
    assert saved["Location"] == "/w/production/mappings/customers"
    assert "Saved as version 2." in _shown(client, saved["Location"])


def test_document__saved_by_two__keeps_the_first(world: World, visit: Visit) -> None:
    lay_out(world)
    body = {"document": json.dumps(MAPPING), "version": "1"}
    client = visit(world.ed)
    assert (
        client.post(
            "/w/production/edit/mapping/customers",
            {**body, "document": json.dumps({**MAPPING, "filter": None})},
        ).status_code
        == 302
    )
    late = client.post("/w/production/edit/mapping/customers", body)
    assert late.status_code == 422
    assert "ersion" in late.content.decode().split('role="alert"')[1][:300]


@pytest.mark.parametrize(
    ("text", "words"), [("{", "not valid JSON"), ('{"table_name": "customers"}', "inputs"), ("[]", "alert")]
)
def test_document__that_is_wrong__stays_on_the_page(
    world: World, visit: Visit, text: str, words: str
) -> None:
    lay_out(world)
    answer = visit(world.ed).post("/w/production/edit/mapping/customers", {"document": text, "version": "1"})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert words in page
    assert text.replace('"', "&quot;") in page
    assert assert_success(world.ed.client().get("/api/mappings/customers"))["version"] == 1


@pytest.mark.parametrize("kind", ["pipeline", "audience", "alert-rule", "object-type"])
def test_document__as_it_is_offered__can_be_saved(world: World, visit: Visit, kind: str) -> None:
    shop = open_shop(world)
    client = visit(world.ed)
    document = _document(_shown(client, f"/w/production/edit/{kind}"))
    saved = client.post(f"/w/production/edit/{kind}", {"document": json.dumps({**document, "name": "mine"})})
    assert saved.status_code == 302, saved.content.decode()
    page = _shown(client, saved["Location"])
    assert "Saved as version 1." in page
    assert shop


def test_document__of_a_mapping_that_is_not_there__begins_with_columns_of_the_same_name(
    world: World, visit: Visit
) -> None:
    lay_out(world)
    api = world.ed.client()
    columns = [
        {"name": "Mail", "type": "email"},
        {"name": "amount", "type": "decimal"},
        {"name": "x", "type": "date"},
    ]
    assert_success(
        api.post("/api/schemas/workspace/tables", {"name": "people", "columns": columns}, format="json"), 201
    )
    client = visit(world.ed)
    document = _document(_shown(client, "/w/production/edit/mapping/people"))
    assert document["inputs"] == [{"alias": "s", "source": "crm", "table": "contacts"}]
    assert {name: field["source"] for name, field in document["fields"].items()} == {
        "Mail": "s.mail",
        "amount": "s.amount",
    }
    saved = client.post("/w/production/edit/mapping/people", {"document": json.dumps(document)})
    page = _shown(client, saved["Location"])
    assert "3 columns, 1 of them unmapped" in page


def test_document__of_a_mapping_without_such_columns__begins_with_a_wildcard(
    world: World, visit: Visit
) -> None:
    lay_out(world)
    assert_success(world.ed.client().delete("/api/mappings/customers"))
    client = visit(world.ed)
    document = _document(_shown(client, "/w/production/edit/mapping/customers"))
    assert document["wildcard"] == {"input": "s"}
    saved = client.post("/w/production/edit/mapping/customers", {"document": json.dumps(document)})
    assert saved["Location"] == "/w/production/mappings/customers"


def test_document__of_a_first_schema__can_be_saved(world: World, visit: Visit) -> None:
    client = visit(world.ed)
    document = _document(_shown(client, "/w/production/edit/schema"))
    saved = client.post("/w/production/edit/schema", {"document": json.dumps(document), "version": "0"})
    assert saved["Location"] == "/w/production/schema"
    assert "customers" in _shown(client, saved["Location"])


def test_document__of_no_kind__is_not_found(world: World, visit: Visit) -> None:
    assert visit(world.ed).get("/w/production/edit/user").status_code == 404
    assert visit(world.ed).get("/w/production/edit/pipeline/pl_nothing").status_code == 404


def test_document__of_a_pipeline_without_what_it_had__is_saved_without_it(world: World, visit: Visit) -> None:
    pipeline, client = lay_out(world), visit(world.ed)
    api = world.ed.client()
    schedule = {"schedule": {"cron": "0 2 * * *", "timezone": "UTC"}}
    changed = assert_success(api.patch(f"/api/pipelines/{pipeline['id']}", schedule, format="json"))
    path = f"/w/production/edit/pipeline/{pipeline['id']}"
    document = _document(_shown(client, path))
    del document["schedule"]
    client.post(path, {"document": json.dumps(document), "version": str(changed["version"])})
    kept = assert_success(api.get(f"/api/pipelines/{pipeline['id']}"))
    assert (kept["schedule"], kept["version"]) == (None, changed["version"] + 1)
