"""Changed orders are few, right, newer than all others, and lie where they should."""

import csv
from pathlib import Path

import pytest

from benchmarks import changes, data

ROWS = 10_000


def written(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as opened:
        return list(csv.DictReader(opened))


@pytest.fixture(scope="module")
def orders(tmp_path_factory: pytest.TempPathFactory) -> data.Orders:
    return data.generate(tmp_path_factory.mktemp("generated"), ROWS)


@pytest.mark.parametrize(("together", "last"), [(True, ROWS // changes.ONE_PART_OF), (False, ROWS)])
def test_change__one_in_a_hundred__lies_where_it_should(
    orders: data.Orders, tmp_path: Path, *, together: bool, last: int
) -> None:
    path = tmp_path / "orders.csv"
    count = changes.change(orders, path, together=together, version=1)
    keys = [int(record["order_id"]) - data.FIRST_ORDER for record in written(path)]
    assert len(keys) == len(set(keys)) == count
    assert ROWS // changes.ONE_IN * 0.7 < count < ROWS // changes.ONE_IN * 1.3
    assert last * 0.8 < max(keys) < last


def test_change__next_version__is_of_the_same_orders_newer_and_different(
    orders: data.Orders, tmp_path: Path
) -> None:
    found = []
    for version in (1, 2):
        path = tmp_path / f"{version}.csv"
        changes.change(orders, path, together=False, version=version)
        found.append(written(path))
    for first, second in zip(*found, strict=True):
        assert first["order_id"] == second["order_id"]
        assert first["updated_at"] < second["updated_at"]
        assert first["amount"] != second["amount"]
    with orders.orders.open(newline="") as opened:
        assert max(record["updated_at"] for record in csv.DictReader(opened)) < found[0][0]["updated_at"]
