"""The platform and the SQL by hand make the same of the generated orders: what was planted."""

from pathlib import Path

import pytest

from benchmarks import data
from benchmarks.home import Home
from benchmarks.measure import OutputDiffers
from benchmarks.orders import Agreement, ByPeer, Service, present_peers
from benchmarks.peers import POLARS_MAPPING, PYSPARK_MAPPING, SQL_MAPPING
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
    service.require_planted()
    assert service.outputs() == by_hand.outputs()
    assert service.outputs()["accepted"][0] == planted.inserted
    assert service.outputs()["rejected"][0] == planted.rejected


def test_b1__another_truth__is_refused(home: Home, tmp_path: Path) -> None:
    service = Service(home, data.generate(tmp_path, ROWS))
    service.once()
    with pytest.raises(OutputDiffers, match="planted was"):
        service.require_planted(data.planted(data.generate(tmp_path, ROWS, seed=2)))


def test_present_peers__one_that_is_not_asked_for__says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCH_PEERS", "sql")
    orders = data.generate(tmp_path, ROWS)
    present, absent = present_peers((SQL_MAPPING, POLARS_MAPPING), orders, tmp_path)
    assert list(present) == [SQL_MAPPING.name]
    assert absent == {POLARS_MAPPING.name: "not run: not asked for"}


def test_present_peers__program_that_is_not_there__is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    present, absent = present_peers((PYSPARK_MAPPING,), data.generate(tmp_path, ROWS), tmp_path)
    assert not present
    assert absent == {PYSPARK_MAPPING.name: "not run: no Java"}


def test_agreement__somebody_made_something_else__is_named_with_both_digests() -> None:
    made = {"us": {"accepted": (2, 7)}, "them": {"accepted": (2, 8)}}
    agreement = Agreement({name: lambda name=name: made[name] for name in made})
    agreement.check("us")
    with pytest.raises(OutputDiffers, match=r"accepted rows: us has \(2, 7\), them has \(2, 8\)"):
        agreement.check("them")
