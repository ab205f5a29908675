"""Files on their way into the API."""

import io
import tracemalloc

from django.core.files.uploadedfile import SimpleUploadedFile, TemporaryUploadedFile
from django.http import QueryDict
from django.http.multipartparser import MultiPartParser
from django.utils.datastructures import MultiValueDict
from hypothesis import given
from hypothesis import strategies as st

from datalinx.console.api import Body
from datalinx.console.multipart import multipart


def _read(body: Body) -> tuple[QueryDict, MultiValueDict[str, SimpleUploadedFile]]:
    meta = {"CONTENT_TYPE": body.content_type, "CONTENT_LENGTH": str(body.length)}
    from django.core.files.uploadhandler import MemoryFileUploadHandler

    return MultiPartParser(meta, body.stream, [MemoryFileUploadHandler()]).parse()  # type: ignore[return-value]


def test_multipart__of_fields_and_files__is_read_as_it_was() -> None:
    files = [SimpleUploadedFile("a.csv", b"id\n1\n"), SimpleUploadedFile("b.json", b"[]")]
    fields, found = _read(multipart({"table": "people", "empty": ""}, files))
    assert fields.dict() == {"table": "people"}
    assert [(file.name, file.read()) for file in found.getlist("file")] == [
        ("a.csv", b"id\n1\n"),
        ("b.json", b"[]"),
    ]


@given(st.binary(max_size=200_000))
def test_multipart__of_any_content__has_the_length_that_it_says(content: bytes) -> None:
    body = multipart({}, [SimpleUploadedFile("x.bin", content)])
    assert len(body.stream.read()) == body.length


def test_multipart__of_a_hostile_name__cannot_leave_its_header() -> None:
    body = multipart({}, [SimpleUploadedFile("x", b"1")])
    file = SimpleUploadedFile("x", b"1")
    file._name = 'a"\r\nX-Evil: 1\r\n\r\n.csv'  # Django strips such names; another server might not.
    evil = multipart({}, [file])
    assert b"\r\nX-Evil" not in evil.stream.read()
    assert body.content_type != evil.content_type


def test_multipart__read_in_small_pieces__gives_the_same_bytes() -> None:
    body = multipart({"table": "t"}, [SimpleUploadedFile("x", b"abc" * 1000)])
    read = io.BytesIO()
    while piece := body.stream.read(7):
        read.write(piece)
    assert len(read.getvalue()) == body.length


def test_multipart__of_a_large_file__is_never_whole_in_memory() -> None:
    with TemporaryUploadedFile("big.csv", "text/csv", 32 * 1024**2, None) as file:
        file.write(b"0" * 32 * 1024**2)
        file.flush()
        body = multipart({}, [file])
        tracemalloc.start()
        try:
            while body.stream.read(64 * 1024):
                pass
            assert tracemalloc.get_traced_memory()[1] < 1024**2
        finally:
            tracemalloc.stop()
