"""Secrets in the database: sealed with the platform's keys and bound to the row that they belong to."""

from typing import Any

from django.conf import settings

from datalinx.secrets import decrypt, encrypt


def seal(value: Any, *, context: str) -> str:
    """Return a JSON value as a token that opens only with the platform's keys and this context."""
    return encrypt(value, context=context, keys=settings.ENCRYPTION_KEYS)


def unseal(token: str, *, context: str) -> Any:
    """Return the JSON value of a token that `seal` made for the same context."""
    return decrypt(token, context=context, keys=settings.ENCRYPTION_KEYS)
