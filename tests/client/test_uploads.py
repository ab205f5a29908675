"""Uploads: streamed over a real connection, repeated byte for byte."""

import io
import re
from pathlib import Path

import httpx
import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from datalinx import Datalinx

from .conftest import Script, success

DONE = {"status": "success", "data": {"files": [{"name": "contacts.csv"}]}}


def test_upload__of_a_path__is_a_form_with_its_name_and_bytes(httpserver: HTTPServer, tmp_path: Path) -> None:
    path = tmp_path / "contacts.csv"
    path.write_bytes(b"id,mail\n" + b"1,a@b.example\n" * 20_000)
    got: dict[str, object] = {}

    def receive(request: Request) -> Response:
        got.update(table=request.form.get("table"), length=request.content_length)
        got.update({file.filename or "": file.read() for file in request.files.getlist("file")})
        return Response('{"status": "success", "data": {"ok": true}}', 201)

    httpserver.expect_request("/api/sources/src_1/upload", method="POST").respond_with_handler(receive)
    read: list[int] = []
    with Datalinx("dlx_sk_live_abc", base_url=httpserver.url_for("/")) as client:
        answer = client.sources.upload("src_1", path, table="people", on_progress=read.append)
    assert answer.ok
    assert got["contacts.csv"] == path.read_bytes()
    assert got["table"] == "people"
    assert isinstance(got["length"], int)
    assert sum(read) == path.stat().st_size
    assert max(read) <= 1 << 20


def test_upload__that_is_tried_again__is_the_same_request(script: Script, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"id\n1\n")
    stream = io.BytesIO(b"id\n2\n")
    stream.read()
    script.then(httpx.ReadTimeout("slow"), success(DONE["data"], status=201))
    script.client().sources.upload("src_1", path, ("b.csv", stream), ("c.csv", b"id\n3\n"))
    assert script.bodies[0] == script.bodies[1]
    for name in ("Content-Type", "Content-Length", "Idempotency-Key"):
        assert script.requests[0].headers[name] == script.requests[1].headers[name]
    names = re.findall(rb'name="file"; filename="([^"]+)"', script.bodies[0])
    assert names == [b"a.csv", b"b.csv", b"c.csv"]
    assert b"id\n2\n" in script.bodies[1]


def test_upload__of_nothing__is_refused_before_the_call(script: Script) -> None:
    with pytest.raises(ValueError, match="at least one"):
        script.client().sources.upload("src_1")


def test_upload__of_a_missing_file__is_refused_before_the_call(script: Script, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"missing\.csv"):
        script.client().sources.upload("src_1", tmp_path / "missing.csv")
    assert script.requests == []


def test_upload__of_a_stream_that_cannot_go_back__is_refused(script: Script) -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    with pytest.raises(ValueError, match="save it as a file"):
        script.client().sources.upload("src_1", ("a.csv", Pipe(b"x")))
