"""The kinds of error. Everything that can go wrong on purpose is one of these, raised with its own code.

A kind says what class of trouble it is; `code` is the stable name that clients test for; `message` is a
sentence a person can act on. One table in `datalinx/api/errors.py` turns kinds into HTTP statuses. Kinds
know whether a retry can help (`transient`). Pure Python: the engine raises them too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class FieldError:
    """One fault of one field. `field` is the path to it, such as `fields.email.decorators[0].name`."""

    field: str
    code: str
    message: str

    def as_dict(self) -> dict[str, str]:
        return asdict(self)


class DatalinxError(Exception):
    """The base of every error with a code. Raise one of the kinds below, not this."""

    transient = False

    def __init__(
        self,
        code: str,
        message: str,
        *,
        details: Mapping[str, Any] | None = None,
        errors: Sequence[FieldError] = (),
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = dict(details or {})
        self.errors = tuple(errors)

    def __str__(self) -> str:
        return f"{self.message} [{self.code}]"


class BadRequest(DatalinxError):
    """The request cannot be read: broken JSON, a bad header."""


class Unauthenticated(DatalinxError):
    """No credentials, or credentials that do not hold."""


class Forbidden(DatalinxError):
    """The caller is known and may not do this."""


class NotFound(DatalinxError):
    """There is no such thing, or none that the caller may know of."""


class Invalid(DatalinxError):
    """The request can be read and breaks a rule; also a name clash and a state that forbids the call."""


class RateLimited(DatalinxError):
    """Too many calls. `details["retry_after"]` is whole seconds."""

    transient = True


class TooLarge(DatalinxError):
    """A body or a file over its limit."""


class Unavailable(DatalinxError):
    """Something that this call needs does not answer now; the same call may succeed later."""

    transient = True


class Failed(DatalinxError):
    """A run, a query or a delivery that the data or the outside world made fail; a retry will not help."""


class Interrupted(DatalinxError):
    """Work that was stopped from outside (a lost worker, a lost lease); the same work may succeed later."""

    transient = True


class Cancelled(DatalinxError):
    """Work that somebody asked to stop."""
