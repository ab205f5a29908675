"""Plain Spark, without any connector, reads a stored table by the list of its files, as the page of the docs says."""

import datetime as dt
import re
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pyiceberg.table import StaticTable

from datalinx.engine import lake
from datalinx.engine.storage import Storage

pytestmark = pytest.mark.spark

PAGE = (Path(__file__).parents[3] / "docs" / "lake.md").read_text()


@pytest.fixture
def plain_spark(spark: Any) -> Any:
    """A session without anything of ours, of the Spark that all tests share."""
    return spark.newSession()


def test_page__spark__reads_the_rows_of_the_present_version(plain_spark: Any, tmp_path: Path) -> None:
    storage = Storage.open(str(tmp_path / "files"), tmp_path / "cache").within("org/ws/lake/table")
    columns = (lake.LakeColumn("id", "long"), lake.LakeColumn("spent", "decimal(18, 2)"))
    base = None
    for number, values in enumerate(("[7]", "[1, 2]", "[3]")):
        path = tmp_path / f"{number}.parquet"
        plan = lake.plan_columns(storage, base, columns, replace=number < 2)
        ids = lake.copy_field_ids({column.name: column.field_id for column in plan})
        with duckdb.connect() as connection:
            connection.execute(
                f"COPY (SELECT unnest({values})::BIGINT AS id, 1.5::DECIMAL(18, 2) AS spent) TO '{path}' "
                f"(FORMAT parquet, {ids})"
            )
        stage = lake.stage_replace if number < 2 else lake.stage_append
        now = dt.datetime(2024, 1, 1 + number, tzinfo=dt.UTC)
        staged = stage(storage, base, columns=columns, add=[path], run_id=f"run_{number}", now=now)
        base = staged.metadata_location
    table = StaticTable.from_metadata(storage.uri(str(base)))
    [listing] = [each for each in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if "plan_files" in each]
    [reading] = [each for each in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if "spark.read" in each]
    ground: dict[str, Any] = {"table": table, "spark": plain_spark}
    exec(listing + reading, ground)  # the page's own words
    rows = sorted((row.id, str(row.spent)) for row in ground["frame"].collect())
    assert rows == [(1, "1.50"), (2, "1.50"), (3, "1.50")]
