"""One part of the platform in the foreground, for containers: the web server, the workers or the scheduler."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from datalinx import env
from datalinx.up import programs
from datalinx.up.output import show
from datalinx.up.refusal import Refusal
from datalinx.up.supervisor import Supervisor

ROLES: Final = ("web", "worker", "scheduler")


def run_role(role: str, *, host: str, port: int, home: Path | None) -> int:
    """Run one part until it is told to end, and return its exit code.

    The web server brings the database up to date first; the others are started after it.
    """
    os.umask(0o077)
    try:
        if home is not None:
            os.environ["DATALINX_HOME"] = os.fspath(home)
        env.check_all()
        folder = env.HOME.read()
        (folder / "run").mkdir(mode=0o700, parents=True, exist_ok=True)
        return _START[role](host, port, folder)
    except (env.EnvironmentInvalid, Refusal) as error:
        show(f"datalinx: {error}")
    except OSError as error:
        show(f"datalinx: The home folder {env.HOME.read()} cannot be written to ({error.strerror}).")
    return 1


def _web(host: str, port: int, home: Path) -> int:
    os.environ["DATALINX_PORT"] = str(port)
    code = subprocess.run([sys.executable, "-m", "datalinx.up.prepare"], check=False).returncode
    return code or _become(programs.web(bind=f"{host}:{port}", home=home))


def _worker(host: str, port: int, home: Path) -> int:
    # Two processes of one kind: the supervisor keeps both, and passes their lines on as they are.
    Supervisor(programs.workers(), logs=None).run()
    return 0


def _scheduler(host: str, port: int, home: Path) -> int:
    return _become(programs.scheduler())


def _become(program: programs.Program) -> int:
    sys.stdout.flush()
    os.execve(program.command[0], program.command, {**os.environ, **program.environment})  # noqa: S606


_START: Final[dict[str, Callable[[str, int, Path], int]]] = {
    "web": _web,
    "worker": _worker,
    "scheduler": _scheduler,
}
