"""Secrets at rest: JSON values encrypted with the platform's keys and bound to the row they belong to.

Fernet (AES-128 in CBC mode with HMAC-SHA256, https://github.com/fernet/spec) has no place for associated data,
so the context stands inside, beside the value, and is compared when the token is opened: a token that was
copied into another row, or into another field of the same row, does not open there. Pure functions; keys are
arguments, newest first: the first one encrypts, all of them decrypt.
"""

import json
from collections.abc import Sequence
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from datalinx.errors import Failed


def new_key() -> str:
    """Return a new key: 32 random bytes in URL-safe base64."""
    return Fernet.generate_key().decode()


def encrypt(value: Any, *, context: str, keys: Sequence[str]) -> str:
    """Return a JSON value as a token that opens only with one of the keys and for this context.

    `context` names the kind of thing and its id, such as `source.credentials:src_01…`.
    """
    text = json.dumps([context, value], allow_nan=False, separators=(",", ":"))
    return _opener(keys).encrypt(text.encode()).decode()


def decrypt(token: str, *, context: str, keys: Sequence[str]) -> Any:
    """Return the JSON value of a token that `encrypt` made for this context.

    Raise `Failed` with `SECRET_UNREADABLE` when no key opens it or when it belongs elsewhere.
    """
    try:
        opened = json.loads(_opener(keys).decrypt(token.encode()))
    except InvalidToken:
        # Not chained, and without the token: neither belongs in a log.
        message = "A stored secret cannot be read with the encryption keys of this instance; enter it again."
        raise Failed("SECRET_UNREADABLE", message) from None
    if not isinstance(opened, list) or len(opened) != 2 or opened[0] != context:
        message = "A stored secret belongs to something else than the row it was found in; enter it again."
        raise Failed("SECRET_UNREADABLE", message)
    return opened[1]


def rotate(token: str, *, context: str, keys: Sequence[str]) -> str:
    """Return a token of the same value under the first key; raise as `decrypt` does."""
    return encrypt(decrypt(token, context=context, keys=keys), context=context, keys=keys)


def needs_rotation(token: str, *, keys: Sequence[str]) -> bool:
    """Return whether another key than the first one is needed to open the token."""
    try:
        _opener(keys[:1]).decrypt(token.encode())
    except InvalidToken:
        return True
    return False


def _opener(keys: Sequence[str]) -> MultiFernet:
    if not keys:
        raise Failed(
            "ENCRYPTION_KEY_MISSING", "No encryption key is set; give one in DATALINX_ENCRYPTION_KEYS."
        )
    opened = []
    for position, key in enumerate(keys, start=1):
        try:
            opened.append(Fernet(key))
        except ValueError:
            message = (
                f"Encryption key {position} of {len(keys)} is no Fernet key: it must be 32 bytes in URL-safe "
                "base64, 44 characters."
            )
            raise Failed("ENCRYPTION_KEY_INVALID", message) from None
    return MultiFernet(opened)
