"""Versions of a table: each is written beside the last, none is changed, and only the pointer makes it the present."""

import time
from statistics import median

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datalinx.engine import lake
from datalinx.engine.storage import Storage
from datalinx.errors import Failed, Interrupted

from .conftest import COLUMNS, Workbench


def test_staged__any_storage__is_read_back_version_by_version(any_bench):
    bench = any_bench
    first = bench.replace(bench.rows(1, 2, 3))
    second = bench.append(bench.rows(4))
    old = next(file.key for file in bench.files() if file.rows == 3)
    third = bench.rewrite([old], bench.rows(2, 30))
    fourth = bench.replace(bench.rows(9))
    assert [bench.read(sequence=number) for number in (1, 2, 3, 4)] == [
        [1, 2, 3],
        [1, 2, 3, 4],
        [2, 4, 30],
        [9],
    ]
    assert [(s.sequence, s.rows, s.added_rows, s.removed_rows) for s in (first, second, third, fourth)] == [
        (1, 3, 3, 0),
        (2, 4, 1, 0),
        (3, 3, 2, 3),
        (4, 1, 1, 3),
    ]


def test_staged__before_the_pointer_moves__changes_nothing(bench):
    bench.replace(bench.rows(1, 2))
    before = {key: bench.storage.read_bytes(key, max_bytes=10**6) for key in bench.stored()}
    staged = bench.stage("replace", [bench.file(bench.rows(9))])
    assert bench.read() == [1, 2]
    assert {key: bench.storage.read_bytes(key, max_bytes=10**6) for key in before} == before
    bench.keep(staged)
    assert bench.read() == [9]


def test_staged__engine_files__are_moved_into_the_table(bench):
    path = bench.file(bench.rows(1), replace=True)
    bench.keep(bench.stage("replace", [path]))
    assert not path.exists()
    assert [key for key in bench.stored() if key.startswith("data/")] == [bench.files()[0].key]


def test_staged__file_without_rows__is_left_where_it_is(bench):
    path = bench.file(bench.rows())
    staged = bench.keep(bench.stage("replace", [path]))
    assert (staged.rows, bench.files(), bench.read()) == (0, [], [])
    assert path.exists()


def test_staged__nothing_at_all__is_a_version_still(bench):
    bench.replace(bench.rows(1))
    staged = bench.keep(bench.stage("append", [], run_id="run_empty"))
    assert (staged.sequence, staged.rows, bench.read()) == (2, 1, [1])
    assert lake.find_run(bench.storage, bench.base, "run_empty").sequence == 2


def test_staged__same_run_again__is_recognised(bench):
    bench.replace(bench.rows(1), run_id="run_a")
    bench.append(bench.rows(2), run_id="run_b")
    assert lake.find_run(bench.storage, bench.base, "run_a").sequence == 1
    assert lake.find_run(bench.storage, bench.base, "run_c") is None
    assert lake.find_run(bench.storage, None, "run_a") is None
    path = bench.file(bench.rows(3))
    with pytest.raises(Failed) as caught:
        bench.stage("append", [path], run_id="run_a")
    assert caught.value.code == "RUN_ALREADY_COMMITTED"
    assert path.exists()


def test_staged__two_on_one_base__stand_alone_and_one_can_win(bench):
    bench.replace(bench.rows(1))
    one = bench.stage("append", [bench.file(bench.rows(2))])
    two = bench.stage("append", [bench.file(bench.rows(3))])
    assert one.base_location == two.base_location == bench.base
    bench.keep(two)
    assert bench.read() == [1, 3]
    again = bench.keep(bench.stage("append", [bench.file(bench.rows(2))]))
    assert (bench.read(), again.rows) == ([1, 2, 3], 3)


def test_rewrite__of_a_file_that_is_not_there_any_more__starts_again(bench):
    bench.replace(bench.rows(1))
    [gone] = bench.files()
    bench.replace(bench.rows(2))
    with pytest.raises(Interrupted) as caught:
        bench.rewrite([gone.key], bench.rows(3))
    assert caught.value.code == "FILES_NOT_CURRENT"
    assert caught.value.transient


def test_rewrite__one_file_of_many__leaves_the_others_in_place(bench):
    for number in range(5):
        bench.append(bench.rows(number))
    before = {file.key for file in bench.files()}
    [target] = [file.key for file in bench.files(bounds=["id"]) if file.bounds["id"].lower == 3]
    bench.rewrite([target], bench.rows(3, 33))
    after = {file.key for file in bench.files()}
    assert before - after == {target}
    assert len(after - before) == 1
    assert bench.read() == [0, 1, 2, 3, 4, 33]


def test_staging__that_breaks_off__leaves_the_table_as_it_was(bench, monkeypatch):
    bench.replace(bench.rows(1))
    for failing in range(1, 6):
        calls = iter(range(100))

        def put(self, key, *args, failing=failing, calls=calls, real=Storage.put_bytes, **given):
            if next(calls) == failing - 1:
                raise OSError("the power went")
            return real(self, key, *args, **given)

        with monkeypatch.context() as patched:
            patched.setattr(Storage, "put_bytes", put)
            try:
                bench.stage("replace", [bench.file(bench.rows(2))])
            except OSError:
                pass
            else:
                break
        assert bench.read() == [1]
    # Two manifests, a manifest list and a metadata file are written, and each of them was made to fail.
    assert failing == 5
    assert bench.keep(bench.stage("replace", [bench.file(bench.rows(2))])).sequence == 2
    assert bench.read() == [2]


def test_history__of_many_replacements__does_not_pile_up_manifests(bench):
    for number in range(8):
        bench.replace(bench.rows(number))
    manifests = [key for key in bench.stored() if "-m" in key]
    # Each version lists what it added and what it removed, and nothing of those before.
    assert len(manifests) == 8 + 7
    assert bench.read() == [7]


def test_commit__in_a_living_process__takes_less_than_a_third_of_a_second(bench):
    lake.load()
    seconds = []
    for number in range(30):
        path = bench.file(bench.rows(*range(number * 100, number * 100 + 100)))
        begun = time.perf_counter()
        bench.keep(bench.stage("append", [path]))
        seconds.append(time.perf_counter() - begun)
    assert median(seconds) < 0.3


@given(data=st.data())
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_versions__any_sequence_of_changes__are_those_of_a_model(data, bench, tmp_path_factory):
    home = tmp_path_factory.mktemp("lake")
    storage = Storage.open(str(home / "files"), home / "cache").within("t")
    bench = Workbench(storage, home / "work", bench.connection)
    versions: list[list[int]] = []
    ids = st.lists(st.integers(0, 50), max_size=4)
    for _ in range(data.draw(st.integers(1, 6))):
        how = data.draw(
            st.sampled_from(["replace", "append", "rewrite", "restore"] if versions else ["replace"])
        )
        if how == "restore":
            chosen = data.draw(st.integers(1, len(versions)))
            bench.keep(lake.restore(bench.storage, bench.base, sequence=chosen, now=bench.now()))
            versions.append(versions[chosen - 1])
            continue
        added = data.draw(ids)
        removed, kept = _choose(data, bench, how, versions)
        given_ = {"remove": removed} if how == "rewrite" else {}
        bench.keep(bench.stage(how, [bench.file(bench.rows(*added))], **given_))
        versions.append(sorted([*kept, *added]))
    assert [bench.read(sequence=number + 1) for number in range(len(versions))] == versions
    assert [snapshot.rows for snapshot in lake.snapshots(bench.storage, bench.base)] == [
        len(rows) for rows in reversed(versions)
    ]


def _choose(data, bench, how, versions):
    """Return the keys of files to remove, and the rows that stay."""
    if how == "replace":
        return [], []
    if how == "append":
        return [], versions[-1]
    files = bench.files()
    removed = data.draw(st.lists(st.sampled_from(files), unique_by=lambda file: file.key)) if files else []
    paths = [bench.storage.local(file.key) for file in files if file not in removed]
    kept = bench.connection.execute(
        f"SELECT id FROM ({lake.relation_sql(COLUMNS_WITH_IDS, paths)})"
    ).fetchall()
    return [file.key for file in removed], [row[0] for row in kept]


COLUMNS_WITH_IDS = [
    lake.LakeColumn(column.name, column.type, field_id=number)
    for number, column in enumerate(COLUMNS, start=1)
]
