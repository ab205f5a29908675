"""A receiver of webhooks that misbehaves at random, and remembers all that reached it."""

import contextlib
import random
import socket
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks.webhooks import Webhook

# Longer than a delivery may last.
SILENT_SECONDS = 17.0
FAULTS = ("500", "reset", "silent", "drip")


@dataclass(frozen=True)
class Arrival:
    """One request: what it brought, whether an independent check took it, and whether it was told so."""

    id: str
    body: bytes
    verified: bool
    confirmed: bool


class Receiver:
    """Listens on loopback. `share` of the requests meet a fault, of those `slow` one that takes long."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.share, self.slow = 0.0, 0.1
        self.secret = ""
        self.arrivals: list[Arrival] = []
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def listening(self) -> Iterator[str]:
        """Give the address while it listens."""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                receiver.receive(self)

            def log_message(self, *_: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 256

            def handle_error(self, *_: Any) -> None:
                """Whoever was killed in the middle of a request is no fault of this server."""

        server = Server(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/hook"
        finally:
            server.shutdown()
            server.server_close()

    def receive(self, request: BaseHTTPRequestHandler) -> None:
        """Take a request, note it, and answer well or badly."""
        body = request.rfile.read(int(request.headers["Content-Length"]))
        fault = self._choose()
        arrival = Arrival(request.headers["webhook-id"], body, self._verify(request, body), not fault)
        if fault:
            self._note(arrival)
            self._misbehave(request, fault)
            return
        request.send_response(204)
        request.end_headers()
        request.wfile.flush()
        self._note(arrival)

    def _choose(self) -> str:
        with self._lock:
            if self.dice.random() >= self.share:
                return ""
            return self.dice.choice(FAULTS[2:] if self.dice.random() < self.slow else FAULTS[:2])

    def _note(self, arrival: Arrival) -> None:
        with self._lock:
            self.arrivals.append(arrival)

    def _verify(self, request: BaseHTTPRequestHandler, body: bytes) -> bool:
        try:
            Webhook(self.secret).verify(
                body, {name.lower(): value for name, value in request.headers.items()}
            )
        except Exception:
            return False
        return True

    @staticmethod
    def _misbehave(request: BaseHTTPRequestHandler, fault: str) -> None:
        request.close_connection = True
        if fault == "500":
            request.send_error(500)
        elif fault == "silent":
            time.sleep(SILENT_SECONDS)
        elif fault == "drip":
            ends = time.monotonic() + SILENT_SECONDS
            with contextlib.suppress(OSError):
                request.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
                while time.monotonic() < ends:
                    request.wfile.write(b".")
                    request.wfile.flush()
                    time.sleep(0.3)
        else:
            # Closed with a reset, as by a machine that fell over.
            request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            request.connection.close()
