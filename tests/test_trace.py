"""Traces: read strictly, carried from a request into its run and on to webhooks, and told to a collector."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from apps.pipelines.models import Run
from apps.pipelines.services.execution import execute_next_run, execute_run
from apps.workspaces.models import Event
from apps.workspaces.services.deliveries import deliver_due
from apps.workspaces.services.webhooks import create_webhook
from datalinx import checks, logs, trace
from datalinx.celery import app
from datalinx.trace import carry, current_trace, current_trace_id, parse_traceparent, span
from tests.journey import lay_out
from tests.resources import assert_success
from tests.world import World

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
GIVEN = f"00-{TRACE_ID}-00f067aa0ba902b7-01"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (GIVEN, GIVEN),
        (f" {GIVEN} ", GIVEN),
        (GIVEN[:-2] + "00", GIVEN[:-2] + "00"),
        # Of the flags only `sampled` is known.
        (GIVEN[:-2] + "ff", GIVEN),
        # A later version may say more than is understood here.
        (f"cc{GIVEN[2:]}-what-the-future-brings", GIVEN),
        (GIVEN + "-more", ""),
        ("ff" + GIVEN[2:], ""),
        (GIVEN.upper(), ""),
        (f"00-{'0' * 32}-00f067aa0ba902b7-01", ""),
        (f"00-{TRACE_ID}-{'0' * 16}-01", ""),
        (GIVEN[:-1], ""),
        ("", ""),
        (f"{GIVEN}\r\nx-evil: 1", ""),
    ],
)
def test_traceparent__by_the_grammar__is_taken_or_left(text: str, found: str) -> None:
    assert parse_traceparent(text) == found


@given(st.text())
def test_traceparent__of_any_text__is_a_whole_one_or_none(text: str) -> None:
    found = parse_traceparent(text)
    assert not found or re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]", found)


def test_span__without_a_collector__carries_the_trace_on_and_puts_it_back() -> None:
    with span("outer", parent=GIVEN):
        with span("inner"):
            assert (current_trace(), current_trace_id()) == (GIVEN, TRACE_ID)
        with carry(""):
            assert current_trace() == ""
        assert current_trace() == GIVEN
    assert current_trace() == ""


def test_task__started_in_a_trace__goes_on_in_it_and_a_tick_in_none() -> None:
    seen: list[str] = []

    @app.task(name="tests.see_trace")
    def task() -> None:
        seen.append(current_trace())

    with carry(GIVEN):
        # What a tick does belongs to no trace, whatever its process did before.
        task()
    task.apply(headers={"datalinx_trace": GIVEN})
    task.apply(headers={"datalinx_trace": "nonsense"})
    assert seen == ["", GIVEN, ""]


def test_log_line__within_a_trace__names_it(caplog: pytest.LogCaptureFixture) -> None:
    import logging

    record = logging.makeLogRecord({"msg": "hello", "levelname": "INFO"})
    with carry(GIVEN):
        assert json.loads(logs.JsonFormatter().format(record))["trace_id"] == TRACE_ID
    assert "trace_id" not in json.loads(logs.JsonFormatter().format(record))


@pytest.fixture
def hooked(world: World, httpserver: HTTPServer, settings: Any) -> list[Request]:
    """A webhook that hears of ended runs; the requests that come to it."""
    settings.OUTBOUND_ALLOW_CIDRS = ("127.0.0.0/8",)
    requests: list[Request] = []

    def answer(request: Request) -> Response:
        requests.append(request)
        return Response(b"")

    httpserver.expect_request("/hook").respond_with_handler(answer)
    url = httpserver.url_for("/hook").replace("localhost", "127.0.0.1")
    create_webhook(
        workspace=world.workspace, actor=world.alice.caller, url=url, events=["pipeline.completed"]
    )
    return requests


def run_traced(world: World, header: str) -> str:
    pipeline = lay_out(world)
    response = world.ed.client().post(
        f"/api/pipelines/{pipeline['id']}/run", {}, format="json", headers={"traceparent": header}
    )
    run_id = str(assert_success(response, 201)["id"])
    execute_run(run_id)
    deliver_due()
    return run_id


def test_trace__of_a_request__goes_with_its_run_and_on_to_the_webhook(
    world: World, hooked: list[Request]
) -> None:
    run_id = run_traced(world, GIVEN)
    assert Run.objects.get(pk=run_id).trace == GIVEN
    assert {event.trace for event in Event.objects.filter(type__startswith="pipeline.")} == {GIVEN}
    (request,) = hooked
    assert request.headers["traceparent"] == GIVEN


def test_trace__that_is_none__is_not_sent_on(world: World, hooked: list[Request]) -> None:
    run_id = run_traced(world, "00-not-a-trace")
    assert Run.objects.get(pk=run_id).trace == ""
    (request,) = hooked
    assert "traceparent" not in request.headers


@pytest.mark.parametrize("own", [GIVEN, ""])
def test_trace__of_a_run_taken_up_by_a_worker_woken_for_another__is_its_own(world: World, own: str) -> None:
    pipeline = lay_out(world)
    headers = {"traceparent": own} if own else {}
    response = world.ed.client().post(
        f"/api/pipelines/{pipeline['id']}/run", {}, format="json", headers=headers
    )
    assert_success(response, 201)
    with carry(f"00-{'a' * 32}-{'b' * 16}-01"):
        execute_next_run(end_process=lambda: None)
    told = dict(Event.objects.filter(type__startswith="pipeline.").values_list("type", "trace"))
    assert told == {"pipeline.started": own, "pipeline.completed": own}


@pytest.fixture
def collector(httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """A collector of OpenTelemetry on loopback; the spans that came to it by name."""
    spans: dict[str, Any] = {}

    def take(request: Request) -> Response:
        sent = ExportTraceServiceRequest.FromString(request.get_data())
        for resource in sent.resource_spans:
            for scope in resource.scope_spans:
                spans.update({each.name: each for each in scope.spans})
        return Response(b"", content_type="application/x-protobuf")

    httpserver.expect_request("/v1/traces").respond_with_handler(take)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", httpserver.url_for("").rstrip("/"))
    trace._tracer.cache_clear()
    yield spans
    monkeypatch.undo()
    trace._tracer.cache_clear()


def test_collector__of_a_traced_run__gets_one_tree_from_the_request_to_the_webhook(
    world: World, hooked: list[Request], collector: dict[str, Any]
) -> None:
    run_traced(world, GIVEN)
    tracer = trace._tracer()
    assert tracer is not None
    tracer.flush()
    request = collector["POST api/pipelines/(?P<id>[^/.]+)/run$"]
    run, table, delivery = (collector[name] for name in ("run", "make table", "deliver event"))
    assert {each.trace_id.hex() for each in (request, run, table, delivery)} == {TRACE_ID}
    assert request.parent_span_id.hex() == "00f067aa0ba902b7"
    assert (run.parent_span_id, table.parent_span_id) == (request.span_id, run.span_id)
    assert delivery.parent_span_id == run.span_id
    assert [(each.trace_id.hex(), each.span_id) for each in delivery.links] == [(TRACE_ID, run.span_id)]
    assert not run.links
    sent = {each.key: each.value.string_value for each in run.attributes}
    assert sent["datalinx.run.status"] == "success"
    (hook,) = hooked
    assert hook.headers["traceparent"] == f"00-{TRACE_ID}-{delivery.span_id.hex()}-01"


def test_check__of_a_collector_without_the_extra__says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert checks.check_tracing(None) == []
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318")
    assert checks.check_tracing(None) == []
    monkeypatch.setattr(trace, "is_installed", lambda: False)
    (warning,) = checks.check_tracing(None)
    assert "otel" in (warning.hint or "")
