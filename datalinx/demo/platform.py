"""The platform that the demonstration runs on: `datalinx up` in a home of its own, with loopback allowed."""

import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

EMAIL = "owner@demo.example"
ORGANIZATION = "Demo Grocers"
READY_SECONDS = 180.0


@dataclass(frozen=True)
class Platform:
    """A platform that is up: where it is, and who may enter."""

    url: str
    email: str
    password: str


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def platform(home: Path, *, settings: Mapping[str, str] | None = None) -> Iterator[Platform]:
    """Start a platform with nothing in it and give it; stop it when the block ends.

    The home is made anew. `settings` are variables of the environment beside the demonstration's own.
    Raises RuntimeError with the platform's last words when it does not come up.
    """
    if home.exists():
        _refuse_foreign(home)
        shutil.rmtree(home)
    home.mkdir(mode=0o700, parents=True)
    password = secrets.token_urlsafe(12)
    port = free_port()
    log = home / "demo.log"
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603  # our own words
            [sys.executable, "-m", "datalinx.up", "--home", str(home), "--port", str(port)],
            stdout=output,
            stderr=subprocess.STDOUT,
            env=_environment(password) | dict(settings or {}),
        )
        try:
            _wait(process, port, log)
            (home / "login.txt").write_text(f"{EMAIL}\n{password}\n")
            (home / "login.txt").chmod(0o600)
            yield Platform(f"http://127.0.0.1:{port}", EMAIL, password)
        finally:
            process.terminate()
            process.wait(timeout=30)


def _refuse_foreign(home: Path) -> None:
    # What is about to be deleted must be a home that an earlier demonstration made.
    if any(home.iterdir()) and not (home / "login.txt").exists() and not (home / "demo.log").exists():
        raise RuntimeError(f"{home} holds other things; name a folder that is empty or does not exist.")


def _environment(password: str) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith(("DATALINX_", "DJANGO_"))}
    own.pop("DATABASE_URL", None)
    return own | {
        "DATALINX_ADMIN_EMAIL": EMAIL,
        "DATALINX_ADMIN_PASSWORD": password,
        "DATALINX_ORGANIZATION": ORGANIZATION,
        # One run at a time is all that the story needs, on machines of any size.
        "DATALINX_CONCURRENCY": "1",
        "DATALINX_MEMORY_LIMIT": "512MB",
        # The demonstration's own receiver of webhooks listens on loopback.
        "DATALINX_OUTBOUND_ALLOW_CIDRS": "127.0.0.0/8",
    }


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    ends_at = time.monotonic() + READY_SECONDS
    while time.monotonic() < ends_at and process.poll() is None:
        if f"ready at http://127.0.0.1:{port}" in log.read_text(errors="replace"):
            return
        time.sleep(0.1)
    words = log.read_text(errors="replace")[-2000:]
    raise RuntimeError(f"The platform did not come up. Its last words:\n{words}")
