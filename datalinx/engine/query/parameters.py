"""A query's parameters: typed values bound by name, never text put into the SQL."""

import base64
import binascii
import uuid
from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any

from datalinx.engine.types.base import BASE_TYPES
from datalinx.errors import FieldError, Invalid

MAX_PARAMETERS = 200
MAX_LIST_LENGTH = 10_000


def parameters_to_json(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Write Python's own dates, decimals, ids and bytes in the form that crosses to the child process.

    JSON values and `{"type", "value"}` objects stay as they are.
    """
    return {name: _to_json(value) for name, value in parameters.items()}


def _to_json(value: Any) -> Any:
    if isinstance(value, datetime):
        return {"type": "timestamp" if value.tzinfo else "datetime", "value": value.isoformat()}
    for kind, name in ((date, "date"), (time, "time")):
        if isinstance(value, kind):
            return {"type": name, "value": value.isoformat()}
    if isinstance(value, Decimal | uuid.UUID):
        return {"type": "decimal" if isinstance(value, Decimal) else "uuid", "value": str(value)}
    if isinstance(value, bytes):
        return {"type": "binary", "value": base64.b64encode(value).decode()}
    return value


def bind_parameters(given: Mapping[str, Any], wanted: Collection[str]) -> dict[str, Any]:
    """Return the values to bind, one for each name that the SQL uses.

    A value is a JSON scalar, a list of them, or `{"type": <base type>, "value": …}`, for instance
    `{"type": "date", "value": "2026-01-31"}`; text compared with a date needs such a type. Raise `Invalid`
    `INVALID_PARAMETERS` with one error for each name that is missing, unknown or does not parse.
    """
    errors = [
        FieldError(f"parameters.{name}", "required", f"The query uses ${name}; give it a value.")
        for name in sorted(set(wanted) - set(given))
    ]
    errors += [
        FieldError(f"parameters.{name}", "unknown_parameter", f"The query does not use ${name}.")
        for name in sorted(set(given) - set(wanted))
    ]
    values = {}
    for name in sorted(set(wanted) & set(given)):
        try:
            values[name] = parameter_value(given[name])
        except (ValueError, TypeError, InvalidOperation, binascii.Error) as error:
            errors.append(FieldError(f"parameters.{name}", "invalid_value", f"${name}: {error}."))
    if len(given) > MAX_PARAMETERS:
        errors = [FieldError("parameters", "too_many", f"A query has at most {MAX_PARAMETERS} parameters.")]
    if errors:
        raise Invalid("INVALID_PARAMETERS", errors[0].message, errors=errors[:100])
    return values


def parameter_value(value: Any) -> Any:
    """One parameter as the Python value that DuckDB binds with the right type; `ValueError` says what is wrong."""
    if isinstance(value, Mapping):
        if set(value) != {"type", "value"}:
            raise ValueError('a typed parameter is {"type": …, "value": …}')
        if value["type"] not in BASE_TYPES:
            raise ValueError(f"there is no type `{value['type']}`; the types are {', '.join(BASE_TYPES)}")
        return _typed(str(value["type"]), value["value"])
    if isinstance(value, list | tuple):
        return [parameter_value(item) for item in _bounded(value)]
    if value is None or isinstance(value, str | bool | int | float):
        return value
    raise ValueError("a parameter is a JSON scalar, a list, or a typed value")


def _bounded(values: Any) -> Any:
    if len(values) > MAX_LIST_LENGTH:
        raise ValueError(f"a list has at most {MAX_LIST_LENGTH} values")
    return values


def _typed(kind: str, value: Any) -> Any:
    if value is None:
        return None
    if isinstance(value, list | tuple):
        return [_typed(kind, item) for item in _bounded(value)]
    if kind in {"string", "text", "json"}:
        return _text(value)
    if kind in {"integer", "bigint"}:
        return int(str(value))
    if kind in {"float", "double"}:
        return float(str(value))
    if kind == "boolean":
        return _boolean(value)
    try:
        return _PARSERS[kind](_text(value) if kind != "decimal" else str(value))
    except (ValueError, InvalidOperation) as error:
        raise ValueError(f"`{value}` is not a {kind}") from error


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("the value must be text")  # noqa: TRY004  # the caller tells users of every ValueError
    return value


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if str(value).lower() in {"true", "false"}:
        return str(value).lower() == "true"
    raise ValueError(f"`{value}` is not true or false")


def _instant(text: str) -> datetime:
    """An instant; one without a zone is in UTC, as everywhere on the platform."""
    parsed = datetime.fromisoformat(text)
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def _datetime(text: str) -> datetime:
    parsed = datetime.fromisoformat(text)
    if parsed.tzinfo:
        raise ValueError("a datetime has no zone")
    return parsed


_PARSERS: dict[str, Any] = {
    "decimal": Decimal,
    "date": date.fromisoformat,
    "datetime": _datetime,
    "timestamp": _instant,
    "time": time.fromisoformat,
    "uuid": uuid.UUID,
    "binary": lambda text: base64.b64decode(text, validate=True),
}
