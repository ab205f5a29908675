"""Sealing of secrets: authenticated encryption with rotating keys, bound to the place that a secret belongs to."""

from collections.abc import Sequence
from typing import Any

import orjson
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from datalinx.errors import Failed


def make_key() -> str:
    """Return a new key: 32 random bytes as url-safe base64 (a Fernet key)."""
    return Fernet.generate_key().decode()


def encrypt(value: Any, *, context: str, keys: Sequence[str]) -> str:
    """Return a JSON value sealed with the first key. `context` names the row and field that it belongs to."""
    return _fernet(keys).encrypt(orjson.dumps([context, value])).decode()


def decrypt(token: str, *, context: str, keys: Sequence[str]) -> Any:
    """Return what `encrypt` sealed for the same context with any of the keys.

    Raises Failed SECRET_UNREADABLE when no key opens it, or when it was sealed for another place: a token that
    somebody moved from one row to another does not open there.
    """
    try:
        sealed_for, value = orjson.loads(_fernet(keys).decrypt(token.encode()))
    except (InvalidToken, ValueError) as error:
        raise _unreadable() from error
    if sealed_for != context:
        raise _unreadable()
    return value


def rotate(token: str, *, keys: Sequence[str]) -> str:
    """Return the same secret sealed anew with the first key. Raises Failed SECRET_UNREADABLE."""
    try:
        return _fernet(keys).rotate(token.encode()).decode()
    except InvalidToken as error:
        raise _unreadable() from error


def _fernet(keys: Sequence[str]) -> MultiFernet:
    if not keys:
        message = "There is no key to seal secrets with; set DATALINX_ENCRYPTION_KEYS."
        raise Failed("ENCRYPTION_KEY_MISSING", message)
    try:
        return MultiFernet([Fernet(key) for key in keys])
    except ValueError as error:
        message = "A key of DATALINX_ENCRYPTION_KEYS is not 32 bytes as url-safe base64."
        raise Failed("ENCRYPTION_KEY_INVALID", message) from error


def _unreadable() -> Failed:
    message = "A stored secret cannot be read with the present keys; enter it again."
    return Failed("SECRET_UNREADABLE", message)
