"""How valid rows come into the stored table: full, append and merge, counted and with few files written again."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datalinx.engine.execute import DataFile, Guards, Limits
from datalinx.errors import Failed
from tests.engine.execute.conftest import LIMITS, Desk


def people(desk: Desk, *rows: Sequence[str | None], **load: Any) -> None:
    desk.csv("c", ["id", "name", "at"], rows)
    desk.target("id integer", "name string", "at date", key=["id"])
    desk.map({"id": "c.id", "name": "c.name", "at": "c.at"}, load=load)


ADA, BOB, CYD = ["1", "Ada", "2024-01-01"], ["2", "Bob", "2024-01-02"], ["3", "Cyd", "2024-01-03"]


def test_full__a_repeat__inserts_all_and_deletes_what_was_there(desk: Desk) -> None:
    people(desk, ADA, BOB, mode="full")
    first = desk.run()
    assert first.counts == {"read": 2, "inserted": 2}
    people(desk, ADA, BOB, CYD, mode="full")
    second = desk.run()
    assert second.counts == {"read": 3, "inserted": 3, "deleted": 2}
    assert second.result.removed_files == tuple(file.path for file in first.result.files)
    assert second.column("id") == [1, 2, 3]


def test_append__a_repeat__inserts_all_again(desk: Desk) -> None:
    people(desk, ADA, BOB, mode="append")
    desk.run()
    outcome = desk.run()
    assert outcome.counts == {"read": 2, "inserted": 2}
    assert outcome.result.removed_files == ()
    assert outcome.column("id") == [1, 1, 2, 2]


def test_merge__new_changed_and_equal_rows__are_told_apart(desk: Desk) -> None:
    people(desk, ADA, BOB, CYD, mode="merge")
    assert desk.run().counts == {"read": 3, "inserted": 3}
    people(desk, ADA, ["2", "Robert", "2024-01-02"], ["4", None, None], mode="merge")
    outcome = desk.run()
    assert outcome.counts == {"read": 3, "inserted": 1, "updated": 1, "unchanged": 1}
    assert outcome.column("name") == ["Ada", "Cyd", "Robert", None]


def test_merge__a_repeat__writes_nothing(desk: Desk) -> None:
    people(desk, ADA, ["2", None, None], mode="merge")
    first = desk.run()
    second = desk.run()
    assert second.counts == {"read": 2, "unchanged": 2}
    assert (second.result.files, second.result.removed_files) == ((), ())
    assert second.result.output_hash == first.result.output_hash


def test_merge__with_no_rows_stored__inserts_all(desk: Desk) -> None:
    people(desk, mode="merge")
    assert desk.run().counts == {}
    people(desk, ADA, mode="merge")
    assert desk.run().counts == {"read": 1, "inserted": 1}


def test_merge__keys_of_its_own__decide_instead_of_the_primary_key(desk: Desk) -> None:
    people(desk, ADA, BOB, mode="merge", keys=["name"])
    desk.run()
    people(desk, ["7", "Ada", "2024-01-01"], mode="merge", keys=["name"])
    outcome = desk.run()
    assert outcome.counts == {"read": 1, "updated": 1}
    assert outcome.column("id") == [2, 7]


def test_merge__missing_keys__are_equal(desk: Desk) -> None:
    people(desk, ["1", None, "2024-01-01"], mode="merge", keys=["name"])
    desk.run()
    people(desk, ["2", None, "2024-01-01"], mode="merge", keys=["name"])
    outcome = desk.run()
    assert outcome.counts == {"read": 1, "updated": 1}
    assert outcome.column("id") == [2]


def test_merge__repeated_merge_keys__are_rejected(desk: Desk) -> None:
    people(desk, ["1", "Ada", None], ["2", "Ada", None], BOB, mode="merge", keys=["name"])
    assert desk.run().counts == {"read": 3, "rejected": 2, "inserted": 1}


def test_merge__delete_missing__deletes_what_the_input_no_longer_has(desk: Desk) -> None:
    people(desk, ADA, BOB, CYD, mode="merge", delete_missing=True)
    desk.run()
    people(desk, ADA, ["3", "Cydney", "2024-01-03"], mode="merge", delete_missing=True)
    outcome = desk.run()
    assert outcome.counts == {"read": 2, "updated": 1, "unchanged": 1, "deleted": 1}
    assert outcome.column("name") == ["Ada", "Cydney"]


def test_merge__delete_missing__keeps_what_is_there_but_invalid(desk: Desk) -> None:
    people(desk, ADA, BOB, mode="merge", delete_missing=True)
    desk.run()
    people(desk, ADA, ["2", "Bob", "no date"], mode="merge", delete_missing=True)
    outcome = desk.run()
    assert outcome.counts == {"read": 2, "rejected": 1, "unchanged": 1}
    assert outcome.column("name") == ["Ada", "Bob"]


def test_merge__delete_missing__deletes_what_the_filter_drops(desk: Desk) -> None:
    people(desk, ADA, BOB, mode="merge", delete_missing=True)
    desk.run()
    desk.mapping["filter"] = "c.name <> 'Bob'"
    outcome = desk.run()
    assert outcome.counts == {"read": 2, "filtered": 1, "unchanged": 1, "deleted": 1}


def test_merge__several_stored_rows_of_a_key__become_one(desk: Desk) -> None:
    people(desk, ADA, mode="append")
    desk.run()
    desk.run()
    people(desk, ["1", "Adele", "2024-01-01"], mode="merge")
    outcome = desk.run()
    assert outcome.counts == {"read": 1, "updated": 1, "deleted": 1}
    assert outcome.column("name") == ["Adele"]


def test_merge__only_files_in_which_a_row_changes__are_written_again(desk: Desk) -> None:
    for start in (0, 100, 200):
        people(desk, *(([str(start + n), "x", None]) for n in range(100)), mode="append")
        desk.run()
    before = desk.stored.files
    people(desk, ["150", "changed", None], ["250", "x", None], ["999", "new", None], mode="merge")
    outcome = desk.run()
    assert outcome.counts == {"read": 3, "inserted": 1, "updated": 1, "unchanged": 1}
    assert outcome.result.removed_files == (before[1],)
    assert sum(file.rows for file in outcome.result.files) == 101
    assert len(outcome.rows) == 301


def test_merge__a_column_that_stored_files_lack__is_null_there(desk: Desk) -> None:
    people(desk, ADA, BOB, mode="merge")
    desk.run()
    desk.csv(
        "c",
        ["id", "name", "at", "city"],
        [["1", "Ada", "2024-01-01", "Paris"], ["2", "Bob", "2024-01-02", None]],
    )
    desk.target("id integer", "name string", "at date", "city string", key=["id"])
    desk.map({"id": "c.id", "name": "c.name", "at": "c.at", "city": "c.city"}, load={"mode": "merge"})
    outcome = desk.run()
    assert outcome.counts == {"read": 2, "updated": 1, "unchanged": 1}
    assert outcome.column("city") == ["Paris", None]


def test_rebuild__a_merge__replaces_the_table(desk: Desk) -> None:
    people(desk, ADA, BOB, mode="merge")
    desk.run()
    people(desk, ["2", "Robert", "2024-01-02"], mode="merge")
    outcome = desk.run(rebuild=True)
    assert outcome.counts == {"read": 1, "inserted": 1, "deleted": 2}
    assert outcome.column("name") == ["Robert"]


@pytest.mark.parametrize("mode", ["full", "append", "merge", "history"])
def test_run__given_field_ids__writes_them_into_the_files(desk: Desk, mode: str) -> None:
    people(desk, ADA, mode=mode)
    ids = {"id": 11, "name": 5, "at": 7, "valid_from": 20, "valid_to": 21}
    desk.run(field_ids=ids)
    people(desk, ["1", "Adele", "2024-01-01"], mode=mode)
    outcome = desk.run(field_ids=ids)
    for file in outcome.result.files:
        schema = pq.read_schema(file.path)
        found = {name: int(schema.field(name).metadata[b"PARQUET:field_id"]) for name in schema.names}
        assert found == {name: ids[name] for name in found}


def test_run__a_large_result__is_split_into_files_of_the_wanted_size(desk: Desk) -> None:
    rows = [[str(n), f"{n * 7919 % 1_000_003} {n * 104_729 % 999_983}", None] for n in range(300_000)]
    people(desk, *rows, mode="full")
    outcome = desk.run(limits=Limits(LIMITS.memory_bytes, 2, file_bytes=512 * 1024))
    assert len(outcome.result.files) > 1
    assert sum(file.rows for file in outcome.result.files) == 300_000


def test_merge__changes_of_close_keys_in_a_table_loaded_in_any_order__rewrite_few_files(desk: Desk) -> None:
    limits = Limits(LIMITS.memory_bytes, 2, file_bytes=256 * 1024)
    # Neighbours in the input are far from each other in the order of keys.
    keys = [number * 7919 % 300_000 for number in range(300_000)]
    people(desk, *([str(key), f"{key * 2654435761 % 2**32:x}", None] for key in keys), mode="merge")
    first = desk.run(limits=limits)
    files = first.result.files
    bounds = sorted((column["id"][0].as_py(), column["id"][-1].as_py()) for column in map(_ids, files))
    assert len(files) > 2
    assert all(earlier[1] < later[0] for earlier, later in pairwise(bounds))
    people(desk, *([str(key), "changed", None] for key in range(1_000, 2_000)), mode="merge")
    second = desk.run(limits=limits)
    assert second.counts == {"read": 1_000, "updated": 1_000}
    assert len(second.result.removed_files) == 1


def _ids(file: DataFile) -> pa.Table:
    return pq.read_table(file.path, columns=["id"])


@pytest.mark.parametrize(("share", "allowed"), [(0.5, True), (0.49, False), (None, True)])
@pytest.mark.parametrize("mode", ["full", "merge"])
def test_run__more_deleted_than_allowed__fails_and_names_the_share(
    desk: Desk, mode: str, share: float | None, allowed: bool
) -> None:
    load = {"mode": mode, **({"delete_missing": True} if mode == "merge" else {})}
    people(desk, ADA, BOB, **load)
    desk.run()
    people(desk, ADA, **load)
    if allowed:
        desk.run(guards=Guards(max_deleted_share=share))
        return
    with pytest.raises(Failed) as caught:
        desk.run(guards=Guards(max_deleted_share=share))
    assert caught.value.code == "MAX_DELETED_EXCEEDED"
    assert "1 of 2 rows" in caught.value.message


def test_run__an_empty_source__fails_unless_it_is_allowed(desk: Desk) -> None:
    people(desk, mode="full")
    with pytest.raises(Failed) as caught:
        desk.run(guards=Guards())
    assert caught.value.code == "EMPTY_SOURCE"
    outcome = desk.run(guards=Guards(empty_source="allow"))
    assert (outcome.counts, outcome.result.files) == ({}, ())
