"""Pages of a list: `page` from 1, `page_size` 50 and at most 200, exact totals."""

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from datalinx.api.parameters import whole_number
from datalinx.api.renderers import Paginated

DEFAULT_SIZE = 50
MAX_SIZE = 200
PARAMETERS = ("page", "page_size")


def read_page(request: Request) -> tuple[int, int]:
    """Return the page and its size that the request asks for. Raises Invalid."""
    page = whole_number(request, "page", default=1, lowest=1, highest=2**40)
    return page, whole_number(request, "page_size", default=DEFAULT_SIZE, lowest=1, highest=MAX_SIZE)


def page_facts(page: int, size: int, total: int) -> dict[str, int]:
    """Return the `pagination` that stands beside a page of a list."""
    return {"page": page, "page_size": size, "total_items": total, "total_pages": -(-total // size)}


class Pages(BasePagination):
    """The paginator of every list. A page past the end is empty with true totals."""

    def paginate_queryset(
        self, queryset: QuerySet[Any] | Sequence[Any], request: Request, view: APIView | None = None
    ) -> list[Any]:
        page, size = read_page(request)
        total = queryset.count() if isinstance(queryset, QuerySet) else len(queryset)
        self.facts = page_facts(page, size, total)
        start = (page - 1) * size
        return list(queryset[start : start + size]) if start < total else []

    def get_paginated_response(self, data: Any) -> Response:
        return Paginated(data, self.facts)

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        # Marked here, wrapped by the one hook that wraps every answer.
        return {
            "type": "array",
            "items": schema.get("items", schema),
            "x-paginated": True,
        }

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        return page_parameters()


def page_parameters() -> list[dict[str, Any]]:
    """Return how the OpenAPI document describes the query parameters of a page."""
    return [
        {
            "name": "page",
            "in": "query",
            "required": False,
            "schema": {"type": "integer", "minimum": 1, "default": 1},
            "description": "The page, from 1.",
        },
        {
            "name": "page_size",
            "in": "query",
            "required": False,
            "schema": {"type": "integer", "minimum": 1, "maximum": MAX_SIZE, "default": DEFAULT_SIZE},
            "description": "How many items a page holds.",
        },
    ]
