"""The studio: what its page holds, what its questions answer, and who may ask."""

import json
import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.console.test_pages import Outline
from tests.journey import MAPPING, SCHEMA, lay_out
from tests.resources import assert_success
from tests.world import World

Visit = Callable[..., Client]
STUDIO = "/w/production/mappings/customers/studio"
HOSTILE = '"><script>alert(1)</script>'


def _facts(page: str) -> Any:
    text = page.split('<script id="studio-facts" type="application/json">')[1]
    return json.loads(text.split("</script>", maxsplit=1)[0])


def _document(page: str) -> Any:
    return json.loads(
        unescape(page.split('autocapitalize="off" required>')[1].split("</textarea>", maxsplit=1)[0])
    )


def _changed(**fields: Any) -> str:
    return json.dumps({**MAPPING, "fields": {**MAPPING["fields"], **fields}})


def test_studio__of_an_editor__holds_the_document_and_what_it_is_made_with(
    world: World, visit: Visit
) -> None:
    lay_out(world)
    answer = visit(world.ed).get(STUDIO)
    page = answer.content.decode()
    assert answer.status_code == 200
    assert Outline(page).check() == []
    assert _document(page)["fields"] == MAPPING["fields"]
    facts = _facts(page)
    assert [each["name"] for each in facts["target"]["columns"]] == [
        each["name"] for each in SCHEMA["tables"][0]["columns"]
    ]
    assert [each["name"] for each in facts["sources"]] == ["crm"]
    assert {"trim", "email"} <= {each["name"] for each in facts["decorators"]}
    assert {each["state"] for each in facts["states"]} == {"mapped"}
    # Without scripts the document is saved by the form.
    assert 'action="/w/production/edit/mapping/customers"' in page


def test_studio__of_who_may_not_edit__is_the_drawing_or_nothing(world: World, visit: Visit) -> None:
    lay_out(world)
    assert visit(world.vera).get(STUDIO)["Location"] == "/w/production/mappings/customers"
    assert visit(world.max).get(STUDIO).status_code == 403
    assert visit(world.eve).get(STUDIO).status_code in {404, 422}
    assert Client().get(STUDIO)["Location"].startswith("/login?next=")


def test_studio__with_hostile_names__holds_them_as_text(world: World, visit: Visit) -> None:
    lay_out(world)
    client = world.ed.client()
    source = assert_success(client.get("/api/sources"))[0]["id"]
    content = b'"' + HOSTILE.replace('"', '""').encode() + b'"\n' + b"</script><img src=x onerror=alert(1)>\n"
    body = {"file": SimpleUploadedFile("odd.csv", content), "table": "odd"}
    assert_success(client.post(f"/api/sources/{source}/upload", body, format="multipart"), 201)
    column = {"name": "note", "type": "string", "description": f"</script>{HOSTILE}"}
    assert_success(client.post("/api/schemas/workspace/tables/customers/columns", column, format="json"), 201)
    fields = {**MAPPING["fields"], "note": {"type": "constant", "value": f"</script></textarea>{HOSTILE}"}}
    assert_success(client.put("/api/mappings/customers", {**MAPPING, "fields": fields}, format="json"))
    browser = visit(world.ed)
    page = browser.get(STUDIO).content.decode()
    assert "<script>alert" not in page
    assert Outline(page).check() == []
    assert _document(page)["fields"]["note"]["value"] == f"</script></textarea>{HOSTILE}"
    columns = browser.get(f"{STUDIO}/columns", {"source": "crm", "table": "odd"})
    assert columns["Content-Type"] == "application/json"
    assert columns.json()["columns"][0]["name"] == HOSTILE


def test_studio__of_a_table_without_a_mapping__begins_with_what_was_chosen(
    world: World, visit: Visit
) -> None:
    lay_out(world)
    client = world.ed.client()
    table = {"name": "people", "columns": [{"name": "mail", "type": "email"}]}
    assert_success(client.post("/api/schemas/workspace/tables", table, format="json"), 201)
    browser = visit(world.ed)
    offered = browser.get("/w/production/mappings").content.decode()
    chosen = re.findall(r'<option value="([^"]+)">', offered)
    assert "crm/contacts" in chosen
    begun = browser.get("/w/production/new-mapping", {"table": "people", "from": "crm/contacts"})
    page = browser.get(begun["Location"]).content.decode()
    assert "A new mapping" in page
    document = _document(page)
    assert document["inputs"] == [{"alias": "s", "source": "crm", "table": "contacts"}]
    assert document["fields"] == {"mail": {"type": "direct", "source": "s.mail"}}
    later = browser.get("/w/production/new-mapping", {"table": "people", "from": ""})
    empty = _document(browser.get(later["Location"]).content.decode())
    assert empty == {"table_name": "people", "inputs": [], "fields": {}}
    assert browser.get("/w/production/new-mapping")["Location"] == "/w/production/mappings"
    assert 'name="from"' not in visit(world.vera).get("/w/production/mappings").content.decode()


def test_check__of_a_document__names_the_place_of_a_fault(world: World, visit: Visit) -> None:
    lay_out(world)
    client = visit(world.ed)
    good = client.post(f"{STUDIO}/check", {"document": json.dumps(MAPPING)}).json()
    assert (good["valid"], good["unmapped"]) == (True, [])
    wrong = _changed(email={"type": "direct", "source": "c.nothing"})
    faults = client.post(f"{STUDIO}/check", {"document": wrong}).json()["errors"]
    assert faults[0]["field"].startswith("fields.email")
    assert "nothing" in faults[0]["message"]


@pytest.mark.parametrize("document", ["{", "[]", "", "null"])
def test_questions__with_a_document_that_is_none__answer_in_json(
    world: World, visit: Visit, document: str
) -> None:
    lay_out(world)
    client = visit(world.ed)
    for question in ("save", "preview"):
        answer = client.post(f"{STUDIO}/{question}", {"document": document, "version": "1"})
        assert 400 <= answer.status_code < 500, (question, answer.status_code)
        assert answer.json()["message"]
    assert assert_success(world.ed.client().get("/api/mappings/customers"))["version"] == 1


def test_save__of_a_change__is_a_new_version_and_of_an_old_one_a_conflict(world: World, visit: Visit) -> None:
    lay_out(world)
    client = visit(world.ed)
    spent = {"type": "constant", "value": 3}
    body = {"document": _changed(spent=spent), "version": "1"}
    assert client.post(f"{STUDIO}/save", body).json() == {"version": 2}
    late = client.post(f"{STUDIO}/save", {**body, "document": json.dumps(MAPPING)})
    assert (late.status_code, late.json()["error_code"]) == (422, "VERSION_CONFLICT")
    stored = assert_success(world.ed.client().get("/api/mappings/customers"))
    assert (stored["version"], stored["fields"]["spent"]) == (2, spent)


def test_save__of_a_new_mapping_that_somebody_else_made__overwrites_nothing(
    world: World, visit: Visit
) -> None:
    lay_out(world)
    late = visit(world.ed).post(f"{STUDIO}/save", {"document": json.dumps(MAPPING), "version": "0"})
    assert (late.status_code, late.json()["error_code"]) == (422, "VERSION_CONFLICT")


def test_save__of_a_fault__is_told_at_its_field_and_keeps_the_old_one(world: World, visit: Visit) -> None:
    lay_out(world)
    wrong = _changed(email={"type": "expression", "expression": "uper(c.mail)"})
    answer = visit(world.ed).post(f"{STUDIO}/save", {"document": wrong, "version": "1"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "fields.email"
    assert assert_success(world.ed.client().get("/api/mappings/customers"))["version"] == 1


def test_save__by_who_may_not__is_refused(world: World, visit: Visit) -> None:
    lay_out(world)
    body = {"document": json.dumps(MAPPING), "version": "1"}
    refused = visit(world.vera).post(f"{STUDIO}/save", body)
    assert (refused.status_code, refused.json()["error_code"]) == (403, "PERMISSION_DENIED")
    assert visit(world.max).post(f"{STUDIO}/save", body).status_code == 403
    assert Client().post(f"{STUDIO}/save", body)["Location"] == "/login"
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = visit(world.ed).cookies
    assert strict.post(f"{STUDIO}/save", body).status_code == 403
    assert visit(world.ed).get(f"{STUDIO}/save").status_code == 405


def test_preview__of_a_document_that_is_not_saved__shows_its_effect(world: World, visit: Visit) -> None:
    lay_out(world)
    document = _changed(
        spent={"type": "constant", "value": 3},
        email={"type": "expression", "expression": "coalesce(nullif(trim(c.mail), ''), 'no@example.org')"},
    )
    answer = visit(world.ed).post(f"{STUDIO}/preview", {"document": document})
    part = answer.json()["part"]
    assert "<code>spent</code> changes in 2 of 2 rows" in part
    assert "1 no longer rejected: null not allowed" in part
    assert "invalid email" in part
    assert answer.json()["examples"]["customer_id"][0] == {"before": {"c.contact_id": "1"}, "after": "1"}
    assert assert_success(world.ed.client().get("/api/mappings/customers"))["version"] == 1


def test_preview__of_a_fault__names_its_field(world: World, visit: Visit) -> None:
    lay_out(world)
    wrong = _changed(email={"type": "direct", "source": "c.nothing"})
    answer = visit(world.ed).post(f"{STUDIO}/preview", {"document": wrong})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"].startswith("fields.email")


def test_sql__of_a_field_that_is_not_saved__is_that_of_the_document(world: World, visit: Visit) -> None:
    lay_out(world)
    document = _changed(email={"type": "expression", "expression": "upper(c.mail)"})
    answer = visit(world.ed).post(f"{STUDIO}/sql", {"document": document, "field": "email"})
    assert "upper(" in answer.json()["sql"].lower()


def test_columns__of_what_can_be_read__come_with_types_and_values(world: World, visit: Visit) -> None:
    lay_out(world)
    cte = {"name": "mails", "sql": "SELECT mail, count(*) AS times FROM crm.contacts GROUP BY mail"}
    assert_success(world.ed.client().post("/api/ctes", cte, format="json"), 201)
    client = visit(world.ed)
    contacts = client.get(f"{STUDIO}/columns", {"source": "crm", "table": "contacts"}).json()["columns"]
    assert contacts[0] == {"name": "contact_id", "type": contacts[0]["type"], "samples": ["1", "2", "3"]}
    mails = client.get(f"{STUDIO}/columns", {"cte": "mails"}).json()["columns"]
    assert [each["name"] for each in mails] == ["mail", "times"]
    own = client.get(f"{STUDIO}/columns", {"target": "customers"}).json()["columns"]
    assert [each["name"] for each in own] == ["customer_id", "email", "spent", "joined_on"]
    for asked in ({"source": "crm", "table": "no"}, {"source": "no", "table": "x"}, {"cte": "no"}, {}):
        answer = client.get(f"{STUDIO}/columns", asked)
        assert (answer.status_code, bool(answer.json()["message"])) == (404, True), asked


def test_tables__of_a_source__are_named(world: World, visit: Visit) -> None:
    lay_out(world)
    source = assert_success(world.ed.client().get("/api/sources"))[0]["id"]
    client = visit(world.ed)
    assert client.get(f"{STUDIO}/tables", {"source": source}).json() == {"tables": ["contacts"], "total": 1}
    assert client.get(f"{STUDIO}/tables", {"source": "src_nothing"}).status_code == 404


def test_suggestions__asked_for_and_rejected__are_not_made_again(world: World, visit: Visit) -> None:
    lay_out(world)
    document = {**MAPPING, "fields": {"customer_id": MAPPING["fields"]["customer_id"]}}
    assert_success(world.ed.client().put("/api/mappings/customers", document, format="json"))
    client = visit(world.ed)
    states = {each["field"]: each for each in client.post(f"{STUDIO}/suggest").json()["states"]}
    offered = states["email"]["suggestion"]
    assert offered["columns"] == ["mail"]
    after = client.post(f"{STUDIO}/suggest/{offered['id']}").json()["states"]
    assert {each["field"]: each for each in after}["email"]["suggestion"] is None
    again = client.post(f"{STUDIO}/suggest/{offered['id']}")
    assert (again.status_code, again.json()["error_code"]) == (422, "SUGGESTION_DECIDED")
    assert visit(world.vera).post(f"{STUDIO}/suggest").status_code == 403
