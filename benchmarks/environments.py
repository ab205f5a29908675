"""Environments of the peers: each has its own, made when it is first needed from pinned requirements, and kept."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

_REQUIREMENTS = Path(__file__).with_name("peers")
_ENVIRONMENTS = Path(__file__).with_name(".envs")
_INSTALL_SECONDS = 1200


class NotHere(Exception):
    """Something that a peer needs is not on this machine; the words say what."""


def python_of(name: str) -> str:
    """Return the interpreter of a peer's environment, which is made first if need be. Raises NotHere."""
    requirements = _REQUIREMENTS / f"{name}.txt"
    folder = _ENVIRONMENTS / name
    python, made_from = folder / "bin" / "python", folder / ".made-from"
    wanted = f"{sys.version_info[:2]} {hashlib.sha256(requirements.read_bytes()).hexdigest()}"
    if not made_from.exists() or made_from.read_text() != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        for command in _commands(folder, python, requirements):
            _run(name, command)
        # Written last: where it is, everything is installed.
        made_from.write_text(wanted)
    return str(python)


def require_program(name: str) -> None:
    """Raise NotHere unless such a program can be started."""
    if shutil.which(name) is None:
        raise NotHere(f"no {name.capitalize()}")


def _commands(folder: Path, python: Path, requirements: Path) -> tuple[tuple[str, ...], ...]:
    if uv := shutil.which("uv"):
        return (
            (uv, "venv", "--quiet", "--python", sys.executable, str(folder)),
            (uv, "pip", "install", "--quiet", "--python", str(python), "-r", str(requirements)),
        )
    pip = (str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    return (
        (sys.executable, "-m", "venv", str(folder)),
        (*pip, "-r", str(requirements)),
    )


def _run(name: str, command: tuple[str, ...]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_INSTALL_SECONDS)
    except subprocess.TimeoutExpired:
        raise NotHere(f"installing {name} took longer than {_INSTALL_SECONDS} seconds") from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or [f"ended with {done.returncode}"]
        raise NotHere(f"{name} could not be installed: {said[-1]}")
