"""Numbers for Prometheus at `/metrics`: a modest set of our own, and what the apps add.

An app adds numbers by a callable in `settings.METRIC_COLLECTORS` that returns metric families. Labels are
routes, methods and states, never ids: their number must not grow with the data.
"""

import hmac
import ipaddress
import logging
import os
import time
from collections.abc import Callable, Iterable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.module_loading import import_string
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from datalinx.version import __version__

_log = logging.getLogger(__name__)

_REQUESTS = CollectorRegistry()
REQUESTS = Counter(
    "datalinx_http_requests_total", "Answers given.", ["method", "route", "status"], registry=_REQUESTS
)
SECONDS = Histogram(
    "datalinx_http_request_seconds", "Seconds until an answer began.", ["method", "route"], registry=_REQUESTS
)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class MetricsMiddleware:
    """Count each answer by its route."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        response = self.get_response(request)
        # A route, not a path: what a stranger types must not become a label.
        route = request.resolver_match.route if request.resolver_match else "unknown"
        method = request.method if request.method in _METHODS else "other"
        REQUESTS.labels(method, route, response.status_code).inc()
        SECONDS.labels(method, route).observe(time.perf_counter() - started)
        return response


class _OfThisMoment(Collector):
    """What is read when it is asked for: the parts that are ready, the processes that live, the apps' numbers."""

    def collect(self) -> Iterable[Metric]:
        from datalinx import health, heartbeat

        build = GaugeMetricFamily("datalinx_build_info", "The version that runs.", labels=["version"])
        build.add_metric([__version__], 1)
        ready = GaugeMetricFamily("datalinx_ready", "1 when the part is ready.", labels=["part"])
        for part, state in health.look().items():
            ready.add_metric([part], 1 if state == health.OK else 0)
        alive = GaugeMetricFamily(
            "datalinx_processes", "Processes that gave a sign of life.", labels=["role"]
        )
        for role in ("worker", "scheduler"):
            alive.add_metric([role], len(heartbeat.living(role)))
        yield from (build, ready, alive)
        complete = GaugeMetricFamily(
            "datalinx_metrics_complete", "0 when an app's numbers are missing here; the log says why."
        )
        missing = 0
        for path in settings.METRIC_COLLECTORS:
            try:
                yield from list(import_string(path)())
            except Exception as error:  # A database that is away must not hide what tells of it.
                _log.warning("The numbers of %s are missing: %s", path, error)
                missing += 1
        complete.add_metric([], 0 if missing else 1)
        yield complete


def metrics(request: HttpRequest) -> HttpResponse:
    """Answer with all numbers, to who holds the token; without a token set, to this machine alone."""
    refusal = _refusal(request)
    if refusal is not None:
        return refusal
    registry = CollectorRegistry()
    registry.register(_OfThisMoment())
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the package has no types
        text = generate_latest(registry)
    else:
        text = generate_latest(registry) + generate_latest(_REQUESTS)
    return HttpResponse(text, content_type=CONTENT_TYPE_LATEST)


def _refusal(request: HttpRequest) -> HttpResponse | None:
    token = settings.METRICS_TOKEN
    if token:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if hmac.compare_digest(given.encode(), token.encode()):
            return None
        answer = HttpResponse(
            "Send the token as `Authorization: Bearer …`.\n", status=401, content_type="text/plain"
        )
        answer["WWW-Authenticate"] = "Bearer"
        return answer
    if _is_local(request):
        return None
    message = "Without DATALINX_METRICS_TOKEN, numbers are given to this machine alone.\n"
    return HttpResponse(message, status=403, content_type="text/plain")


def _is_local(request: HttpRequest) -> bool:
    # A proxy on this machine speaks for the whole world: what it passes on is not local.
    if any(name in request.headers for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP")):
        return False
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False
