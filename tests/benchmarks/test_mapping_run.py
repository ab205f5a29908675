"""The platform and the SQL by hand make the same of the generated orders: what was planted."""

from pathlib import Path

import pytest

from benchmarks import data
from benchmarks.home import Home
from benchmarks.mapping_run import ByPeer, Service
from benchmarks.measure import OutputDiffers
from benchmarks.peers import SQL_MAPPING
from tests.world import PASSWORD, World

ROWS = 1_000


@pytest.fixture
def home(world: World, tmp_path: Path) -> Home:
    return Home(tmp_path, PASSWORD, world.alice.user, world.alice.caller, world.workspace)


def test_b1__planted_faults__are_what_the_ledger_and_the_sql_by_hand_say(home: Home, tmp_path: Path) -> None:
    orders = data.generate(tmp_path, ROWS)
    service, by_hand = Service(home, orders), ByPeer(SQL_MAPPING, orders, tmp_path)
    service.once()
    by_hand.once()
    planted = data.planted(orders)
    service.require_planted(planted)
    assert service.outputs() == by_hand.outputs()
    assert service.outputs()["accepted"][0] == planted.inserted
    assert service.outputs()["rejected"][0] == planted.rejected


def test_b1__another_truth__is_refused(home: Home, tmp_path: Path) -> None:
    service = Service(home, data.generate(tmp_path, ROWS))
    service.once()
    with pytest.raises(OutputDiffers, match="planted was"):
        service.require_planted(data.planted(data.generate(tmp_path, ROWS, seed=2)))
