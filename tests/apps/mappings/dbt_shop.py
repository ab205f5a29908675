"""A workspace whose mappings the platform runs and dbt builds, so that the rows of both can be compared."""

import io
import os
import subprocess
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
from django.core.files.uploadedfile import SimpleUploadedFile

from apps.pipelines.models import StoredTable
from apps.pipelines.services.tables import table_files
from datalinx.engine.query.tables import table_select
from tests.resources import assert_success
from tests.world import World


class DbtShop:
    """A file source of this name, what is laid out over it, and the folder in which dbt builds the project."""

    def __init__(self, world: World, folder: Path, source: str) -> None:
        self.world, self.folder = world, folder
        self.client = world.ed.client()
        self.place = folder / "data" / source.replace("{", "_")
        self.place.mkdir(parents=True)
        body = {"name": source, "connector": "file"}
        self.source = assert_success(self.client.post("/api/sources", body, format="json"), 201)["id"]
        self.pipeline: dict[str, Any] = {}

    def upload(self, name: str, content: bytes) -> None:
        """Put a file into the source, and where dbt finds it; what it cannot read as a run does as Parquet."""
        body = {"file": SimpleUploadedFile(name, content)}
        url = f"/api/sources/{self.source}/upload"
        assert_success(self.client.post(url, body, format="multipart"), 201)
        (self.place / name).write_bytes(content)
        if name.endswith(".jsonl"):
            with duckdb.connect() as connection:
                rows = f"SELECT * FROM read_json('{self.place / name}')"
                copy = self.place / f"{Path(name).stem}.parquet"
                connection.execute(f"COPY ({rows}) TO '{copy}'")

    def lay_out(
        self, schema: dict[str, Any], mappings: Sequence[dict[str, Any]], *ctes: dict[str, str]
    ) -> None:
        """Make the schema, the blocks of SQL, the mappings, and a pipeline of all of them."""
        assert_success(self.client.put("/api/schemas/workspace", schema, format="json"), 201)
        for cte in ctes:
            assert_success(self.client.post("/api/ctes", cte, format="json"), 201)
        for mapping in mappings:
            assert_success(self.client.post("/api/mappings", mapping, format="json"), 201)
        # Files may become much smaller from one build to the next.
        guards = {"max_deleted_share": None}
        body = {"name": "all", "tables": [mapping["table_name"] for mapping in mappings], "guards": guards}
        self.pipeline = assert_success(self.client.post("/api/pipelines", body, format="json"), 201)

    def build(self) -> None:
        """Download the project and let dbt build it."""
        response = self.client.get("/api/mappings/dbt-project")
        with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
            archive.extractall(self.folder)
        done = subprocess.run(
            [os.environ["DATALINX_TEST_DBT"], "--no-use-colors", "build", "--profiles-dir", "."],
            cwd=self.folder,
            env={**os.environ, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "DO_NOT_TRACK": "1"},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]

    def rows(self, table: str) -> tuple[list[Any], list[Any]]:
        """The rows of a table, sorted: those of the platform, and those that dbt built."""
        files = table_files(StoredTable.objects.get(name=table))
        order = "ORDER BY ALL"
        copies = [self.folder / f"{side}.parquet" for side in ("ours", "theirs")]
        with duckdb.connect(str(self.folder / "warehouse.duckdb")) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            selects = (table_select(files), f'SELECT * FROM "{table}"')
            for copy, select in zip(copies, selects, strict=True):
                connection.execute(f"COPY (SELECT * FROM ({select}) {order}) TO '{copy}'")
        ours, theirs = (pq.read_table(copy) for copy in copies)
        assert ours.schema.names == theirs.schema.names
        assert [str(kind) for kind in ours.schema.types] == [str(kind) for kind in theirs.schema.types]
        return ours.to_pylist(), theirs.to_pylist()
