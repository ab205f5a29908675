"""Traces as W3C has them: taken from the caller, carried with the work, and told to a collector where one is set.

A `traceparent` (https://www.w3.org/TR/trace-context/) comes with a request or is made for it, is written beside what
the request starts, and goes on from there: into the run, whichever worker takes it up, into its events, and with
them to the receivers of webhooks. That needs no library. With the extra `otel` and the standard variable
`OTEL_EXPORTER_OTLP_ENDPOINT`, spans are made on the way and sent to that address.
"""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from functools import cache
from importlib.util import find_spec
from typing import Any

HEADER = "traceparent"
ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
MAX_LENGTH = 55

# Of version 00 nothing may follow; a later one may have more, of which only what is known here is kept.
_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_current: ContextVar[str] = ContextVar("traceparent", default="")


def parse_traceparent(text: str) -> str:
    """Return a traceparent as version 00, or an empty text when it is none: then the trace begins anew."""
    match = _TRACEPARENT.fullmatch(text.strip()) if len(text) < 512 else None
    if match is None:
        return ""
    version, trace_id, parent_id, flags, more = match.groups()
    if version == "ff" or (version == "00" and more) or not int(trace_id, 16) or not int(parent_id, 16):
        return ""
    return f"00-{trace_id}-{parent_id}-{'01' if int(flags, 16) & 1 else '00'}"


def current_trace() -> str:
    """Return the traceparent of what goes on now; empty when it belongs to no trace."""
    return _current.get()


def current_trace_id() -> str:
    """Return the id of the trace alone, by which log lines are found."""
    return trace_id(_current.get())


def trace_id(trace: str) -> str:
    """Return the id within a traceparent; empty for an empty one."""
    return trace[3:35]


def is_wanted() -> bool:
    """Return whether the operator named a collector."""
    return any(os.environ.get(name) for name in ENDPOINTS) and os.environ.get("OTEL_SDK_DISABLED") != "true"


def is_installed() -> bool:
    """Return whether the extra `otel` is there."""
    try:
        return find_spec("opentelemetry.exporter.otlp.proto.http") is not None
    except ModuleNotFoundError:
        return False


@contextmanager
def carry(trace: str) -> Iterator[None]:
    """Do something as a part of a trace, without a span of its own; an empty one is none."""
    token = _current.set(trace)
    try:
        yield
    finally:
        _current.reset(token)


def span(
    name: str,
    *,
    parent: str = "",
    link: str = "",
    kind: str = "internal",
    attributes: Mapping[str, Any] | None = None,
) -> AbstractContextManager["Span"]:
    """Do something as a part of a trace, `parent` unless empty; without a collector the trace is only carried on.

    `link` is the trace of what it comes from, which a collector shows beside it.
    """
    found = _tracer()
    above = parent or _current.get()
    return _Carried(above) if found is None else _made(found.begin(name, above, kind, attributes or {}, link))


@contextmanager
def _made(begun: AbstractContextManager[Any]) -> Iterator["Span"]:
    with begun as (inner, made), carry(made):
        yield Span(inner)


class _Carried:
    """A trace carried on without a span: a busy worker does it thousands of times a second."""

    __slots__ = ("_token", "_trace")

    def __init__(self, trace: str) -> None:
        self._trace = trace

    def __enter__(self) -> "Span":
        self._token = _current.set(self._trace)
        return _NOBODY

    def __exit__(self, *error: object) -> None:
        _current.reset(self._token)


class Span:
    """What goes on, to be named better or marked as failed; does nothing without a collector."""

    def __init__(self, inner: Any = None) -> None:
        self._inner = inner

    def rename(self, name: str) -> None:
        """Give it a name that was not known at its beginning."""
        if self._inner is not None:
            self._inner.update_name(name)

    def note(self, **attributes: Any) -> None:
        """Add attributes; a dot in a name is written as two underscores."""
        if self._inner is not None:
            for name, value in attributes.items():
                self._inner.set_attribute(name.replace("__", "."), value)

    def fail(self, words: str) -> None:
        """Mark it as failed."""
        if self._inner is not None:
            from opentelemetry.trace import Status, StatusCode

            self._inner.set_status(Status(StatusCode.ERROR, words))


_NOBODY = Span()


@cache
def _tracer() -> Any:
    # Made at the first use, which is in the process that does the work and not in the one that it was forked from.
    if not (is_wanted() and is_installed()):
        return None
    from datalinx.telemetry import Tracer

    return Tracer()
