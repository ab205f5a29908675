"""Answers that are files: outside the envelope, to be saved under a name."""

from collections.abc import Iterator
from urllib.parse import quote

from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase


def download(body: bytes, name: str, media_type: str) -> HttpResponse:
    """Return a file to save."""
    response = HttpResponse(body, content_type=media_type)
    _name(response, name)
    return response


def streamed_download(pieces: Iterator[bytes], name: str, media_type: str) -> StreamingHttpResponse:
    """Return a file to save whose pieces are made while it is sent.

    The first is made at once: what goes wrong at the start is an answer of its own, not a file that breaks off.
    """
    first = next(pieces, b"")
    response = StreamingHttpResponse(_after(first, pieces), content_type=media_type)
    _name(response, name)
    return response


def _after(first: bytes, pieces: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from pieces


def _name(response: HttpResponseBase, name: str) -> None:
    """Say under which name to save it. The name travels as RFC 6266 says, so that any letters may stand in it."""
    plain = name.encode("ascii", "replace").decode().replace('"', "_").replace("\\", "_")
    response["Content-Disposition"] = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name)}"
    response["Cache-Control"] = "no-store"
