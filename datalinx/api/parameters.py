"""Query parameters of single actions, read strictly."""

from collections.abc import Sequence
from datetime import datetime

from rest_framework.exceptions import ValidationError
from rest_framework.fields import DateTimeField
from rest_framework.request import Request

from datalinx.errors import FieldError, Invalid


def whole_number(request: Request, name: str, *, default: int, lowest: int, highest: int) -> int:
    """Return a query parameter as a whole number within bounds. Raises Invalid."""
    return read_whole_number(
        request.query_params.get(name, ""), name, default=default, lowest=lowest, highest=highest
    )


def read_whole_number(text: str, name: str, *, default: int, lowest: int, highest: int) -> int:
    """Return a parameter or header of this text as a whole number within bounds. Raises Invalid."""
    if not text:
        return default
    if text.isascii() and text.isdigit() and len(text) < 19 and lowest <= int(text) <= highest:
        return int(text)
    message = f"{name} must be a whole number from {lowest:,} to {highest:,}."
    raise Invalid("VALIDATION_ERROR", message, errors=[FieldError(name, "invalid", message)])


def one_of(request: Request, name: str, choices: Sequence[str]) -> str:
    """Return a query parameter that is one of a few words, empty when it is not given. Raises Invalid."""
    text = request.query_params.get(name, "")
    if text and text not in choices:
        message = f"{name} is one of: {', '.join(choices)}."
        raise Invalid("VALIDATION_ERROR", message, errors=[FieldError(name, "invalid", message)])
    return text


def moment(request: Request, name: str) -> datetime | None:
    """Return a query parameter as a moment (ISO 8601), None when it is not given. Raises Invalid."""
    text = request.query_params.get(name, "")
    if not text:
        return None
    try:
        found: datetime = DateTimeField().to_internal_value(text)
    except (ValidationError, OverflowError):
        message = f"{name} must be a moment such as 2026-05-01T08:00:00Z."
        raise Invalid("VALIDATION_ERROR", message, errors=[FieldError(name, "invalid", message)]) from None
    return found
