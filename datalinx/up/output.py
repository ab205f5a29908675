"""What the children say: whole into a file in the home, and readable on this process's standard error."""

import json
import logging
import logging.handlers
import os
import select
import sys
from collections import deque
from pathlib import Path

_FILE_BYTES = 10 * 1024**2
_FILES_KEPT = 3
# A pipe that polls as writable takes this much without blocking (POSIX calls it PIPE_BUF).
_WRITABLE_BYTES = 4096
_LINE_BYTES = 64 * 1024


class Output:
    """The lines of one child: kept in `<folder>/<name>.log`, and shown to a person on standard error.

    Without a folder they are only passed on, as they are: a container's lines go to a collector of logs.
    """

    def __init__(self, name: str, folder: Path | None) -> None:
        self.name = name
        self.path = folder / f"{name}.log" if folder else None
        self.last: deque[str] = deque(maxlen=20)
        self._rest = b""
        self._file = _log_file(self.path) if self.path else None

    def feed(self, data: bytes) -> None:
        """Take what was read from the child's pipe; a line is passed on when it is whole."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._take(line)
        if len(self._rest) > _LINE_BYTES:
            self.flush()

    def flush(self) -> None:
        """Pass on the beginning of a line that will not end, because its writer has."""
        if self._rest:
            self._take(self._rest)
            self._rest = b""

    def _take(self, raw: bytes) -> None:
        line = raw.decode(errors="replace").rstrip("\r")
        if line:
            self.last.append(line)
            if self._file is None:
                show(line)
                return
            self._file.handle(logging.makeLogRecord({"msg": line}))
            show(readable(self.name, line))


def _log_file(path: Path) -> logging.handlers.RotatingFileHandler:
    return logging.handlers.RotatingFileHandler(
        path, maxBytes=_FILE_BYTES, backupCount=_FILES_KEPT, encoding="utf-8", errors="replace"
    )


def show(text: str) -> None:
    """Write lines to standard error, unless nobody reads them: a full pipe must not stop the platform."""
    for line in text.splitlines():
        data = line.encode(errors="replace")[: _WRITABLE_BYTES - 1] + b"\n"
        try:
            descriptor = sys.stderr.fileno()
            if select.select([], [descriptor], [], 0)[1]:
                os.write(descriptor, data)
        except (OSError, ValueError):
            # It was closed. The files in the home still get all of it.
            return


def readable(name: str, line: str) -> str:
    """Return a log line as a person reads it: `12:30:05 web  Text of the event  key=value`."""
    try:
        event = json.loads(line)
    except ValueError:
        event = None
    if not isinstance(event, dict) or "event" not in event:
        return f"{name:<15} {line}"
    clock = str(event.pop("timestamp", ""))[11:19]
    level = str(event.pop("level", "info")).upper()
    event.pop("logger", None)
    text = str(event.pop("event"))
    trace = event.pop("exception", None)
    rest = "".join(f"  {key}={value}" for key, value in event.items())
    marked = text if level == "INFO" else f"{level} {text}"
    last = f"\n{trace}" if trace else ""
    return f"{clock} {name:<15} {marked}{rest}{last}"
