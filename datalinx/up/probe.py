"""The health check of one process, for containers: `python -m datalinx.up.probe web|worker|scheduler`.

Loads nothing but the standard library, because it runs every few seconds. Exits 0 when the process is well.
"""

import socket
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from datalinx import env

# A worker beats every two seconds; one that is busy forking may miss a few.
FRESH_SECONDS = 20.0
# The files that each kind of container must keep fresh, in the words of `datalinx.heartbeat`.
BEATS = {"worker": ("worker-runs", "worker-default"), "scheduler": ("scheduler",)}


def beat_file(home: Path, name: str) -> Path:
    """Return the file whose time tells when a process of this host last gave a sign of life."""
    return home / "run" / f"{socket.gethostname()}.{name}.beat"


def probe(role: str) -> str:
    """Return an empty text when the process is well, else a sentence on what is wrong."""
    return _probe_web() if role == "web" else _probe_beats(role)


def _probe_web() -> str:
    port = env.PORT.read()
    try:
        # The address is this machine's own.
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz?role=web", timeout=4) as answer:
            return "" if answer.status == 200 else f"/readyz answers {answer.status}."
    except urllib.error.HTTPError as error:
        return f"/readyz answers {error.code}: {error.read(2000).decode(errors='replace')}"
    except OSError as error:
        return f"The web server does not answer on port {port}: {error}."


def _probe_beats(role: str) -> str:
    for name in BEATS[role]:
        file = beat_file(env.HOME.read(), name)
        try:
            age = time.time() - file.stat().st_mtime
        except FileNotFoundError:
            return f"There was no sign of life of the {name} yet."
        if age > FRESH_SECONDS:
            return f"The last sign of life of the {name} was {age:.0f} s ago."
    return ""


def main(arguments: list[str]) -> int:
    """Print what is wrong, if anything is, and return the exit code."""
    if len(arguments) != 1 or arguments[0] not in {"web", *BEATS}:
        sys.stderr.write("Usage: python -m datalinx.up.probe web|worker|scheduler\n")
        return 2
    try:
        wrong = probe(arguments[0])
    except env.EnvironmentInvalid as error:
        wrong = str(error)
    if wrong:
        sys.stderr.write(wrong + "\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
