"""A Spark Connect server: the same rows as from DuckDB, and nothing of the platform's secrets in plans or logs."""

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from datalinx.engine.execute import spark as on_spark
from datalinx.engine.execute.spark.cluster import Cluster
from tests.engine.execute.conftest import Desk
from tests.engine.spark.desks import Desks
from tests.up.conftest import free_port

SERVER = "org.apache.spark.sql.connect.service.SparkConnectServer"
OPTIONS = "-Xss8m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
SECRETS = {
    "DATALINX_SECRET_KEY": "canary-key-4411",
    "DATALINX_ENCRYPTION_KEYS": "canary-fernet-4412",
    "DATABASE_URL": "postgresql://datalinx:canary-password-4413@127.0.0.1:5432/datalinx",
    "AWS_ACCESS_KEY_ID": "canary-id-4414",
    "AWS_SECRET_ACCESS_KEY": "canary-storage-4415",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The address and the log of a server of our own, which is told nothing but where things are."""
    pyspark = pytest.importorskip("pyspark")
    folder, port = tmp_path_factory.mktemp("connect"), free_port()
    home = Path(pyspark.__file__).parent
    environment = {name: os.environ[name] for name in ("PATH", "JAVA_HOME") if name in os.environ}
    environment |= {"HOME": str(folder), "SPARK_HOME": str(home), "SPARK_LOCAL_IP": "127.0.0.1"}
    settings = {
        "spark.connect.grpc.binding.port": str(port),
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "2",
        # Plans tell whole paths, however deep the folder of temporary files is.
        "spark.sql.maxMetadataStringLength": "10000",
    }
    command = [str(home / "bin" / "spark-submit"), "--class", SERVER, "--master", "local[2]"]
    command += ["--driver-memory", "1g", "--driver-java-options", OPTIONS]
    for name, value in settings.items():
        command += ["--conf", f"{name}={value}"]
    log = folder / "server.log"
    with log.open("wb") as written:
        process = subprocess.Popen(
            [shutil.which("bash") or "bash", *command],
            cwd=folder,
            env=environment,
            stdout=written,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_for(port, process, log)
        yield f"sc://127.0.0.1:{port}", log
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    ends_at = time.monotonic() + 90
    while process.poll() is None and time.monotonic() < ends_at:
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    pytest.fail(f"No Spark Connect server: {log.read_text()[-2000:]}")


@pytest.fixture
def connected(tmp_path: Path, server: tuple[str, Path]) -> Desks:
    folders = [tmp_path / name for name in ("duckdb", "spark")]
    for folder in folders:
        folder.mkdir()
    run = partial(on_spark.run_table, remote=server[0])
    return Desks(Desk(folders[0]), Desk(folders[1], execute=run))


def _lay_out(desks: Desks, load: dict[str, Any]) -> None:
    rows = [["1", "2024-01-01", "a@example.com"], ["2", "2024-01-02", "nobody"], ["x", None, None]]
    desks.duckdb.csv("c", ["id", "at", "mail"], rows)
    desks.duckdb.target("id integer", "at date", "mail email", key=["id"])
    desks.duckdb.map({"id": "c.id", "at": "c.at", "mail": "c.mail"}, load=load)


def test_load__over_connect__is_the_same_and_shows_no_secret(
    connected: Desks,
    server: tuple[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    plans: list[str] = []
    written = Cluster.write

    def kept(cluster: Cluster, frame: Any, folder: Path, options: dict[str, str]) -> list[Path]:
        plans.append(cluster.ask(lambda: frame._explain_string(extended=True)))
        plans.append(repr(cluster.ask(lambda: cluster.spark.conf.getAll)))
        return written(cluster, frame, folder, options)

    monkeypatch.setattr(Cluster, "write", kept)
    _lay_out(connected, {"mode": "merge"})
    assert connected.same().counts["rejected"] == 2
    shown = "\n".join([*plans, server[1].read_text(errors="replace"), caplog.text])
    assert "Parsed Logical Plan" in shown
    assert "Spark Connect server started" in shown
    assert not re.search(r"canary-\w+-\d+", shown)
    # Sources and storage stay with the worker: all that Spark reads are files of the run.
    places = set(re.findall(r"\b(?:file|s3a?|https?|jdbc|sftp):/+[^\s,\])'\"]+", "\n".join(plans)))
    assert places
    places -= {f"file:{server[1].parent}/spark-warehouse"}
    assert [place for place in places if f"{tmp_path}/" not in place] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "load",
    [
        {"mode": "full"},
        {"mode": "append", "cursor": "c.at"},
        {"mode": "merge", "delete_missing": True},
        {"mode": "history", "cursor": "c.at"},
    ],
    ids=lambda load: load["mode"],
)
def test_load__over_connect_for_two_days__is_the_same(connected: Desks, load: dict[str, Any]) -> None:
    _lay_out(connected, load)
    connected.same()
    rows = [["1", "2024-01-03", "new@example.com"], ["3", "2024-01-03", "c@example.com"]]
    connected.duckdb.csv("c", ["id", "at", "mail"], rows)
    assert connected.same().result.counts.difference == 0
