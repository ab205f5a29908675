"""Is it there, is it ready: `/healthz`, `/readyz` and the numbers, answered before anything else looks.

They need no login and no known host name, because load balancers have neither, and stand outside the envelope.
"""

import logging
from collections.abc import Callable
from typing import Any

from celery import current_app
from django.conf import settings
from django.core.cache import cache
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse

from datalinx import heartbeat
from datalinx.metrics import metrics

OK = "ok"
# What a web server alone needs to answer; the whole platform needs a worker too.
_WEB = ("database", "migrations", "cache", "broker")
_ALL = (*_WEB, "worker")

_log = logging.getLogger(__name__)
_migrated = False


class ProbeMiddleware:
    """Answer the probes at the door."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.probes = {"/healthz": healthz, "/readyz": readyz, "/metrics": metrics}

    def __call__(self, request: HttpRequest) -> HttpResponse:
        probe = self.probes.get(request.path_info)
        if probe is None:
            return self.get_response(request)
        if request.method not in {"GET", "HEAD"}:
            return HttpResponse(status=405, headers={"Allow": "GET, HEAD"})
        response = probe(request)
        response["Cache-Control"] = "no-store"
        # Django would log each 503 as an error, which a start that is watched for readiness is full of.
        response._has_been_logged = True  # type: ignore[attr-defined]  # Django's own mark
        return response


def healthz(request: HttpRequest) -> HttpResponse:
    """Answer 200: this process lives. Looks at nothing else, so that a database that is away restarts no web server."""
    return JsonResponse({"status": OK})


def readyz(request: HttpRequest) -> HttpResponse:
    """Answer 200 when all parts are ready, or with `?role=web` those that the web server needs; else 503."""
    parts = _WEB if request.GET.get("role") == "web" else _ALL
    found = look()
    ready = all(found[part] == OK for part in parts)
    return JsonResponse(
        {"status": "ready" if ready else "not_ready", "checks": found}, status=200 if ready else 503
    )


def look() -> dict[str, str]:
    """Return the state of each part: `ok`, or a sentence on what is wrong that gives no address away.

    The scheduler is told too, but decides nothing: what is asked for by hand runs without it.
    """
    return {"web": OK} | {part: _state(part, look_at) for part, look_at in _PARTS.items()}


def _state(part: str, look_at: Callable[[], str]) -> str:
    try:
        return look_at()
    except Exception as error:  # Whatever a driver raises means the same here: that part is away.
        _log.warning("The %s does not answer: %s", part, error)
        return f"The {part} does not answer."


def _database() -> str:
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute("SELECT 1")
    return OK


def _migrations() -> str:
    # Once they are all there they stay: reading them costs more than all the rest.
    global _migrated  # noqa: PLW0603
    if not _migrated:
        executor = MigrationExecutor(connections[DEFAULT_DB_ALIAS])
        missing = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
        if missing:
            return f"{missing} migrations are not applied."
        _migrated = True
    return OK


def _cache() -> str:
    cache.set("readyz", 1, timeout=10)
    return OK if cache.get("readyz") == 1 else "The cache forgets at once."


def _broker() -> str:
    with current_app.connection_for_write(connect_timeout=2) as connection:
        connection.ensure_connection(max_retries=0, timeout=2)
        if connection.transport.driver_type == "redis":
            # A connection is opened by its first command here, not before.
            channel: Any = connection.default_channel
            channel.client.ping()
    return OK


def _worker() -> str:
    served = {queue for each in heartbeat.living("worker") for queue in each.queues}
    missing = [queue for queue in settings.QUEUES if queue not in served]
    return f"No living worker takes from {', '.join(missing)}." if missing else OK


def _scheduler() -> str:
    return OK if heartbeat.living("scheduler") else "No living scheduler."


_PARTS: dict[str, Callable[[], str]] = {
    "database": _database,
    "migrations": _migrations,
    "cache": _cache,
    "broker": _broker,
    "worker": _worker,
    "scheduler": _scheduler,
}
