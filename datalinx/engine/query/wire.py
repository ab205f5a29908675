"""How the platform, the warm server and a query's process speak: lengths before bytes, over Unix sockets."""

import json
import socket
import struct
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import orjson

from datalinx.engine.query.tables import TableFiles
from datalinx.errors import FieldError, Invalid

LENGTH = struct.Struct("!Q")
# What the server writes after a process that did not end well: a mark and its wait status.
ENDED = struct.Struct("!8sI")
ENDED_MARK = b"\x00ended\x00\xff"


@dataclass(frozen=True)
class Job:
    """One query with everything it needs. `answer` is rows, csv, arrow, or check (bind only, run nothing)."""

    sql: str
    tables: dict[str, TableFiles]
    parameters: dict[str, Any]
    limit: int
    seconds: float
    memory_bytes: int
    threads: int
    answer: str
    answer_bytes: int

    def to_bytes(self) -> bytes:
        tables = {
            name: {
                "columns": table.columns,
                "files": [str(file) for file in table.files],
                "field_ids": table.field_ids,
            }
            for name, table in self.tables.items()
        }
        return orjson.dumps({**{key: getattr(self, key) for key in _PLAIN_KEYS}, "tables": tables})

    @classmethod
    def from_bytes(cls, data: bytes) -> "Job":
        facts = orjson.loads(data)
        tables = {
            name: TableFiles(
                [(column, kind) for column, kind in table["columns"]], table["files"], table["field_ids"]
            )
            for name, table in facts.pop("tables").items()
        }
        return cls(tables=tables, **facts)


_PLAIN_KEYS = tuple(key for key in Job.__dataclass_fields__ if key != "tables")


def pack_answer(head: dict[str, Any], body: Sequence[bytes] = ()) -> Iterator[bytes]:
    """One whole answer in the pieces to send: its length and its head's, the head as JSON, the body's pieces."""
    facts = orjson.dumps(head)
    size = LENGTH.size + len(facts) + sum(map(len, body))
    yield LENGTH.pack(size) + LENGTH.pack(len(facts)) + facts
    yield from body


def unpack_answer(data: bytes) -> tuple[dict[str, Any], bytes]:
    """Head and body of an answer without its first length."""
    (size,) = LENGTH.unpack_from(data)
    head = json.loads(data[LENGTH.size : LENGTH.size + size])
    return head, data[LENGTH.size + size :]


def refusal_to_head(error: Invalid) -> dict[str, Any]:
    """An `Invalid` as the head of an answer."""
    return {
        "error": {
            "code": error.code,
            "message": error.message,
            "details": error.details,
            "errors": [asdict(fault) for fault in error.errors],
        }
    }


def head_to_refusal(error: dict[str, Any]) -> Invalid:
    """The `Invalid` that the process wrote into the head of its answer."""
    return Invalid(
        error["code"],
        error["message"],
        details=error["details"],
        errors=[FieldError(**fault) for fault in error["errors"]],
    )


def receive_exactly(channel: socket.socket, size: int) -> bytes:
    """Read `size` bytes; `EOFError` when the other side closed before."""
    data = bytearray()
    while len(data) < size:
        if not (part := channel.recv(min(size - len(data), 1 << 20))):
            raise EOFError("The other side closed the channel.")
        data += part
    return bytes(data)


def send_job(channel: socket.socket, job: bytes, answer: int) -> None:
    """Send a job and, beside its length, the file descriptor that its answer goes to."""
    socket.send_fds(channel, [LENGTH.pack(len(job))], [answer])
    channel.sendall(job)


def receive_job(channel: socket.socket) -> tuple[bytes, int]:
    """The next job and the file descriptor for its answer; `EOFError` when nobody sends any more."""
    head, descriptors, _, _ = socket.recv_fds(channel, LENGTH.size, 1)
    if not head or not descriptors:
        raise EOFError("The other side closed the channel.")
    head += receive_exactly(channel, LENGTH.size - len(head))
    return receive_exactly(channel, *LENGTH.unpack(head)), descriptors[0]
