"""Server-sent events (WHATWG HTML, 9.2): parsing, and a stream that picks up where it broke off."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from datalinx.client.errors import ConnectionFailed, RateLimited, ServerError
from datalinx.client.http import Incoming
from datalinx.client.models import FINAL

# Connections in a row that brought nothing, before the stream is given up.
_PATIENCE = 5
_PAUSE = 1.0


@dataclass(frozen=True)
class Event:
    """One event. `data` is the JSON that it carries, or its text where that is not JSON."""

    name: str
    data: Any
    id: str | None = None

    @property
    def is_last(self) -> bool:
        """Whether this event tells of a state after which nothing follows."""
        if self.name == "end":
            return True
        return isinstance(self.data, dict) and self.data.get("status") in FINAL and "table" not in self.data


class Parser:
    """Turns lines into events, and remembers the last id and the pause that the server asked for."""

    def __init__(self, last_id: str | None = None) -> None:
        self.last_id = last_id
        self.pause = _PAUSE

    def events(self, lines: Iterable[str]) -> Iterator[Event]:
        """Yield an event at each empty line that ends one; an event that breaks off is not one."""
        name, data, last_id = "", list[str](), self.last_id
        for line in lines:
            if not line:
                # Only now does the id count: of an event that broke off, the server must send all again.
                self.last_id = last_id
                if data:
                    yield Event(name or "message", _value("\n".join(data)), last_id)
                name, data = "", []
                continue
            key, _, value = line.partition(":")
            value = value.removeprefix(" ")
            match key:
                case "data":
                    data.append(value)
                case "event":
                    name = value
                case "id" if "\x00" not in value:
                    last_id = value
                case "retry" if value.isascii() and value.isdigit():
                    self.pause = min(int(value) / 1000, 30.0)


def resumed(
    connect: Callable[[str | None], Incoming], *, last_id: str | None, sleep: Callable[[float], None]
) -> Iterator[Event]:
    """Yield events, connecting again with the last id seen whenever the stream breaks or ends too soon.

    Ends after an event that is the last one, or when several connections in a row brought nothing. Raises the
    failure of the last of these, and at once what no second try can cure (APIError).
    """
    parser = Parser(last_id)
    fruitless = 0
    while True:
        failure: Exception | None = None
        try:
            with connect(parser.last_id) as incoming:
                for event in parser.events(incoming.lines()):
                    fruitless = 0
                    yield event
                    if event.is_last:
                        return
        except (ConnectionFailed, ServerError, RateLimited) as error:
            failure = error
        fruitless += 1
        if fruitless > _PATIENCE:
            if failure is not None:
                raise failure
            return
        sleep(parser.pause)


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
