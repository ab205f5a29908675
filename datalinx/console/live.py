"""The live part of a page of a run or a backfill: the API's events, each drawn on the server as the part it changes."""

from collections.abc import Iterator
from typing import Any

import orjson
from django.template.loader import render_to_string

from datalinx.console.backfill_state import backfill_state
from datalinx.console.pages import Place
from datalinx.console.run_state import run_state

# An event of the API is a whole run at most; a stream that brings more without an end is none of it.
LONGEST = 4 * 1024 * 1024


def relay(place: Place, stream: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the events for the browser. Ends with the stream, and ends the stream when the browser leaves."""
    try:
        for event in _events(stream):
            yield _drawn(place, event)
    finally:
        close = getattr(stream, "close", None)
        if close is not None:
            close()


def _events(stream: Iterator[bytes]) -> Iterator[dict[str, str]]:
    """Yield the fields of each event (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""
    rest = b""
    for piece in stream:
        rest += piece
        if len(rest) > LONGEST:
            return
        *whole, rest = rest.split(b"\n\n")
        for text in whole:
            lines = [line.partition(":") for line in text.decode(errors="replace").split("\n")]
            yield {name: value.removeprefix(" ") for name, _, value in lines}


def _drawn(place: Place, event: dict[str, str]) -> bytes:
    kind = event.get("event", "")
    if kind == "run":
        return _event("run", _render(place, "_run_state.html", run_state(orjson.loads(event["data"]))))
    if kind == "backfill":
        state = backfill_state(orjson.loads(event["data"]))
        return _event("run", _render(place, "_backfill_state.html", state))
    if kind == "log":
        line = _render(place, "_log_line.html", {"line": orjson.loads(event["data"])})
        return _event("log", line, identity=event.get("id", ""))
    # An end, or a sign of life.
    return _event("end", "") if kind == "end" else b": still here\n\n"


def _render(place: Place, template: str, values: dict[str, Any]) -> str:
    return render_to_string(f"console/{template}", {**values, **place.frame()}, place.request)


def _event(kind: str, markup: str, *, identity: str = "") -> bytes:
    head = f"id: {identity}\n" if identity.isdigit() else ""
    data = "\n".join(f"data: {line}" for line in markup.splitlines() if line.strip()) or "data:"
    return f"{head}event: {kind}\n{data}\n\n".encode()
