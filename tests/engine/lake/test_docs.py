"""The page about reading the tables elsewhere: its very commands, run on a table that Datalinx wrote."""

import re
from pathlib import Path
from typing import Any

import pytest

from datalinx.engine import lake

PAGE = (Path(__file__).parents[3] / "docs" / "lake.md").read_text()
COLUMNS = (lake.LakeColumn("id", "long", required=True), lake.LakeColumn("spent", "decimal(18, 2)"))


def block(containing: str) -> str:
    """Return the one code block of the page that holds a text."""
    [found] = [each for each in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if containing in each]
    return str(found)


@pytest.fixture
def ground(bench: Any) -> dict[str, Any]:
    """What the page takes for given: the address of a table with three versions, the present one of three rows."""
    bench.columns = COLUMNS
    bench.replace("SELECT 7::BIGINT AS id, 99::DECIMAL(18, 2) AS spent")
    bench.replace("SELECT 1::BIGINT AS id, 9.5::DECIMAL(18, 2) AS spent")
    bench.append("SELECT unnest([2, 3])::BIGINT AS id, unnest([10, 20.25])::DECIMAL(18, 2) AS spent")
    # What a killed worker leaves is no version, and none of the page's ways shows it.
    bench.stage("append", [bench.file("SELECT 4::BIGINT AS id, 1::DECIMAL(18, 2) AS spent")])
    return {"metadata_location": bench.storage.uri(bench.base)}


def test_page__pyiceberg__gives_the_rows_of_the_present_version(ground: dict[str, Any]) -> None:
    code = block("StaticTable")
    # pandas is no part of this installation's tests; Arrow is read by the same scan.
    exec(code.replace(".to_pandas()", ".to_arrow()"), ground)  # the page's own words
    assert sorted(ground["frame"]["id"].to_pylist()) == [2, 3]


def test_page__pandas__gives_the_rows_of_the_present_version(ground: dict[str, Any]) -> None:
    pytest.importorskip("pandas")
    exec(block("StaticTable"), ground)  # the page's own words
    assert sorted(ground["frame"]["id"]) == [2, 3]


def test_page__plain_duckdb__reads_the_list_of_files(ground: dict[str, Any]) -> None:
    for part in ("StaticTable", "plan_files", "import duckdb"):
        code = block(part).replace(".to_pandas()", ".to_arrow()")
        if part == "import duckdb":
            [setting] = re.findall(r"after `(duckdb\.sql\(.*?\))`", PAGE)
            code = f"import duckdb\n{setting}\n{code}"
        exec(code, ground)  # the page's own words
    [(rows, spent)] = ground["rows"].fetchall()
    assert (rows, str(spent)) == (3, "39.75")
    assert len(ground["files"]) == 2
