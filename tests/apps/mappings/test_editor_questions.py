"""What an editor of mappings asks of the API: decorators, columns of a CTE, the SQL of a field that is not saved."""

from tests.journey import MAPPING, lay_out
from tests.resources import assert_failure, assert_success
from tests.world import World

FIELD = "/api/mappings/customers/field-dbt/email"
CTE = {"name": "mails", "sql": "SELECT mail, count(*) AS times FROM crm.contacts GROUP BY mail"}


def test_decorators__for_whoever_is_known__come_with_the_schema_of_their_parameters(world: World) -> None:
    answer = world.max.client(None).get("/api/decorators", {"page_size": 200})
    found = {each["name"]: each for each in assert_success(answer)}
    assert found["trim"]["parameters"]["properties"] == {}
    assert found["replace"]["parameters"]["required"] == ["find"]
    assert "email" in found
    assert_failure(world.nobody(None).get("/api/decorators"), 401, "AUTHENTICATION_REQUIRED")
    assert_failure(world.ed.client(None).get("/api/decorators?x=1"), 422, "UNKNOWN_PARAMETER")


def test_decorators__of_another_organization__are_not_shown(world: World) -> None:
    own = {"name": "member_number", "parent": "string"}
    assert_success(world.alice.client(None).post("/api/semantic-types", own, format="json"), 201)

    def names(client: object) -> set[str]:
        answer = client.get("/api/decorators", {"page_size": 200})  # type: ignore[attr-defined]  # a test client
        return {each["name"] for each in assert_success(answer)}

    assert "member_number" in names(world.ed.client(None))
    assert "member_number" not in names(world.eve.client(None))


def test_cte__asked_for_its_columns__names_them_with_their_types(world: World) -> None:
    lay_out(world)
    assert_success(world.ed.client().post("/api/ctes", CTE, format="json"), 201)
    columns = assert_success(world.vera.client().get("/api/ctes/mails/columns"))
    assert columns == [{"name": "mail", "type": "VARCHAR"}, {"name": "times", "type": "BIGINT"}]
    assert_failure(world.eve.client().get("/api/ctes/mails/columns"), 404, "CTE_NOT_FOUND")
    assert_failure(world.max.client().get("/api/ctes/mails/columns"), 403, "WORKSPACE_ACCESS_DENIED")


def test_cte__that_reads_a_target_table__has_its_columns(world: World) -> None:
    lay_out(world)
    cte = {"name": "people", "sql": "SELECT customer_id, spent FROM customers"}
    assert_success(world.ed.client().post("/api/ctes", cte, format="json"), 201)
    columns = assert_success(world.ed.client().get("/api/ctes/people/columns"))
    assert [(each["name"], each["type"]) for each in columns] == [
        ("customer_id", "INTEGER"),
        ("spent", "DECIMAL(18,2)"),
    ]


def test_field_sql__of_a_document_that_is_not_saved__is_that_of_the_document(world: World) -> None:
    lay_out(world)
    email = {"type": "expression", "expression": "upper(c.mail)"}
    document = {**MAPPING, "fields": {**MAPPING["fields"], "email": email}}
    client = world.vera.client()
    assert "upper(" in assert_success(client.post(FIELD, document, format="json"))["sql"].lower()
    assert "upper(" not in assert_success(client.get(FIELD))["sql"].lower()
    assert assert_success(client.post(FIELD, {}, format="json")) == assert_success(client.get(FIELD))


def test_field_sql__of_a_document_with_a_fault__names_the_place(world: World) -> None:
    lay_out(world)
    email = {"type": "expression", "expression": "uper(c.mail)"}
    document = {**MAPPING, "fields": {**MAPPING["fields"], "email": email}}
    answer = world.ed.client().post(FIELD, document, format="json")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "fields.email"
    assert_failure(world.eve.client().post(FIELD, {}, format="json"), 404, "MAPPING_NOT_FOUND")
    assert_failure(world.ed.client().post(FIELD, [], format="json"), 422, "VALIDATION_ERROR")
