"""What a person does with a run: within bounds, as a test, verified, its rejected rows rehearsed and replayed."""

import re
from collections.abc import Callable

from django.test import Client

from apps.pipelines.models import RunStep
from apps.pipelines.services.execution import execute_run
from tests.apps.pipelines.test_replays import mend
from tests.console.shop import open_shop
from tests.journey import SCHEMA
from tests.resources import assert_success
from tests.world import World

Visit = Callable[..., Client]


def _page(client: Client, path: str) -> str:
    """The words of a page, without tags, so that they can be compared."""
    text = re.sub(r"<[^>]+>", " ", client.get(path, follow=True).content.decode())
    return re.sub(r"\s+", " ", text)


def _done(location: str) -> str:
    """Do the work of a run that the console went to."""
    execute_run(location.rsplit("/", 1)[1])
    return location


def test_rejected_rows__rehearsed__tell_how_many_would_pass_and_stay(world: World, visit: Visit) -> None:
    shop = open_shop(world)
    mend(world)
    client = visit(world.ed)
    path = f"/w/production/runs/{shop.run['id']}"
    answer = client.post(f"{path}/replay", {"do": "rehearse", "table": "", "reason": ""})
    assert answer.status_code == 200
    assert "would pass under the present mapping" in answer.content.decode()
    assert "left the quarantine" not in _page(client, f"{path}/rejected")

    _done(client.post(f"{path}/replay", {"do": "replay"})["Location"])
    assert "left the quarantine since, by a replay" in _page(client, f"{path}/rejected")


def test_rejected_rows__of_an_unknown_table__are_refused_beside_the_form(world: World, visit: Visit) -> None:
    shop = open_shop(world)
    client = visit(world.ed)
    path = f"/w/production/runs/{shop.run['id']}/replay"
    answer = client.post(path, {"do": "rehearse", "table": "nothing"})
    assert answer.status_code == 422
    assert "nothing" in answer.content.decode()


def test_run_actions__of_a_viewer_and_a_stranger__are_neither_shown_nor_done(
    world: World, visit: Visit
) -> None:
    shop = open_shop(world)
    run, pipeline = f"/w/production/runs/{shop.run['id']}", f"/w/production/pipelines/{shop.pipeline}"
    viewer = visit(world.vera)
    for path in (run, f"{run}/rejected", pipeline, "/w/production/pipelines"):
        page = viewer.get(path).content.decode()
        assert not any(action in page for action in ("/replay", "/verify", 'name="since"')), path
    for path in (f"{run}/replay", f"{run}/verify", f"{pipeline}/run"):
        assert viewer.post(path, {"since": "2024-01-01"}).status_code == 403
        assert visit(world.eve).post(path).status_code == 404


def test_run__verified__shows_how_it_compares(world: World, visit: Visit) -> None:
    shop = open_shop(world)
    client = visit(world.ed)
    answer = client.post(f"/w/production/runs/{shop.run['id']}/verify")
    page = _page(client, _done(answer["Location"]))
    assert "Verification of customers equal" in page
    assert "The rows, as a hash equal" in page


def test_run__as_a_test__tells_what_would_change_and_publishes_nothing(world: World, visit: Visit) -> None:
    shop = open_shop(world)
    mend(world)
    client = visit(world.ed)
    answer = client.post(f"/w/production/pipelines/{shop.pipeline}/run", {"test_mode": "on"})
    page = _page(client, _done(answer["Location"]))
    assert "What it would change in customers" in page
    assert "publishes nothing" in page
    assert len(assert_success(world.ed.client().get("/api/tables/customers/snapshots"))) == 1


def test_run__with_bounds_that_are_none__keeps_what_was_typed_with_the_reason(
    world: World, visit: Visit
) -> None:
    shop = open_shop(world)
    client = visit(world.ed)
    for path in (f"/w/production/pipelines/{shop.pipeline}/run", "/w/production/run"):
        answer = client.post(path, {"since": "yesterday"})
        page = answer.content.decode()
        assert answer.status_code == 422
        assert 'value="yesterday"' in page
        assert 'aria-invalid="true"' in page


def test_run__of_columns_with_tests__shows_those_that_failed_first(world: World, visit: Visit) -> None:
    shop = open_shop(world)
    [customers] = SCHEMA["tables"]
    columns = [
        {**column, "tests": [{"test": "unique"}]} if column["name"] == "email" else column
        for column in customers["columns"]
    ]
    body = {**SCHEMA, "tables": [{**customers, "columns": columns}]}
    assert_success(world.ed.client().put("/api/schemas/workspace", body, format="json"))
    client = visit(world.ed)
    answer = client.post(f"/w/production/pipelines/{shop.pipeline}/run", {})
    page = _page(client, _done(answer["Location"]))
    assert "Tests" in page
    assert "customers. email unique passed" in page


def test_lineage__drawn__says_what_each_look_of_a_line_means(world: World, visit: Visit) -> None:
    open_shop(world)
    page = _page(visit(world.ed), "/w/production/mappings/customers/lineage")
    assert "Brings no value: decides which rows there are" in page


def test_preview__of_a_table_that_is_read__names_its_readers(world: World, visit: Visit) -> None:
    open_shop(world)
    page = _page(visit(world.ed), "/w/production/mappings/customers/preview")
    assert "Who reads this table" in page
    assert "all of them query unaffected" in page


def test_resync__of_one_table__reads_all_of_its_source_again(world: World, visit: Visit) -> None:
    shop = open_shop(world)
    client = visit(world.ed)
    for path in (f"/w/production/runs/{shop.run['id']}", "/w/production/tables/customers"):
        assert f"/runs/{shop.run['id']}/resync" in client.get(path).content.decode()
    answer = client.post(f"/w/production/runs/{shop.run['id']}/resync", {"table": "customers"})
    page = _page(client, _done(answer["Location"]))
    assert "from scratch" in page
    made = assert_success(world.ed.client().get(f"/api/runs/{answer['Location'].rsplit('/', 1)[1]}"))
    assert made["request"] == {"tables": ["customers"], "full_refresh": True}
    assert (made["status"], made["pipeline_id"]) == ("success", shop.pipeline)


def test_resync__of_an_unknown_table_a_viewer_and_a_stranger__is_refused(world: World, visit: Visit) -> None:
    shop = open_shop(world)
    path = f"/w/production/runs/{shop.run['id']}"
    client = visit(world.ed)
    assert client.post(f"{path}/resync", {"table": "nothing"})["Location"] == path
    assert "nothing" in _page(client, path)
    viewer = visit(world.vera)
    for page in (path, "/w/production/tables/customers"):
        assert "/resync" not in viewer.get(page).content.decode()
    assert viewer.post(f"{path}/resync", {"table": "customers"}).status_code == 403
    assert visit(world.eve).post(f"{path}/resync", {"table": "customers"}).status_code == 404


def test_run_page__of_a_run_with_history__tells_how_long_it_takes(world: World, visit: Visit) -> None:
    shop = open_shop(world)
    RunStep.objects.update(seconds=40)
    client = visit(world.ed)
    location = client.post(f"/w/production/pipelines/{shop.pipeline}/run", {})["Location"]
    assert "takes about 40 s, by its last run" in _page(client, location)
