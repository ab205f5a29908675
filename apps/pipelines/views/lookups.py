"""The query parameters by which a record is looked up."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from apps.pipelines.record_serializers import ASKING
from datalinx.api.parameters import one_of

TABLE_RECORD_CHOICES = ("key", "source")
RECORD_CHOICES = ("table", *TABLE_RECORD_CHOICES)

RECORD_PARAMETERS = (
    OpenApiParameter(
        "key",
        str,
        required=True,
        description="The value of the table's key, or a JSON object of columns and values.",
    ),
    OpenApiParameter(
        "source",
        str,
        enum=ASKING,
        description="Whether the source is asked: `auto`, unless given, where what is kept does not tell.",
    ),
)


def read_lookup(request: Request) -> dict[str, Any]:
    """Return how a record is looked up. Raises Invalid."""
    return {
        "key": request.query_params.get("key", ""),
        "source": one_of(request, "source", ASKING) or "auto",
    }
