"""B1 with SQLMesh on DuckDB: the SQL by hand as models of kind FULL, exported as Parquet."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.peers.answer import Work, answer
from benchmarks.peers.sql import accepted, copy, read_csv, rejected, staged

if TYPE_CHECKING:
    from sqlmesh import Context


def prepare(work: Work) -> Callable[[], None]:
    """Write the project, load it, set up its state, and return what plans and applies it."""
    folder = Path(work["accepted"]).parent / "sqlmesh"
    shutil.rmtree(folder, ignore_errors=True)
    models = {
        "staged": staged(read_csv(work["orders"]), read_csv(work["countries"])),
        "accepted": accepted("shop.staged"),
        "rejected": rejected("shop.staged"),
    }
    folder.joinpath("models").mkdir(parents=True)
    for name, select in models.items():
        text = f"MODEL (name shop.{name}, kind FULL);\n{select}"
        folder.joinpath("models", f"{name}.sql").write_text(text, encoding="utf-8")
    context = _context(work, folder)
    context.migrate()

    def do() -> None:
        context.plan(auto_apply=True, no_prompts=True)
        for name in ("accepted", "rejected"):
            context.engine_adapter.execute(copy(f"SELECT * FROM shop.{name}", work[name]))

    return do


def _context(work: Work, folder: Path) -> "Context":
    from sqlmesh import Context
    from sqlmesh.core.config import Config, DuckDBConnectionConfig, GatewayConfig, ModelDefaultsConfig

    connection = DuckDBConnectionConfig(
        database=str(folder / "warehouse.duckdb"),
        connector_config={
            "threads": work["threads"],
            "memory_limit": f"{work['memory_bytes']}B",
            "preserve_insertion_order": False,
        },
    )
    config = Config(
        gateways={"local": GatewayConfig(connection=connection)},
        default_gateway="local",
        model_defaults=ModelDefaultsConfig(dialect="duckdb", start="2024-01-01"),
        disable_anonymized_analytics=True,
    )
    return Context(paths=[str(folder)], config=config)


if __name__ == "__main__":
    answer(prepare, "sqlmesh", "duckdb")
