"""B1 with dbt-duckdb: the SQL by hand as models, one staged as a table, two written as Parquet."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.peers.answer import Work, answer
from benchmarks.peers.sql import accepted, read_csv, rejected, staged

_OPTIONS = {"compression": "zstd", "compression_level": "1"}


def prepare(work: Work) -> Callable[[], None]:
    """Write the project, let dbt parse it, and return what builds it."""
    folder = Path(work["accepted"]).parent / "dbt"
    for name, text in _project(work, folder).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (folder / "warehouse.duckdb").unlink(missing_ok=True)
    os.environ |= {"DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "DBT_LOG_PATH": str(folder / "logs")}
    from dbt.cli.main import dbtRunner

    place = ["--project-dir", str(folder), "--profiles-dir", str(folder)]

    def invoke(*arguments: str) -> None:
        done = dbtRunner().invoke([*arguments, *place])
        if not done.success:
            raise RuntimeError(f"dbt {arguments[0]} failed: {done.exception or done.result}")

    invoke("parse")
    return lambda: invoke("build")


def _project(work: Work, folder: Path) -> dict[str, str]:
    """The files of the project. What is JSON is YAML too."""
    output: dict[str, Any] = {
        "type": "duckdb",
        "path": str(folder / "warehouse.duckdb"),
        "threads": work["threads"],
        "settings": {
            "threads": work["threads"],
            "memory_limit": f"{work['memory_bytes']}B",
            "preserve_insertion_order": False,
        },
    }
    project = {"name": "orders", "version": "1.0.0", "profile": "orders", "model-paths": ["models"]}
    return {
        "dbt_project.yml": json.dumps(project),
        "profiles.yml": json.dumps({"orders": {"target": "dev", "outputs": {"dev": output}}}),
        "models/staged.sql": "{{ config(materialized='table') }}\n"
        + staged(read_csv(work["orders"]), read_csv(work["countries"])),
        "models/accepted.sql": _external(work["accepted"]) + accepted("{{ ref('staged') }}"),
        "models/rejected.sql": _external(work["rejected"]) + rejected("{{ ref('staged') }}"),
    }


def _external(location: str) -> str:
    return f"{{{{ config(materialized='external', location='{location}', options={_OPTIONS}) }}}}\n"


if __name__ == "__main__":
    answer(prepare, "dbt-core", "dbt-duckdb", "duckdb")
