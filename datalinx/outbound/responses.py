"""The head of an answer, read line by line: the standard library takes a parser of e-mails for it, which costs a third
of a request."""

import http.client
import io
import re
from typing import Any, BinaryIO

_LONGEST_LINE = 65_536
_MOST_LINES = 100
# Anything else, such as a line that goes on in the next one, is left to the standard library.
_PLAIN = re.compile(rb"[!-9;-~]+:")
_NO_BODY = frozenset({204, 304})


class Response(http.client.HTTPResponse):
    """An answer as `http.client` has it, its head read faster."""

    def begin(self) -> None:
        """Read the head; interim ones before it are passed over (RFC 9110, 15.2). Raises HTTPException, OSError."""
        # Private to the class that this one is of, and not known to the type checker.
        mine: Any = self
        while True:
            version, status, reason = mine._read_status()
            headers = read_headers(mine.fp)
            # After 101 another protocol would follow.
            if status >= 200 or status == http.client.SWITCHING_PROTOCOLS:
                break
        if not version.startswith(("HTTP/1.", "HTTP/0.9")):
            raise http.client.UnknownProtocol(version)
        self.code = self.status = status
        self.reason = reason.strip()
        self.version = 10 if version in {"HTTP/1.0", "HTTP/0.9"} else 11
        self.headers = self.msg = headers
        mine.chunked = headers.get("transfer-encoding", "").lower() == "chunked"
        mine.chunk_left = None
        self.will_close = mine._check_close()
        self.length = self._announced()
        if self.length is None and not mine.chunked:
            self.will_close = True

    def _announced(self) -> int | None:
        """Return how many bytes follow; None when that is not said."""
        mine: Any = self
        if self.status in _NO_BODY or 100 <= self.status < 200 or mine._method == "HEAD":
            return 0
        length = "" if mine.chunked else self.headers.get("content-length", "")
        return int(length) if length.isascii() and length.isdigit() else None


def read_headers(file: BinaryIO) -> http.client.HTTPMessage:
    """Return the headers that a file stands before, and leave it behind the empty line. Raises HTTPException."""
    lines: list[bytes] = []
    while (line := file.readline(_LONGEST_LINE + 1)) not in {b"\r\n", b"\n", b""}:
        if len(line) > _LONGEST_LINE:
            raise http.client.LineTooLong("header line")
        if len(lines) >= _MOST_LINES:
            raise http.client.HTTPException(f"got more than {_MOST_LINES} headers")
        lines.append(line)
    if not all(map(_PLAIN.match, lines)):
        return http.client.parse_headers(io.BytesIO(b"".join([*lines, b"\r\n"])))
    message = http.client.HTTPMessage()
    for line in lines:
        name, _, value = line.decode("iso-8859-1").partition(":")
        message[name] = value.lstrip(" \t").rstrip("\r\n")
    return message
