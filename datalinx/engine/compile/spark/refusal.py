"""What Spark cannot be made to do exactly as DuckDB does is refused with a sentence, before anything runs."""

from datalinx import errors


def cannot(name: str, instead: str) -> errors.Invalid:
    """Return `ENGINE_CANNOT`: `name` is what was called, `instead` a sentence on what to use."""
    message = f"The engine spark cannot compute `{name}` as DuckDB does. {instead}"
    return errors.Invalid("ENGINE_CANNOT", message, details={"engine": "spark", "function": name})
