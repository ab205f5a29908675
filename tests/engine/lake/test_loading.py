"""Importing the lake costs nothing: pyiceberg comes with its first use."""

import subprocess
import sys
from contextlib import closing

import duckdb
import pytest

from datalinx.engine import lake


def test_lake__imported__loads_no_pyiceberg():
    code = (
        "import sys\nfrom datalinx.engine import lake\nassert not [m for m in sys.modules if 'iceberg' in m]"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_lake__every_public_name__is_there():
    assert [name for name in lake.__all__ if getattr(lake, name, None) is None] == []
    with pytest.raises(AttributeError, match="no_such_name"):
        lake.no_such_name  # noqa: B018


def test_relation__table_without_files__has_typed_columns_and_no_rows():
    columns = [
        lake.LakeColumn("a", "decimal(18, 2)", field_id=1),
        lake.LakeColumn("at", "timestamptz", field_id=2),
    ]
    with closing(duckdb.connect()) as connection:
        found = connection.execute(f"DESCRIBE {lake.relation_sql(columns, [])}").fetchall()
    assert [(row[0], row[1]) for row in found] == [("a", "DECIMAL(18,2)"), ("at", "TIMESTAMP WITH TIME ZONE")]
