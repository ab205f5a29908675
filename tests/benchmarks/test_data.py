"""The generator plants what it says it plants, and the same every time."""

import csv
from pathlib import Path

import duckdb
import pytest

from benchmarks import data

ROWS = 1_000


@pytest.fixture(scope="module")
def orders(tmp_path_factory: pytest.TempPathFactory) -> data.Orders:
    return data.generate(tmp_path_factory.mktemp("generated"), ROWS)


def records(orders: data.Orders) -> list[dict[str, str]]:
    with orders.orders.open(newline="") as opened:
        return list(csv.DictReader(opened))


def faults(orders: data.Orders) -> list[list[str]]:
    found = duckdb.sql(f"SELECT faults FROM read_parquet('{orders.planted}')").fetchall()
    return [row[0] for row in found]


def looks_wrong(record: dict[str, str]) -> list[str]:
    """What somebody who looks at a record would call wrong in it, by rules that are not the generator's."""
    email, phone, amount = record["email"].strip(), record["phone"], record["amount"].strip()
    wrong = []
    if email and ("@" not in email or not email.partition("@")[0] or "." not in email.partition("@")[2]):
        wrong.append("email")
    if phone and len([each for each in phone if each.isdigit()]) < 10:
        wrong.append("phone")
    if amount.count(".") > 1 or not any(each.isdigit() for each in amount):
        wrong.append("amount")
    if record["ordered_on"] == "31/02/2024" or not record["ordered_on"][0].isdigit():
        wrong.append("ordered_on")
    if record["country"] not in data.COUNTRIES:
        wrong.append("country")
    return wrong


def test_generate__any_size__writes_so_many_records(orders: data.Orders) -> None:
    assert len(records(orders)) == len(faults(orders)) == ROWS


def test_generate__each_record__has_exactly_the_faults_that_were_planted(orders: data.Orders) -> None:
    assert [looks_wrong(record) for record in records(orders)] == faults(orders)


def test_generate__every_kind_of_fault__is_planted(orders: data.Orders) -> None:
    assert {field for each in faults(orders) for field in each} == {field for _, field, _ in data.FAULTS}


def test_generate__two_times__writes_the_same_bytes(orders: data.Orders, tmp_path: Path) -> None:
    again = data.generate(tmp_path, ROWS)
    assert again.orders.read_bytes() == orders.orders.read_bytes()


def test_generate__another_seed__plants_other_faults(orders: data.Orders, tmp_path: Path) -> None:
    assert faults(data.generate(tmp_path, ROWS, seed=2)) != faults(orders)


def test_generate__repeated_orders__are_told_apart_by_their_time(orders: data.Orders) -> None:
    versions = [(record["order_id"], record["updated_at"]) for record in records(orders)]
    assert len(set(versions)) == ROWS
    assert len({order for order, _ in versions}) < ROWS


def test_planted__counted_by_hand__is_the_ledger_of_a_right_run(orders: data.Orders) -> None:
    reasons = {field: reason for reason, field, _ in data.FAULTS}
    by_reason: dict[str, int] = {}
    valid = []
    for record in records(orders):
        wrong = looks_wrong(record)
        if wrong:
            by_reason[reasons[wrong[0]]] = by_reason.get(reasons[wrong[0]], 0) + 1
        else:
            valid.append(record["order_id"])
    inserted = len(set(valid))
    assert data.planted(orders) == data.Planted(
        read=ROWS,
        rejected=ROWS - len(valid),
        deduplicated=len(valid) - inserted,
        inserted=inserted,
        rejected_by_reason=by_reason,
    )
