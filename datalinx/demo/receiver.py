"""A receiver of webhooks on loopback, as a customer would write one: it keeps what it gets and answers 200."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, Queue


@dataclass(frozen=True)
class Received:
    """One request: its headers and its body, byte for byte."""

    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """Where webhooks arrive."""

    url: str = ""
    arrived: Queue[Received] = field(default_factory=Queue)

    def next(self, seconds: float) -> Received:
        """Return the next webhook. Raises TimeoutError when none comes in time."""
        try:
            return self.arrived.get(timeout=seconds)
        except Empty:
            raise TimeoutError(f"No webhook arrived within {seconds:.0f} s.") from None


@contextmanager
def receiver() -> Iterator[Receiver]:
    """Listen on a free port of loopback while the block runs."""
    place = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", "0"))
            place.arrived.put(Received(dict(self.headers.items()), self.rfile.read(length)))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class names it so
            """Say nothing: the demonstration prints what matters."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    place.url = f"http://127.0.0.1:{server.server_port}/hooks"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield place
    finally:
        server.shutdown()
        server.server_close()
