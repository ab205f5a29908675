"""CTEs in the console: made, changed, read by mappings, taken away."""

from collections.abc import Callable

from django.test import Client

from tests.console.test_pages import Outline
from tests.journey import MAPPING, lay_out
from tests.resources import assert_success
from tests.world import World

Visit = Callable[..., Client]
SQL = "SELECT mail, count(*) AS times FROM crm.contacts GROUP BY mail"
ROOM = "/w/production/ctes"


def _make(world: World) -> None:
    lay_out(world)
    assert_success(world.ed.client().post("/api/ctes", {"name": "mails", "sql": SQL}, format="json"), 201)


def _shown(client: Client, path: str) -> str:
    answer = client.get(path)
    page = answer.content.decode()
    assert (answer.status_code, Outline(page).check()) == (200, []), path
    return page


def test_cte__made_and_changed__shows_its_columns(world: World, visit: Visit) -> None:
    lay_out(world)
    client = visit(world.ed)
    assert "No CTE yet" in _shown(client, ROOM)
    assert "New CTE" in _shown(client, "/w/production/new-cte")
    made = client.post("/w/production/new-cte", {"name": "mails", "sql": SQL, "description": "By address"})
    assert made["Location"] == f"{ROOM}/mails"
    page = _shown(client, f"{ROOM}/mails")
    assert "<code>times</code>" in page
    body = {"sql": SQL.replace("times", "often"), "description": "By address", "version": "1"}
    assert client.post(f"{ROOM}/mails", body)["Location"] == f"{ROOM}/mails"
    assert "<code>often</code>" in _shown(client, f"{ROOM}/mails")
    assert "By address" in _shown(client, ROOM)


def test_cte__with_a_fault_or_an_old_version__is_told_and_kept_on_the_page(
    world: World, visit: Visit
) -> None:
    _make(world)
    client = visit(world.ed)
    wrong = client.post(f"{ROOM}/mails", {"sql": "SELECT nothing FROM crm.contacts", "version": "1"})
    page = wrong.content.decode()
    assert (wrong.status_code, "SELECT nothing FROM" in page, 'role="alert"' in page) == (422, True, True)
    late = client.post(f"{ROOM}/mails", {"sql": SQL, "version": "7"})
    assert (late.status_code, "at version 1" in late.content.decode()) == (422, True)
    taken = client.post("/w/production/new-cte", {"name": "mails; drop", "sql": SQL})
    assert (taken.status_code, 'value="mails; drop"' in taken.content.decode()) == (422, True)


def test_cte__that_a_mapping_reads__names_it_and_stays(world: World, visit: Visit) -> None:
    _make(world)
    inputs = [*MAPPING["inputs"], {"alias": "m", "cte": "mails"}]
    joins = [{"left": "c", "right": "m", "on": [["mail", "mail"]]}]
    document = {**MAPPING, "inputs": inputs, "joins": joins}
    assert_success(world.ed.client().put("/api/mappings/customers", document, format="json"))
    client = visit(world.ed)
    assert 'href="/w/production/mappings/customers"' in _shown(client, f"{ROOM}/mails")
    refused = client.post(f"{ROOM}/mails", {"do": "delete"})
    assert (refused.status_code, "customers" in refused.content.decode()) == (422, True)
    assert_success(world.ed.client().put("/api/mappings/customers", MAPPING, format="json"))
    assert client.post(f"{ROOM}/mails", {"do": "delete"})["Location"] == ROOM
    assert client.get(f"{ROOM}/mails").status_code == 404


def test_ctes__of_others__are_read_or_not_there(world: World, visit: Visit) -> None:
    _make(world)
    vera = visit(world.vera)
    assert "<textarea" not in _shown(vera, f"{ROOM}/mails")
    assert "GROUP BY mail" in _shown(vera, f"{ROOM}/mails")
    assert vera.post(f"{ROOM}/mails", {"sql": "SELECT 1 AS x"}).status_code == 403
    assert visit(world.max).get(ROOM).status_code == 403
    assert visit(world.eve).get(f"{ROOM}/mails").status_code == 404
    assert Client().get(ROOM)["Location"].startswith("/login")


def test_cte__with_hostile_text__is_shown_as_text(world: World, visit: Visit) -> None:
    lay_out(world)
    hostile = "</textarea><script>alert(1)</script>"
    body = {"name": "odd", "sql": f'SELECT mail AS "{hostile}" FROM crm.contacts', "description": hostile}
    assert_success(world.ed.client().post("/api/ctes", body, format="json"), 201)
    for path in (ROOM, f"{ROOM}/odd"):
        assert "<script>alert" not in _shown(visit(world.ed), path)
