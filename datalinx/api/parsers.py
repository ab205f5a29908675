"""The parser of JSON bodies: strict, and wary of what a database or a stack could choke on."""

from collections.abc import Mapping
from typing import IO, Any

import orjson
from rest_framework.exceptions import ParseError, ValidationError
from rest_framework.parsers import BaseParser

from datalinx.errors import TooLarge

MAX_DEPTH = 64
# The largest document that the engine takes, with room around it.
MAX_BYTES = 5_000_000


class StrictJSONParser(BaseParser):
    """Parse JSON as RFC 8259 has it: no NaN, UTF-8, at most 64 levels deep, no NUL in any text."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        body = stream.read(MAX_BYTES + 1)
        if len(body) > MAX_BYTES:
            message = f"A JSON body may hold {MAX_BYTES:,} bytes; files go by upload."
            raise TooLarge("REQUEST_TOO_LARGE", message)
        if not body.strip():
            return {}
        try:
            value = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise ParseError(f"the body is not valid JSON: {error}.") from error
        _check(value, 0)
        return value


def _check(value: Any, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise ParseError(f"the body is nested deeper than {MAX_DEPTH} levels.")
    if isinstance(value, str):
        if "\x00" in value:
            raise ValidationError("Text must not hold the NUL character.", code="null_characters_not_allowed")
    elif isinstance(value, dict):
        for key, item in value.items():
            _check(key, depth + 1)
            _check(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            _check(item, depth + 1)
