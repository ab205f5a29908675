"""Runs the tests that need servers, with what `servers.py` has started. Its argument: all markers of such tests."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

PYTEST = [
    sys.executable,
    "-m",
    "pytest",
    "-n",
    os.environ.get("PYTEST_WORKERS", "auto"),
    "--dist",
    "loadfile",
    "--no-loadscope-reorder",
]
# What speaks to the database and the shared store; the rest would only be run a second time.
ON_SERVERS = ["tests/api", "tests/apps"]


def main() -> int:
    """Return 0 when all that could be run passed."""
    started = set(os.environ["DATALINX_TEST_SERVERS"].split(",")) - {""}
    wanted = sys.argv[1].split(" or ")
    chosen = [name for name in wanted if name in started]
    missing = [name for name in wanted if name not in started]
    parts: list[tuple[list[str], dict[str, str]]] = []
    if {"postgresql", "redis"} <= started:
        environment = {
            "DATABASE_URL": os.environ["DATALINX_TEST_POSTGRESQL_URL"],
            "DATALINX_CACHE_URL": os.environ["DATALINX_TEST_REDIS_URL"],
        }
        without = f"not ({sys.argv[1]} or browser or slow or dbt or spark or drill)"
        parts.append((["-m", without, *ON_SERVERS], environment))
    if chosen:
        # A test may need two of them.
        without = "".join(f" and not {name}" for name in missing)
        parts.append((["-m", f"({' or '.join(chosen)}){without}"], {}))
    # Those that need a server wait for programs most of the time, the others compute: so both at once.
    with ThreadPoolExecutor() as pool:
        return max(pool.map(lambda part: _run(*part), parts), default=0)


def _run(arguments: list[str], environment: dict[str, str]) -> int:
    """Run these tests and print what they said when they are through; return the exit code."""
    done = subprocess.run(
        [*PYTEST, *arguments],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    print("servers:", " ".join(arguments), " ".join(sorted(environment)), f"\n{done.stdout}", flush=True)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
