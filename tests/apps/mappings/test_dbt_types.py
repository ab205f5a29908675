"""Every decorator and every type in the exported dbt project: hostile texts become what they are on the platform."""

import io
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datalinx.engine.types.base import BASE_TYPES
from datalinx.engine.types.registry import TypeRegistry
from tests.apps.mappings.dbt_shop import DbtShop
from tests.engine.compile.chains import CHAINS
from tests.engine.spark.cases import COLUMNS, JSONS, TEXTS, rows
from tests.journey import run
from tests.world import World

pytestmark = pytest.mark.dbt

TYPES = TypeRegistry()
SEMANTIC = [kind for name in TYPES.names() if (kind := TYPES.semantic(name)) is not None]
CARRIED = {"t": pa.string(), "j": pa.string(), "n": pa.int64(), "d": pa.float64()}


def texts() -> list[str | None]:
    """What every type takes, refuses and brings into its form, and what is hard on all of them."""
    found: list[str | None] = [None, *TEXTS, *JSONS]
    for kind in (*BASE_TYPES.values(), *SEMANTIC):
        found += [*kind.examples, *kind.counter_examples]
    for kind in SEMANTIC:
        found += [raw for pair in kind.normalised for raw in pair]
    return list(dict.fromkeys(found))


def parquet(table: pa.Table) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()


def hard_rows() -> bytes:
    names = list(COLUMNS)
    given = [dict(zip(names, row, strict=True)) for row in rows()]
    columns = {name: pa.array([row[name] for row in given], kind) for name, kind in CARRIED.items()}
    return parquet(pa.table({"place": pa.array(range(len(given)), pa.int32()), **columns}))


def decorated(source: str, *steps: Any) -> dict[str, Any]:
    named = [{"name": step} if isinstance(step, str) else step for step in steps]
    return {"type": "decorated", "source": source, "decorators": named}


def table(name: str, given: str, fields: dict[str, tuple[str, dict[str, Any]]]) -> tuple[Any, Any]:
    """A target table with its mapping, whose rows are told apart by their place."""
    columns = [{"name": "place", "type": "integer"}]
    columns += [{"name": each, "type": kind} for each, (kind, _) in fields.items()]
    mapping = {
        "table_name": name,
        "inputs": [{"alias": "c", "source": "hard", "table": given}],
        "on_invalid": "null",
        "fields": {
            "place": {"type": "direct", "source": "c.place"},
            **{each: field for each, (_, field) in fields.items()},
        },
    }
    return {"name": name, "columns": columns}, mapping


def test_dbt_project__with_every_decorator_and_type__holds_the_values_of_the_platform(
    world: World, tmp_path: Path
) -> None:
    shop = DbtShop(world, tmp_path, "hard")
    found = texts()
    values = {"place": pa.array(range(len(found)), pa.int32()), "v": pa.array(found, pa.string())}
    shop.upload("texts.parquet", parquet(pa.table(values)))
    shop.upload("rows.parquet", hard_rows())
    direct = {"type": "direct", "source": "c.v"}
    tables = [
        table("casts", "texts", {f"as_{name}": (name, direct) for name in BASE_TYPES}),
        table("checks", "texts", {f"is_{kind.name}": (kind.name, direct) for kind in SEMANTIC}),
        table(
            "forms",
            "texts",
            {f"by_{kind.name}": (kind.name, decorated("c.v", kind.name)) for kind in SEMANTIC},
        ),
        table(
            "chains",
            "rows",
            {
                f"{name}_{number}": (kind, decorated(f"c.{source}", *chain))
                for name, chains in CHAINS.items()
                for number, (source, kind, chain) in enumerate(chains)
            },
        ),
    ]
    shop.lay_out({"name": "hard", "tables": [each for each, _ in tables]}, [each for _, each in tables])

    assert run(world, shop.pipeline)["status"] == "success"
    shop.build()
    for each, _ in tables:
        ours, theirs = shop.rows(each["name"])
        assert len(ours) == len(theirs) > 40
        # As texts, for what is no number is not equal to itself.
        wrong = [(one, other) for one, other in zip(ours, theirs, strict=True) if repr(one) != repr(other)]
        assert not wrong, each["name"]
