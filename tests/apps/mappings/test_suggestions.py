"""Suggested fields: made from names and values, taken, changed, refused; and what state each column is in."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from tests.resources import assert_failure, assert_success
from tests.world import World

ONE = "/api/mappings/customers"
SCHEMA: dict[str, Any] = {
    "name": "shop",
    "tables": [
        {
            "name": "customers",
            "primary_key": ["customer_id"],
            "columns": [
                {"name": "customer_id", "type": "integer", "nullable": False},
                {"name": "email", "type": "email"},
                {"name": "birth_date", "type": "date"},
                {"name": "signed_up", "type": "date"},
                {"name": "lifetime_value", "type": "decimal", "precision": 18, "scale": 2},
                {"name": "loyalty_tier", "type": "string"},
            ],
        }
    ],
}
CONTACTS = b"ID,E-Mail,DOB,signup,lifetime value\n" + b"".join(
    b'%d,ann%d@example.org,%02d.12.1980,03/%02d/2024,"1.234,%02d"\n' % (n, n, n % 28 + 1, n % 12 + 1, n)
    for n in range(40)
)
WEATHER = b"station,temperature\nA,12\nB,13\n"


@pytest.fixture
def laid_out(world: World) -> World:
    """A schema and a source with two tables, of which one is about customers; no mapping."""
    client = world.ed.client()
    source = assert_success(
        client.post("/api/sources", {"name": "crm", "connector": "file"}, format="json"), 201
    )
    for name, content in (("contacts.csv", CONTACTS), ("weather.csv", WEATHER)):
        body = {"file": SimpleUploadedFile(name, content)}
        assert_success(client.post(f"/api/sources/{source['id']}/upload", body, format="multipart"), 201)
    assert_success(client.put("/api/schemas/workspace", SCHEMA, format="json"), 201)
    return world


def suggest(world: World, **body: str) -> dict[str, dict[str, Any]]:
    found = assert_success(world.ed.client().post(f"{ONE}/suggest", body, format="json"))
    return {entry["field"]: entry for entry in found}


def states(world: World) -> dict[str, str]:
    return {
        entry["field"]: entry["state"]
        for entry in assert_success(world.vera.client().get(f"{ONE}/suggestions"))
    }


def test_suggest__no_mapping_yet__finds_table_columns_and_how_to_read_them(laid_out: World) -> None:
    found = suggest(laid_out)

    offered = {name: entry["suggestion"] for name, entry in found.items()}
    assert {(each["source"], each["table"]) for each in offered.values() if each} == {("crm", "contacts")}
    assert offered["email"]["columns"] == ["E-Mail"]
    assert offered["email"]["proposal"]["decorators"] == [{"name": "email"}]
    assert offered["email"]["confidence"] > 0.95
    # The values decide how a date and a number are read.
    assert offered["birth_date"]["proposal"]["decorators"][0]["formats"] == ["%d.%m.%Y"]
    assert offered["lifetime_value"]["proposal"]["decorators"] == [{"name": "parse_number", "locale": "de"}]
    assert {"code": "values_fit", "message": "40 of 40 sampled values fit."} in offered["birth_date"][
        "reasons"
    ]
    assert offered["loyalty_tier"] is None
    assert found["loyalty_tier"]["state"] == "unmapped"


def test_suggest__day_and_month_could_be_exchanged__is_ambiguous_not_guessed(laid_out: World) -> None:
    entry = suggest(laid_out)["signed_up"]

    assert entry["state"] == "ambiguous"
    formats = [
        entry["suggestion"]["proposal"],
        *(each["proposal"] for each in entry["suggestion"]["alternatives"]),
    ]
    assert {each["decorators"][0]["formats"][0] for each in formats} >= {"%d/%m/%Y", "%m/%d/%Y"}
    assert "day_or_month" in [reason["code"] for reason in entry["suggestion"]["reasons"]]


def test_accept__first_one__makes_the_mapping_and_the_next_adds_to_it(laid_out: World) -> None:
    client = laid_out.ed.client()
    found = suggest(laid_out)

    for field in ("customer_id", "email"):
        row = assert_success(
            client.post(f"{ONE}/suggestions/{found[field]['suggestion']['id']}/accept", {}, format="json")
        )
        assert row["status"] == "accepted"

    mapping = assert_success(client.get(ONE))
    assert mapping["inputs"] == [{"alias": "contacts", "source": "crm", "table": "contacts"}]
    assert mapping["fields"]["email"] == found["email"]["suggestion"]["proposal"]
    assert mapping["version"] == 2
    assert states(laid_out) == {
        "customer_id": "mapped",
        "email": "mapped",
        "birth_date": "unmapped",
        "signed_up": "ambiguous",
        "lifetime_value": "unmapped",
        "loyalty_tier": "unmapped",
    }


def test_accept__changed__puts_what_was_sent_and_a_fault_leaves_it_open(laid_out: World) -> None:
    client = laid_out.ed.client()
    offered = suggest(laid_out)["signed_up"]["suggestion"]
    path = f"{ONE}/suggestions/{offered['id']}/accept"

    broken = {"field": {"type": "direct", "source": "contacts.nothing"}}
    assert_failure(client.post(path, broken, format="json"), 422, "UNKNOWN_COLUMN")
    own = {**offered["proposal"], "decorators": [{"name": "parse_date", "formats": ["%m/%d/%Y"]}]}
    assert_success(client.post(path, {"field": own}, format="json"))

    assert assert_success(client.get(ONE))["fields"]["signed_up"] == own
    assert_failure(client.post(path, {}, format="json"), 422, "SUGGESTION_DECIDED")


def test_reject__one__is_not_suggested_again(laid_out: World) -> None:
    client = laid_out.ed.client()
    offered = suggest(laid_out)["email"]["suggestion"]

    row = assert_success(client.post(f"{ONE}/suggestions/{offered['id']}/reject", format="json"))

    assert row["status"] == "rejected"
    again = suggest(laid_out)["email"]["suggestion"]
    assert again is None or again["columns"] != ["E-Mail"]
    path = f"{ONE}/suggestions/{offered['id']}/accept"
    assert_failure(client.post(path, {}, format="json"), 422, "SUGGESTION_DECIDED")


def test_accept__the_mapping_reads_something_else_by_now__is_outdated(laid_out: World) -> None:
    client = laid_out.ed.client()
    offered = suggest(laid_out)["email"]["suggestion"]
    other = {
        "inputs": [{"alias": "w", "source": "crm", "table": "weather"}],
        "fields": {"customer_id": {"type": "direct", "source": "w.temperature"}},
    }
    assert_success(client.put(ONE, other, format="json"), 201)

    path = f"{ONE}/suggestions/{offered['id']}/accept"
    assert_failure(client.post(path, {}, format="json"), 422, "SUGGESTION_OUTDATED")
    assert "email" not in assert_success(client.get(ONE))["fields"]


def test_states__a_column_went_away__is_an_error_with_its_sentence(laid_out: World) -> None:
    client = laid_out.ed.client()
    found = suggest(laid_out)
    assert_success(
        client.post(f"{ONE}/suggestions/{found['email']['suggestion']['id']}/accept", {}, format="json")
    )
    source = assert_success(client.get("/api/sources"))[0]
    body = {"file": SimpleUploadedFile("contacts.csv", b"ID,Phone\n1,+442079460958\n")}
    assert_success(client.post(f"/api/sources/{source['id']}/upload", body, format="multipart"), 201)

    entry = next(
        each
        for each in assert_success(client.get(f"{ONE}/suggestions?state=error"))
        if each["field"] == "email"
    )
    assert "E-Mail" in entry["errors"][0]["message"]


def test_suggest__a_table_by_name__looks_there_alone(laid_out: World) -> None:
    found = suggest(laid_out, source="crm", table="weather")
    tables = {entry["suggestion"]["table"] for entry in found.values() if entry["suggestion"]}
    assert tables <= {"weather"}
    client = laid_out.ed.client()
    missing = {"source": "crm", "table": "nothing"}
    assert_failure(client.post(f"{ONE}/suggest", missing, format="json"), 422, "UNKNOWN_INPUT")
    assert_failure(client.post(f"{ONE}/suggest", {"source": "crm"}, format="json"), 422, "VALIDATION_ERROR")
    assert_failure(client.post(f"{ONE}/suggest", {"colour": 1}, format="json"), 422, "UNKNOWN_FIELD")


def test_suggest__who_may__editors_and_nobody_else(laid_out: World) -> None:
    offered = suggest(laid_out)["email"]["suggestion"]
    accept = f"{ONE}/suggestions/{offered['id']}/accept"

    assert_failure(laid_out.vera.client().post(f"{ONE}/suggest", {}, format="json"), 403, "PERMISSION_DENIED")
    assert_failure(laid_out.vera.client().post(accept, {}, format="json"), 403, "PERMISSION_DENIED")
    assert_failure(
        laid_out.nobody().post(f"{ONE}/suggest", {}, format="json"), 401, "AUTHENTICATION_REQUIRED"
    )
    # The stranger has a workspace of the same name, and nothing in it.
    assert_failure(laid_out.eve.client().post(f"{ONE}/suggest", {}, format="json"), 422, "UNKNOWN_TABLE")
    assert_failure(laid_out.eve.client().post(accept, {}, format="json"), 404, "SUGGESTION_NOT_FOUND")
    assert_failure(laid_out.ed.client().get(f"{ONE}/suggestions?state=x"), 422, "VALIDATION_ERROR")
    assert_failure(
        laid_out.ed.client().post(f"{ONE}/suggestions/sug_0/reject", format="json"),
        404,
        "SUGGESTION_NOT_FOUND",
    )
