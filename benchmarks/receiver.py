"""A receiver of webhooks on loopback in a process of its own: as little as answers, and a count of what came.

`python -m benchmarks.receiver` prints its port; for each line that it reads it prints how many requests and how many
different ids came since the last one.
"""

import asyncio
import subprocess
import sys
from types import TracebackType

_ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"


class Receiver:
    """The receiver, alive while the block runs."""

    def __enter__(self) -> "Receiver":
        command = (sys.executable, "-m", "benchmarks.receiver")
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        self.port = int(self._line())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate(timeout=10)

    def count(self) -> tuple[int, int]:
        """Return how many requests came since the last call, and how many different ids."""
        assert self._process.stdin is not None
        self._process.stdin.write("count\n")
        requests, ids = self._line().split()
        return int(requests), int(ids)

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()


class _Connection(asyncio.Protocol):
    """One connection: requests one after the other, each answered as soon as it is whole."""

    def __init__(self, seen: list[bytes]) -> None:
        self._seen = seen
        self._data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._data += data
        head, found, body = self._data.partition(b"\r\n\r\n")
        if not found:
            return
        lines = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        length = int(lines[b"content-length"])
        if len(body) < length:
            return
        self._seen.append(lines[b"webhook-id"])
        self._data = body[length:]
        self._transport.write(_ANSWER)


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    seen: list[bytes] = []
    server = await loop.create_server(lambda: _Connection(seen), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(len(seen), len(set(seen)), flush=True)
        seen.clear()
    server.close()


if __name__ == "__main__":
    asyncio.run(_serve())
