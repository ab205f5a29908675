"""What a failed command ends with: the exit code for each kind of error, and the words on stderr."""

import sys
from collections.abc import Iterator

from datalinx.cli.refusal import (
    DENIED,
    FAILED,
    INVALID,
    LIMITED,
    MISSING,
    NO_WORKSPACE,
    UNREACHABLE,
    USAGE,
    Refusal,
)
from datalinx.cli.text import plain
from datalinx.client import errors

_CODES: tuple[tuple[type[errors.ClientError], int], ...] = (
    (errors.AuthenticationError, DENIED),
    (errors.PermissionDenied, DENIED),
    (errors.NotFound, MISSING),
    (errors.ValidationFailed, INVALID),
    (errors.TooLarge, INVALID),
    (errors.BadRequest, USAGE),
    (errors.RateLimited, LIMITED),
    (errors.ServerError, UNREACHABLE),
    (errors.ConnectionFailed, UNREACHABLE),
    (errors.ConfigurationError, USAGE),
)


def exit_code_of(error: Exception) -> int:
    """Return the exit code that an error ends a command with."""
    if isinstance(error, Refusal):
        return error.exit_code
    return next((code for kind, code in _CODES if isinstance(error, kind)), FAILED)


def report(error: Exception) -> None:
    """Write an error to stderr: one sentence with code and request id, then a line for each field at fault."""
    for line in _lines(error):
        sys.stderr.write(plain(line) + "\n")


def _lines(error: Exception) -> Iterator[str]:
    # The client's own words are for programs.
    yield f"Error: {NO_WORKSPACE if isinstance(error, errors.WorkspaceNotNamed) else error}"
    if isinstance(error, errors.APIError):
        for fault in error.errors:
            # The first fault is often what the sentence above says.
            message = "" if fault.message == error.message else f": {fault.message}"
            yield f"  {fault.field or '(document)'}{message} [{fault.code}]"
        if error.status == 401:
            yield "Sign in with `datalinx login`, or set DATALINX_API_KEY."
        if isinstance(error, errors.RateLimited) and error.retry_after is not None:
            yield f"Try again in {error.retry_after:g} seconds."
