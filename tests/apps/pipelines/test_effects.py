"""A preview of a changed mapping tells what the change does to the sample."""

from tests.apps.pipelines.test_replays import MENDED
from tests.journey import lay_out, run
from tests.resources import assert_success
from tests.world import World


def test_preview__of_a_change__tells_rejects_gained_and_lost_and_values_changed(world: World) -> None:
    lay_out(world)
    client = world.ed.client()
    url = "/api/mappings/customers/preview"
    assert assert_success(client.post(url, {}, format="json"))["effect"] is None
    changed = {**MENDED, "fields": {**MENDED["fields"], "joined_on": {"type": "direct", "source": "c.mail"}}}
    dates = {**MENDED, "fields": {**MENDED["fields"], "spent": {"type": "constant", "value": 7}}}
    found = assert_success(client.post(url, {"document": dates}, format="json"))["effect"]
    assert found == {
        "rejects_gained": {},
        "rejects_lost": {"invalid_email": 1, "null_not_allowed": 1, "cast_failed": 1},
        "compared": 2,
        "values_changed": {"spent": 1},
    }
    worse = assert_success(client.post(url, {"document": changed}, format="json"))["effect"]
    assert worse["rejects_gained"] == {"cast_failed": 2}


def test_preview__of_a_stored_table__tells_rows_that_are_new_and_values_that_change(world: World) -> None:
    pipeline = lay_out(world)
    client = world.ed.client()
    url = "/api/mappings/customers/preview"
    assert assert_success(client.post(url, {}, format="json"))["stored"] is None
    run(world, pipeline)
    same = assert_success(client.post(url, {}, format="json"))["stored"]
    assert (same["keys"], same["new"], same["changed"], same["unchanged"]) == (["customer_id"], 0, 0, 2)
    # Three more rows become valid, and of the two that are stored one has another amount.
    dates = {**MENDED, "fields": {**MENDED["fields"], "spent": {"type": "constant", "value": 7}}}
    found = assert_success(client.post(url, {"document": dates}, format="json"))["stored"]
    assert found == {
        "keys": ["customer_id"],
        "new": 3,
        "changed": 1,
        "unchanged": 1,
        "values_changed": {"spent": 1},
        "columns_added": [],
        "columns_removed": [],
    }
