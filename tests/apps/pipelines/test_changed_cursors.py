"""A cursor belongs to its column: another one begins from the beginning, or is refused where that would double rows."""

from typing import Any

import pytest

from apps.pipelines.models import StoredTable
from tests.apps.pipelines.test_restoring import HEAD, done, give, ids, line
from tests.journey import MAPPING, lay_out, run
from tests.resources import assert_success
from tests.world import World


def order_by(world: World, mode: str, cursor: str) -> None:
    load = {"mode": mode, "keys": ["customer_id"], "cursor": cursor}
    assert_success(world.ed.client().put("/api/mappings/customers", {**MAPPING, "load": load}, format="json"))


def lay(world: World, mode: str) -> dict[str, Any]:
    pipeline = lay_out(world, HEAD + line(1, 1) + line(2, 20))
    order_by(world, mode, "c.joined")
    done(world, pipeline)
    # Newer by its number, and not by its day.
    give(world, line(1, 1), line(2, 20), line(3, 3))
    return pipeline


@pytest.mark.parametrize("mode", ["merge", "history"])
def test_cursor__of_another_column_than_before__reads_from_the_beginning(world: World, mode: str) -> None:
    pipeline = lay(world, mode)
    order_by(world, mode, "c.contact_id")
    made = done(world, pipeline)
    assert (made["totals"]["read"], made["totals"]["inserted"], made["totals"]["unchanged"]) == (3, 1, 2)
    assert ids(world) == [1, 2, 3]
    assert StoredTable.objects.get().cursor == "3"
    assert done(world, pipeline)["totals"]["read"] == 0
    verified = world.ed.client().post(f"/api/runs/{made['id']}/verify")
    assert assert_success(verified, 201)["verify_of"] == made["id"]


def test_cursor__of_another_column_than_before__is_refused_of_an_append(world: World) -> None:
    pipeline = lay(world, "append")
    order_by(world, "append", "c.contact_id")
    made = run(world, pipeline)
    assert made["error"]["code"] == "INVALID_CURSOR"
    assert "full_refresh" in made["error"]["message"]
    assert ids(world) == [1, 2]
    made = run(world, pipeline, full_refresh=True)
    assert made["status"] == "success", made["error"]
    assert ids(world) == [1, 2, 3]
