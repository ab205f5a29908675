"""Query parameters of single actions, read strictly."""

from rest_framework.request import Request

from datalinx.errors import FieldError, Invalid


def whole_number(request: Request, name: str, *, default: int, lowest: int, highest: int) -> int:
    """Return a query parameter as a whole number within bounds. Raises Invalid."""
    text = request.query_params.get(name, "")
    if not text:
        return default
    if text.isascii() and text.isdigit() and len(text) < 19 and lowest <= int(text) <= highest:
        return int(text)
    message = f"{name} must be a whole number from {lowest:,} to {highest:,}."
    raise Invalid("VALIDATION_ERROR", message, errors=[FieldError(name, "invalid", message)])
