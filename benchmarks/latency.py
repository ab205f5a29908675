"""B6: a run of a thousand records on an embedded platform, from POST to `success`, over a task that does nothing."""

import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import data, documents, no_op
from benchmarks.home import Home
from benchmarks.measure import Comparison, OutputDiffers, Reach, Taken, interleave, median
from benchmarks.orders import CACHE, OURS
from datalinx.client import Datalinx
from datalinx.demo.platform import platform

ROWS, ROUNDS = 1_000, 7
NO_OP = "Celery task that does nothing"
# Ten a second is what the throttle lets a patient caller do; half of it, on average, is in our figure.
_POLL_SECONDS = 0.1


def compare(home: Home) -> Comparison:
    """Measure B6: processes of their own, over HTTP."""
    orders = data.generate(CACHE, ROWS)
    folder = Path(tempfile.mkdtemp(prefix="datalinx-bench-"))
    try:
        with (
            platform(folder / "home") as place,
            no_op.worker(_made(folder / "messages")),
            Datalinx(base_url=place.url, email=place.email, password=place.password) as client,
        ):
            room, pipeline = _furnish(client, orders)
            contenders = {
                OURS: lambda: Taken(_run(room, pipeline, orders)),
                NO_OP: lambda: Taken(no_op.once(folder / "messages")),
            }
            taken = interleave(contenders, rounds=ROUNDS)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    seconds_over = median(taken[OURS]) - median(taken[NO_OP])
    return Comparison(
        id="B6",
        title=f"a run of {ROWS:,} records, from POST to success, embedded",
        taken=taken,
        limit=NO_OP,
        reaches=[Reach(f"{OURS}, seconds over the no-op", seconds_over, 1.0)],
    )


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def _furnish(client: Datalinx, orders: data.Orders) -> tuple[Any, str]:
    client.workspaces.create("benchmark")
    room: Any = client.workspace("benchmark")
    source = room.sources.create(name="shop", connector="file")
    room.sources.upload(source.id, orders.orders, orders.countries)
    room.schemas.put(documents.SCHEMA)
    room.mappings.put("orders", documents.MAPPING)
    return room, room.pipelines.create({"name": "nightly", "tables": ["orders"]}).id


def _run(room: Any, pipeline: str, orders: data.Orders) -> float:
    started = time.perf_counter()
    run = room.pipelines.run(pipeline)
    while run.status in {"queued", "running"}:
        time.sleep(_POLL_SECONDS)
        run = room.runs.get(run.id)
    seconds = time.perf_counter() - started
    if run.status != "success" or run.steps[0]["counts"]["inserted"] != data.planted(orders).inserted:
        raise OutputDiffers(f"the run ended as {run.status} with {run.steps}")
    return seconds
