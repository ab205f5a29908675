"""A record is looked up on the pages of its run and its table: the verdict, the reasons, and the way of its row."""

from collections.abc import Callable

import pytest
from django.test import Client

from tests.console.shop import open_shop
from tests.journey import CONTACTS, lay_out, run
from tests.world import World

Visit = Callable[..., Client]


def test_run__of_a_viewer__leads_to_the_look_up(world: World, visit: Visit) -> None:
    shop = open_shop(world)
    client = visit(world.vera)
    path = f"/w/production/runs/{shop.run['id']}"
    assert f"{path}/record" in client.get(path).content.decode()
    assert "Did this record go through" in client.get(f"{path}/record").content.decode()


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ("1", ["new", "ann@example.org", "It is not there."]),
        ("3", ["rejected", "contacts.csv:3", "invalid email"]),
        ("6", ["filtered", "the filter drops it", "which is as it was then"]),
        ("77", ["not in source", "No row of the source is this record"]),
    ],
)
def test_run_record__looked_up__says_what_became_of_it(
    world: World, visit: Visit, key: str, shown: list[str]
) -> None:
    shop = open_shop(world)
    page = visit(world.vera).get(f"/w/production/runs/{shop.run['id']}/record", {"key": key}).content.decode()
    assert all(words in page for words in shown), page


def test_run_record__what_is_looked_for__is_shown_as_text(world: World, visit: Visit) -> None:
    shop = open_shop(world)
    hostile = '"><script>alert(1)</script>'
    page = visit(world.vera).get(f"/w/production/runs/{shop.run['id']}/record", {"key": hostile})
    assert (page.status_code, "<script>alert" in page.content.decode()) == (200, False)


def test_record__of_an_unknown_column__is_refused_beside_the_form(world: World, visit: Visit) -> None:
    shop = open_shop(world)
    client, query = visit(world.vera), {"key": "1", "column": "emial"}
    for path in (f"/w/production/runs/{shop.run['id']}/record", "/w/production/tables/customers/record"):
        page = client.get(path, query)
        assert page.status_code == 422
        assert "emial" in page.content.decode()


def test_table_record__by_column__shows_the_row_and_its_history(world: World, visit: Visit) -> None:
    shop = open_shop(world)
    query = {"key": "Ann@example.org", "column": "email"}
    page = visit(world.vera).get("/w/production/tables/customers/record", query).content.decode()
    assert "It is in the table." in page
    assert f"/runs/{shop.run['id']}" in page


def test_record__of_a_stranger__is_not_there(world: World, visit: Visit) -> None:
    shop = open_shop(world)
    eve = visit(world.eve)
    for path in (f"/w/production/runs/{shop.run['id']}/record", "/w/production/tables/customers/record"):
        assert eve.get(path, {"key": "1"}).status_code == 404


def test_record__with_a_column_named_items__is_shown(world: World, visit: Visit) -> None:
    header, *rows = CONTACTS.splitlines()
    contacts = b"".join([header + b",items\n", *(row + b",some\n" for row in rows)])
    made = run(world, lay_out(world, contacts))
    for key in ("6", "5"):
        page = visit(world.vera).get(f"/w/production/runs/{made['id']}/record", {"key": key})
        assert "<dt>items</dt>" in page.content.decode()


def test_record__by_a_key_that_is_too_long__is_refused_and_no_other_is_shown(
    world: World, visit: Visit
) -> None:
    shop = open_shop(world)
    page = visit(world.vera).get(f"/w/production/runs/{shop.run['id']}/record", {"key": "1" * 2_001})
    assert (page.status_code, "at most 2,000 characters" in page.content.decode()) == (422, True)
