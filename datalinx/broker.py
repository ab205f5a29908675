"""A broker that needs no server: one file for each message, in a folder in the home.

kombu has such a transport, but a reader of it can take a file that is still being written, and it keeps what it
takes in the machine's temporary folder. Here a message appears by a rename and is taken by a rename, both within
one folder, so that it is whole and is taken once. What a killed worker had taken is lost, as with kombu's own;
each message is only a wake-up for a row in the database, which is dispatched again.
"""

import json
import time
import uuid
from functools import cached_property
from pathlib import Path
from queue import Empty
from typing import Any

from kombu.transport import virtual

_PARTIAL = ".partial"
_TAKEN = ".taken"
_WAIT_SECONDS = 0.3


class Channel(virtual.Channel):
    """Queues as the files of one folder, named `<time>_<random>.<queue>` so that older ones sort first."""

    @cached_property
    def folder(self) -> Path:
        client: Any = self.connection.client
        folder = Path(client.transport_options["folder"])
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

    def _names(self, queue: str) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir() if path.name.partition(".")[2] == queue)

    def _put(self, queue: str, message: Any, **_: Any) -> None:
        name = f"{time.time_ns():020d}_{uuid.uuid4().hex}.{queue}"
        partial = self.folder / (name + _PARTIAL)
        partial.write_text(json.dumps(message))
        partial.rename(self.folder / name)

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        for name in self._names(queue):
            taken = self.folder / (name + _TAKEN)
            try:
                (self.folder / name).rename(taken)
            except FileNotFoundError:
                continue
            text = taken.read_text()
            taken.unlink()
            return json.loads(text)
        raise Empty

    def _size(self, queue: str) -> int:
        return len(self._names(queue))

    def _purge(self, queue: str) -> int:
        names = self._names(queue)
        for name in names:
            (self.folder / name).unlink(missing_ok=True)
        return len(names)

    def _has_queue(self, queue: str, **_: Any) -> bool:
        return True

    def _new_queue(self, queue: str, **_: Any) -> None:
        """A queue is there as soon as a message is."""


class Transport(virtual.Transport):
    """kombu's door to the folder: `broker_transport = "datalinx.broker:Transport"`."""

    Channel = Channel
    driver_type = "folder"
    driver_name = "folder"

    def drain_events(self, connection: Any, timeout: float | None = None, **_: Any) -> None:
        """Wait for a message, briefly: the worker asks for two seconds, and sees a signal only between two waits."""
        super().drain_events(connection, timeout=min(timeout or _WAIT_SECONDS, _WAIT_SECONDS))

    def driver_version(self) -> str:
        return "1"
