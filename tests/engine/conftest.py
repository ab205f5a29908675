"""The same storage twice: in a folder, and in a bucket of an S3 server on loopback."""

import importlib.util
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from datalinx.engine.storage import Storage


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    if importlib.util.find_spec("moto") is None:
        pytest.skip("moto[server] is not installed, so there is no object store to test against")
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3_url(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty bucket, and the standard variables that lead to it."""
    for name, value in {
        "AWS_ENDPOINT_URL": s3_endpoint,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    from pyarrow import fs

    bucket = f"bucket-{uuid.uuid4().hex[:12]}"
    fs.S3FileSystem(endpoint_override=s3_endpoint, allow_bucket_creation=True).create_dir(bucket)
    return f"s3://{bucket}/home"


@pytest.fixture(params=["folder", pytest.param("bucket", marks=pytest.mark.objectstore)])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    url = str(tmp_path / "files") if request.param == "folder" else request.getfixturevalue("s3_url")
    return Storage.open(url, tmp_path / "cache")


@pytest.fixture
def folder(tmp_path: Path) -> Storage:
    return Storage.open(str(tmp_path / "files"), tmp_path / "cache")


@pytest.fixture
def bucket(s3_url: str, tmp_path: Path) -> Storage:
    return Storage.open(s3_url, tmp_path / "cache")
