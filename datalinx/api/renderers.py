"""The renderer that puts every answer of the API into the envelope and writes it as JSON."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import orjson
from django.utils.functional import Promise
from rest_framework.renderers import BaseRenderer
from rest_framework.response import Response

from datalinx.api.envelope import success


class Bare(Response):
    """An answer outside the envelope: the token answers and the few others that the contract names."""


class Paginated(Response):
    """An answer that is one page of a list."""

    def __init__(self, data: Any, pagination: Mapping[str, int]) -> None:
        super().__init__(data)
        self.pagination = pagination


def _default(value: Any) -> Any:
    if isinstance(value, Decimal | Promise):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset | tuple):
        return list(value)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def to_json(value: Any) -> bytes:
    """Return JSON as UTF-8. Times must be aware; they are written in UTC with `Z`."""
    options = orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS
    return orjson.dumps(value, default=_default, option=options)


class EnvelopeRenderer(BaseRenderer):
    """JSON, in the envelope unless the answer is `Bare` or already a failure."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        response = (renderer_context or {}).get("response")
        if response is None or response.status_code >= 400 or isinstance(response, Bare):
            return to_json(data)
        return to_json(success(data, getattr(response, "pagination", None)))
