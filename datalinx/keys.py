"""The secrets of an embedded instance: made once in the home folder, readable by its owner alone."""

import base64
import os
import secrets
from pathlib import Path

# What signs tokens and sessions, and what seals the secrets in the database.
SIGNING = "secret_key"
SEALING = "encryption_keys"

_MAKERS = {
    SIGNING: lambda: secrets.token_urlsafe(64),
    SEALING: lambda: base64.urlsafe_b64encode(os.urandom(32)).decode(),
}


def path_of(home: Path, name: str) -> Path:
    """Return where the home keeps the secret of this name."""
    return home / "secrets" / name


def read(home: Path, name: str) -> str:
    """Return the home's secret of this name, or an empty text when it has none."""
    try:
        return path_of(home, name).read_text().strip()
    except FileNotFoundError:
        return ""


def make(home: Path, name: str) -> Path:
    """Make the secret of this name and return its file, which must not exist.

    The file is whole or not there: a machine that stops in between must not leave an empty key behind.
    """
    target = path_of(home, name)
    target.parent.mkdir(mode=0o700, exist_ok=True)
    partial = target.with_name(f"{name}.{os.getpid()}.partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(_MAKERS[name]() + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        # A link, unlike a rename, fails when somebody else was first.
        os.link(partial, target)
    finally:
        partial.unlink()
    return target


def read_encryption_keys(home: Path) -> tuple[str, ...]:
    """Return the home's encryption keys, the newest first: one a line, or with commas between."""
    return tuple(read(home, SEALING).replace(",", " ").split())


def new_encryption_key() -> str:
    """Return a new Fernet key."""
    return _MAKERS[SEALING]()
