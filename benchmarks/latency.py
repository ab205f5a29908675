"""B6: a run of a thousand records, from POST to `success`, over a task that does nothing, embedded and with servers."""

import os
import shutil
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks import data, documents, servers
from benchmarks.home import Home
from benchmarks.measure import Comparison, Once, OutputDiffers, Reach, Taken, interleave, over_by
from benchmarks.no_op import NoOp
from benchmarks.orders import CACHE, OURS
from datalinx.client import Datalinx
from datalinx.demo.platform import platform

ROWS, ROUNDS = 1_000, 7
NO_OP = "Celery task that does nothing"
WITH_SERVERS, NO_OP_ON_REDIS = f"{OURS}, PostgreSQL and Redis", f"{NO_OP}, Redis"
# Ten a second is what the throttle lets a patient caller do; half of it, on average, is in our figure.
_POLL_SECONDS = 0.1


def compare(home: Home) -> Comparison:
    """Measure B6: processes of their own, over HTTP."""
    orders = data.generate(CACHE, ROWS)
    folder = Path(tempfile.mkdtemp(prefix="datalinx-bench-"))
    redis, postgresql = os.environ.get(servers.REDIS, ""), os.environ.get(servers.POSTGRESQL, "")
    pairs = {OURS: NO_OP}
    try:
        with ExitStack() as stack:
            contenders = _pair(stack, orders, folder / "embedded", pairs, OURS, {})
            if redis and postgresql:
                pairs[WITH_SERVERS] = NO_OP_ON_REDIS
                settings = {
                    "DATABASE_URL": stack.enter_context(servers.database(postgresql)),
                    "DATALINX_BROKER_URL": redis,
                    "DATALINX_CACHE_URL": redis,
                }
                contenders |= _pair(stack, orders, folder / "servers", pairs, WITH_SERVERS, settings)
            taken = interleave(contenders, rounds=ROUNDS)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    absent = f"not run: {servers.REDIS} and {servers.POSTGRESQL} do not both name a server"
    return Comparison(
        id="B6",
        title=f"a run of {ROWS:,} records, from POST to success",
        taken=taken,
        limit=NO_OP,
        against={WITH_SERVERS: NO_OP_ON_REDIS, NO_OP_ON_REDIS: NO_OP_ON_REDIS} if len(pairs) > 1 else {},
        reaches=[
            Reach(f"{ours}, seconds over the no-op", over_by(taken, ours, floor), 1.0)
            for ours, floor in pairs.items()
        ],
        absent={} if len(pairs) > 1 else {WITH_SERVERS: absent},
    )


def _pair(
    stack: ExitStack,
    orders: data.Orders,
    folder: Path,
    pairs: Mapping[str, str],
    ours: str,
    settings: Mapping[str, str],
) -> dict[str, Once]:
    """Start a platform and the worker that does nothing beside it, and return both, ready to begin."""
    messages = folder / "messages"
    messages.mkdir(parents=True)
    place = stack.enter_context(platform(folder / "home", settings=settings))
    broker = settings.get("DATALINX_BROKER_URL", str(messages))
    idle = stack.enter_context(NoOp(broker, messages).running())
    client = stack.enter_context(
        Datalinx(base_url=place.url, email=place.email, password=place.password),
    )
    room, pipeline = _furnish(client, orders)
    return {ours: lambda: Taken(_run(room, pipeline, orders)), pairs[ours]: lambda: Taken(idle.once())}


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
