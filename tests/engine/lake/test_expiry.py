"""Old versions are let go of when told; a sweep takes what nobody names, and nothing else."""

from datetime import UTC, datetime, timedelta

import pytest

from datalinx.engine import lake
from datalinx.errors import NotFound

from .conftest import START

LATER = datetime.now(UTC) + timedelta(days=1)


def expire(bench, *, hours: float, keep: int = 1):
    return lake.expire(
        bench.storage, bench.base, before=START + timedelta(hours=hours), keep=keep, now=bench.now()
    )


def test_expire__old_versions__are_forgotten_and_then_swept(any_bench):
    bench = any_bench
    for number in range(4):
        bench.replace(bench.rows(number))
    bench.keep(expire(bench, hours=1.5))
    assert [snapshot.sequence for snapshot in lake.snapshots(bench.storage, bench.base)] == [4, 3]
    with pytest.raises(NotFound):
        bench.read(sequence=1)
    swept = lake.sweep(bench.storage, bench.base, before=LATER)
    assert swept.files > 0
    assert [bench.read(sequence=number) for number in (3, 4)] == [[2], [3]]
    assert sum(key.startswith("data/") for key in bench.stored()) == 2


def test_expire__present_version__is_never_forgotten(bench):
    bench.replace(bench.rows(1))
    assert expire(bench, hours=99) is None
    bench.replace(bench.rows(2))
    staged = bench.keep(expire(bench, hours=99, keep=0))
    assert (staged.sequence, staged.rows, bench.read()) == (2, 1, [2])
    assert bench.append(bench.rows(3)).sequence == 3


def test_expire__keeps_the_newest__whatever_their_age(bench):
    for number in range(5):
        bench.replace(bench.rows(number))
    bench.keep(expire(bench, hours=99, keep=3))
    assert [snapshot.sequence for snapshot in lake.snapshots(bench.storage, bench.base)] == [5, 4, 3]


def test_expire__file_that_a_kept_version_shares__stays(bench):
    bench.append(bench.rows(1))
    bench.append(bench.rows(2))
    bench.keep(expire(bench, hours=99))
    lake.sweep(bench.storage, bench.base, before=LATER)
    assert bench.read() == [1, 2]


def test_sweep__abandoned_stagings__takes_their_files_alone(bench):
    bench.replace(bench.rows(1))
    bench.append(bench.rows(2))
    named = bench.stored()
    bench.stage("append", [bench.file(bench.rows(3))])
    bench.stage("replace", [bench.file(bench.rows(4))])
    left = bench.stored() - named
    assert {found.key for found in lake.orphans(bench.storage, bench.base, before=LATER)} == left
    assert lake.sweep(bench.storage, bench.base, before=LATER).files == len(left)
    assert bench.stored() == named
    assert [bench.read(sequence=number) for number in (1, 2)] == [[1], [1, 2]]


def test_sweep__files_that_are_still_young__stay(bench):
    bench.replace(bench.rows(1))
    staged = bench.stage("append", [bench.file(bench.rows(2))])
    assert lake.sweep(bench.storage, bench.base, before=datetime.now(UTC) - timedelta(hours=1)) == lake.Sweep(
        0, 0
    )
    bench.keep(staged)
    assert bench.read() == [1, 2]


def test_sweep__table_that_never_had_a_version__is_emptied(bench):
    bench.stage("replace", [bench.file(bench.rows(1), replace=True)])
    lake.sweep(bench.storage, None, before=LATER)
    assert bench.stored() == set()


@pytest.mark.parametrize("version", [{"sequence": 1}, {"as_of": START}])
def test_version__that_was_let_go_of__is_said_to_be_expired(bench, version):
    for number in range(3):
        bench.replace(bench.rows(number))
    bench.keep(expire(bench, hours=99))
    with pytest.raises(NotFound, match="oldest version is 3") as caught:
        bench.read(**version)
    assert caught.value.code == "SNAPSHOT_EXPIRED"
    with pytest.raises(NotFound) as caught:
        bench.read(sequence=4)
    assert caught.value.code == "SNAPSHOT_NOT_FOUND"
