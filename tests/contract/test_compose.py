"""The compose file: right by its schema, without a default secret, and made of commands that work."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import jsonschema
import psycopg
import pytest
import yaml

from datalinx import env, keys
from tests.servers import server_url
from tests.up.conftest import free_port, get

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ("web", "worker", "scheduler")


def test_compose_file__by_the_specifications_schema__is_valid() -> None:
    text = (
        resources.files("check_jsonschema").joinpath("builtin_schemas/vendor/compose-spec.json").read_text()
    )
    validator = jsonschema.Draft7Validator(json.loads(text))
    assert [f"{list(error.path)}: {error.message}" for error in validator.iter_errors(COMPOSE)] == []


def test_compose_file__its_services__are_the_five_and_those_of_profiles_with_a_health_check_each() -> None:
    assert set(SERVICES) == {*OURS, "postgres", "valkey", "spark", "prometheus", "grafana"}
    for name, service in SERVICES.items():
        assert {"test", "interval", "timeout", "retries"} <= set(service["healthcheck"]), name
        assert service["restart"] == "unless-stopped", name


def test_compose_file__spark__is_asked_for_sees_the_files_and_has_no_secret() -> None:
    spark = SERVICES["spark"]
    profiles = {name: service["profiles"] for name, service in SERVICES.items() if "profiles" in service}
    assert profiles == {"spark": ["spark"], "prometheus": ["monitoring"], "grafana": ["monitoring"]}
    assert spark["profiles"] == ["spark"]
    pinned = re.search(r"^pyspark==(\S+)", (ROOT / "requirements-spark.txt").read_text(), re.MULTILINE)
    assert pinned is not None
    assert spark["image"] == f"apache/spark:{pinned[1]}"
    assert spark["volumes"] == SERVICES["worker"]["volumes"]
    user = re.search(r"--uid (\d+)", (ROOT / "Dockerfile").read_text())
    assert user is not None
    assert spark["user"] == user[1]
    assert "ports" not in spark
    assert set(spark["environment"]) == {"SPARK_DRIVER_BIND_ADDRESS"}
    assert "spark.connect.grpc.binding.port=15002" in spark["command"]
    given = SERVICES["worker"].get("environment", COMPOSE["x-platform"]["environment"])
    assert given["DATALINX_SPARK_REMOTE"] == "${DATALINX_SPARK_REMOTE:-}"


def test_compose_file__what_a_service_waits_for__is_healthy_first() -> None:
    for name in OURS:
        assert set(SERVICES[name]["depends_on"]) >= {"postgres", "valkey"}, name
        assert all(on["condition"] == "service_healthy" for on in SERVICES[name]["depends_on"].values())


def test_compose_file__its_secrets__have_no_default() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    for name, default in re.findall(r"\$\{(\w+)(:-[^}]*)?[:}]", text):
        if re.search(r"PASSWORD|SECRET|KEYS?$|TOKEN", name):
            assert default in {"", ":-"}, f"{name} has a default."
    example = (ROOT / ".env.example").read_text()
    required = set(re.findall(r"\$\{(\w+):\?", text))
    assert required == {
        "DATALINX_PUBLIC_URL",
        "DATALINX_SECRET_KEY",
        "DATALINX_ENCRYPTION_KEYS",
        "POSTGRES_PASSWORD",
        "VALKEY_PASSWORD",
    }
    assert all(re.search(rf"^{name}=$", example, re.MULTILINE) for name in required)


def test_compose_file__its_variables__are_ones_that_the_platform_reads() -> None:
    known = {setting.name for setting in env.SETTINGS}
    given = {name for service in OURS for name in SERVICES[service]["environment"]}
    assert {name for name in given if name.startswith(("DATALINX_", "DATABASE_"))} <= known


def test_compose_file__its_ports__are_open_to_this_machine_alone() -> None:
    assert [port for service in SERVICES.values() for port in service.get("ports", [])] == [
        "127.0.0.1:8000:8000",
        "127.0.0.1:9090:9090",
        "127.0.0.1:3000:3000",
    ]


def test_dockerfile__its_command__is_that_of_the_web_service() -> None:
    text = (ROOT / "Dockerfile").read_text()
    command = re.search(r"^CMD (\[.*\])$", text, re.MULTILINE)
    assert command is not None
    assert json.loads(command[1]) == SERVICES["web"]["command"]
    assert "HEALTHCHECK" in text
    assert "--require-hashes" in text
    assert re.search(r"^USER datalinx$", text, re.MULTILINE)


def test_docker_image__what_goes_into_it__is_listed() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in lines
    assert not any(".env" in line for line in lines if line.startswith("!"))


class Stack:
    """The services of the file as processes of this machine: each with its own command, on free ports."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.valkey_port = free_port()
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.path = f"{self._stand_ins()}:{os.environ['PATH']}"
        given = {
            "DATALINX_PUBLIC_URL": "https://datalinx.example",
            "DATALINX_SECRET_KEY": "abcdefghijklmnopqrstuvwxyz0123456789" * 2,
            "DATALINX_ENCRYPTION_KEYS": keys.new_encryption_key(),
            "POSTGRES_PASSWORD": "unused",
            "VALKEY_PASSWORD": "a1b2c3d4e5",
            "DATALINX_ADMIN_EMAIL": "owner@example.com",
            "DATALINX_ADMIN_PASSWORD": "correct horse battery",
            "DATALINX_ORGANIZATION": "Example",
        }
        self.fill = lambda text: re.sub(
            r"\$\{(\w+)(?::[-?]([^}]*))?\}", lambda match: given.get(match[1], ""), text
        ).replace("$$", "$")
        self.database = self._new_database()

    def _stand_ins(self) -> Path:
        """Make programs of the images' names that listen on this test's ports, as a container would on its own."""
        folder = self.folder / "bin"
        folder.mkdir()
        server = shutil.which("valkey-server") or shutil.which("redis-server")
        client = shutil.which("valkey-cli") or shutil.which("redis-cli")
        postgres = urlsplit(server_url("postgresql"))
        ready = shutil.which("pg_isready") or next(
            map(str, Path("/usr/lib/postgresql").glob("*/bin/pg_isready"))
        )
        data = self.folder / "valkey"
        data.mkdir()
        for name, line in {
            "valkey-server": f'{server} "$@" --port {self.valkey_port} --bind 127.0.0.1 --dir {data}',
            "valkey-cli": f'{client} -p {self.valkey_port} "$@"',
            "pg_isready": f'{ready} --port {postgres.port} "$@"',
            "python": f'{sys.executable} "$@"',
        }.items():
            file = folder / name
            file.write_text(f"#!/bin/sh\nexec {line}\n")
            file.chmod(0o755)
        return folder

    def _new_database(self) -> str:
        name = f"compose_{os.getpid()}"
        with psycopg.connect(server_url("postgresql"), autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            connection.execute(f'CREATE DATABASE "{name}"')
        return urlunsplit(urlsplit(server_url("postgresql"))._replace(path=f"/{name}"))

    def environment(self, name: str) -> dict[str, str]:
        """Return a service's own variables, with the addresses of containers turned into those of this machine."""
        values = {key: self.fill(str(value)) for key, value in SERVICES[name].get("environment", {}).items()}
        if name in OURS:
            values["DATABASE_URL"] = self.database
            for key in ("DATALINX_BROKER_URL", "DATALINX_CACHE_URL"):
                values[key] = values[key].replace("valkey:6379", f"127.0.0.1:{self.valkey_port}")
            values |= {"DATALINX_HOME": str(self.folder / "data"), "DATALINX_PORT": str(self.port)}
            values["DATALINX_STORAGE_URL"] = str(self.folder / "data" / "storage")
            values["PYTHONPATH"] = str(ROOT)
        return {"PATH": self.path, "HOME": str(self.folder), "LANG": "C.UTF-8", **values}

    def start(self, name: str) -> None:
        """Start a service by its command, behind the image's entry point where it is ours."""
        command = [self.fill(part) for part in SERVICES[name]["command"]]
        if name in OURS:
            command = [
                part.replace("8000", str(self.port)).replace("0.0.0.0", "127.0.0.1") for part in command
            ]
            command = ["python", "-m", "datalinx.up", *command]
        log = (self.folder / f"{name}.log").open("wb")
        self.processes[name] = subprocess.Popen(
            command, env=self.environment(name), cwd=self.folder, stdout=log, stderr=subprocess.STDOUT
        )
        log.close()

    def check(self, name: str) -> subprocess.CompletedProcess[str]:
        """Run a service's health check."""
        kind, *command = SERVICES[name]["healthcheck"]["test"]
        command = ["sh", "-c", *command] if kind == "CMD-SHELL" else command
        return subprocess.run(
            command,
            env=self.environment(name),
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )

    def wait_until_healthy(self, name: str, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while (found := self.check(name)).returncode != 0:
            process = self.processes.get(name)
            ended = process is not None and process.poll() is not None
            if ended or time.monotonic() > deadline:
                log = self.folder / f"{name}.log"
                pytest.fail(
                    f"{name}: {found.stderr}{found.stdout}\n{log.read_text()[-3000:] if log.exists() else ''}"
                )
            time.sleep(0.2)

    def end(self, name: str) -> tuple[int, float]:
        asked = time.monotonic()
        process = self.processes.pop(name)
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)
        return process.returncode, time.monotonic() - asked


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    made = Stack(tmp_path)
    yield made
    for name in list(made.processes)[::-1]:
        made.end(name)


@pytest.mark.postgresql
@pytest.mark.redis
def test_compose_services__as_processes__become_healthy_and_work_together(stack: Stack) -> None:
    stack.start("valkey")
    for name in ("valkey", "postgres"):
        stack.wait_until_healthy(name)
    for name in OURS:
        assert stack.check(name).returncode == 1, f"{name} is healthy before it was started."
        stack.start(name)
        stack.wait_until_healthy(name)
    _wait_until(lambda: get(f"http://127.0.0.1:{stack.port}/readyz")[0] == 200)
    with psycopg.connect(stack.database) as connection:
        assert connection.execute("SELECT email FROM accounts_user").fetchall() == [("owner@example.com",)]
    for name in OURS[::-1]:
        code, seconds = stack.end(name)
        assert (code, seconds < 15) == (0, True), name


@pytest.mark.postgresql
@pytest.mark.redis
def test_worker_of_compose__killed__is_started_again(stack: Stack) -> None:
    stack.start("valkey")
    stack.wait_until_healthy("valkey")
    for name in ("web", "worker"):
        stack.start(name)
        stack.wait_until_healthy(name)
    from tests.up.conftest import descendants

    before = descendants(stack.processes["worker"].pid)
    for pid in before:
        try:
            os.kill(pid, 9)
        except ProcessLookupError:
            continue
    _wait_until(lambda: len(set(descendants(stack.processes["worker"].pid)) - set(before)) >= 2, seconds=2)


def _wait_until(condition: Callable[[], bool], *, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "It did not happen in time."
        time.sleep(0.02)
