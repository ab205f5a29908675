"""Values of DuckDB as values that JSON can carry."""

import base64
import math
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

# The whole numbers that every reader of JSON keeps exactly (RFC 8259, section 6).
MAX_EXACT = 2**53

# A preview shows what a value is, it does not carry documents.
MAX_SHOWN = 10_000


def shown_value(expression: str, duckdb_type: str) -> str:
    """Return the SQL by which a value is fetched to be shown.

    DuckDB hands out instants in the zone of its session, through a package of its own choice; as text in UTC they
    are the same everywhere.
    """
    if duckdb_type == "TIMESTAMP WITH TIME ZONE":
        return f"replace(CAST(TRY(make_timestamp(epoch_us({expression}))) AS VARCHAR), ' ', 'T') || 'Z'"
    return expression


def json_value(value: Any) -> Any:
    """Return the value for JSON: large integers, decimals, times and what JSON has no number for as text.

    Bytes are base 64 (RFC 4648), instants are UTC with a `Z`, texts are cut after 10,000 characters.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if -MAX_EXACT <= value <= MAX_EXACT else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, str):
        return value if len(value) <= MAX_SHOWN else value[: MAX_SHOWN - 1] + "…"
    if isinstance(value, (bytes, bytearray, memoryview)):
        return base64.b64encode(bytes(value)[:MAX_SHOWN]).decode()
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, (list, tuple)):
        return [json_value(item) for item in value]
    if isinstance(value, dict):
        return {str(key): json_value(item) for key, item in value.items()}
    if isinstance(value, (Decimal, UUID, timedelta)):
        return str(value)
    return str(value)[:MAX_SHOWN]
