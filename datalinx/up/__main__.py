"""`python -m datalinx.up`: the whole platform, or in a container one part of it: web, worker, scheduler."""

import argparse
import sys
from pathlib import Path

from datalinx.up import up
from datalinx.up.roles import ROLES, run_role


def main() -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(prog="python -m datalinx.up", description=__doc__)
    parser.add_argument(
        "role", nargs="?", choices=ROLES, help="one part only; the whole platform when left out"
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    parser.add_argument("--port", type=int, default=8000, help="port to listen on (8000)")
    parser.add_argument("--home", type=Path, help="folder of the embedded data (DATALINX_HOME)")
    given = parser.parse_args()
    if given.role:
        return run_role(given.role, host=given.host, port=given.port, home=given.home)
    return up(host=given.host, port=given.port, home=given.home)


if __name__ == "__main__":
    sys.exit(main())
