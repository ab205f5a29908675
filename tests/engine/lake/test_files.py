"""A file that does not hold the table's columns is refused in a sentence, before anything is moved."""

import pytest

from datalinx.engine import lake
from datalinx.errors import Failed

IDS = {"id": 1, "name": 2, "amount": 3}
GOOD = "SELECT 1::BIGINT id, 'a' name, 1.5::DECIMAL(18, 2) amount"


def refused(bench, select: str, ids: dict[str, int]) -> Failed:
    bench.replace(bench.rows(1))
    before = bench.stored()
    good, bad = bench.file(bench.rows(2)), bench.file(select, ids=ids)
    with pytest.raises(Failed) as caught:
        bench.stage("append", [good, bad])
    assert good.exists()
    assert bad.exists()
    assert bench.stored() == before
    assert bench.read() == [1]
    assert "\n" not in caught.value.message
    assert len(caught.value.message) < 200
    return caught.value


@pytest.mark.parametrize(
    ("select", "ids", "field", "code"),
    [
        ("SELECT 1::BIGINT id, 'a' name, 1.5::DOUBLE amount", IDS, "amount", "column_type_differs"),
        ("SELECT 1::BIGINT id, 'a' name, 1.5::DECIMAL(18, 3) amount", IDS, "amount", "column_type_differs"),
        ("SELECT 1::INTEGER id, 'a' name, 1.5::DECIMAL(18, 2) amount", IDS, "id", "column_type_differs"),
        ("SELECT 1::BIGINT id, 1.5::DECIMAL(18, 2) amount", {"id": 1, "amount": 3}, "name", "column_missing"),
        (f"{GOOD}, 1 more", {**IDS, "more": 4}, "more", "column_unknown"),
        (GOOD, {"id": 1, "name": 3, "amount": 2}, "name", "column_type_differs"),
        (GOOD, {}, "id", "column_missing"),
        ("SELECT NULL::BIGINT id, 'a' name, 1.5::DECIMAL(18, 2) amount", IDS, "id", "null_not_allowed"),
    ],
)  # fmt: skip
def test_file__that_does_not_hold_the_columns__is_refused(bench, select, ids, field, code):
    error = refused(bench, select, ids)
    assert error.code == "SCHEMA_MISMATCH"
    assert (field, code) in {(fault.field, fault.code) for fault in error.errors}
    assert field in error.message


def test_file__that_is_no_parquet__is_refused(bench, tmp_path):
    path = tmp_path / "broken.parquet"
    path.write_bytes(b"PAR1 but not really")
    with pytest.raises(Failed) as caught:
        bench.stage("replace", [path])
    assert caught.value.code == "DATA_FILE_UNREADABLE"
    assert bench.stored() == set()


def test_file__columns_in_another_order_and_under_other_names__is_taken_by_id(bench):
    bench.columns = (lake.LakeColumn("a", "long"), lake.LakeColumn("b", "string"))
    bench.keep(bench.stage("replace", [bench.file("SELECT 'x' AS q, 1::BIGINT AS p", ids={"p": 1, "q": 2})]))
    assert bench.read('"a", "b"') == [(1, "x")]
