"""Search and ordering of lists that refuse what they do not know, and the check of query parameters."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

import django_filters
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from rest_framework.filters import OrderingFilter, SearchFilter
from rest_framework.request import Request
from rest_framework.views import APIView

from datalinx.api.serializers import refused_choice
from datalinx.errors import FieldError, Invalid

LIST_PARAMETERS = ("page", "page_size", "ordering", "search")


def choice_filter(choices: Sequence[tuple[str, Any]]) -> django_filters.ChoiceFilter:
    """`status=failed`: one of a few words; a refusal names them."""
    messages = {"invalid_choice": refused_choice(word for word, _ in choices)}
    return django_filters.ChoiceFilter(choices=choices, error_messages=messages)


class _MomentField(django_filters.fields.IsoDateTimeField):  # type: ignore[misc]  # has no types
    """A moment that can be told in UTC."""

    default_error_messages: ClassVar = {"invalid": "Give a moment such as 2026-05-01T08:00:00Z."}

    def to_python(self, value: Any) -> datetime | None:
        found: datetime | None = super().to_python(value)
        try:
            return found and found.astimezone(UTC)
        except OverflowError:
            raise ValidationError(self.error_messages["invalid"], code="invalid") from None


class MomentFilter(django_filters.IsoDateTimeFilter):  # type: ignore[misc]  # has no types
    """`created_after=2026-05-01T08:00:00Z`."""

    field_class = _MomentField


class StrictSearch(SearchFilter):
    """`search=` over the view's search_fields."""

    search_param = "search"


class StrictOrdering(OrderingFilter):
    """`ordering=-created_at`; an unknown field is refused, and the key breaks every tie."""

    ordering_param = "ordering"

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: APIView) -> QuerySet[Any]:
        allowed = list(getattr(view, "ordering_fields", ()))
        asked = [part.strip() for part in request.query_params.get("ordering", "").split(",") if part.strip()]
        for part in asked:
            if part.removeprefix("-") not in allowed:
                message = f"ordering: {part!r} is not one of {', '.join(allowed) or 'none'}."
                raise Invalid(
                    "VALIDATION_ERROR", message, errors=[FieldError("ordering", "invalid", message)]
                )
        return queryset.order_by(*(asked or getattr(view, "ordering", ["-created_at"])), "pk")


def refuse_unknown_parameters(request: Request, allowed: Iterable[str]) -> None:
    """Refuse query parameters that the action does not know, and any that is given twice or holds a NUL."""
    known = set(allowed)
    for name, values in request.query_params.lists():
        if name not in known:
            names = ", ".join(sorted(known)) or "none"
            message = f"The query parameter {name!r} is not known here; known are: {names}."
            raise Invalid(
                "UNKNOWN_PARAMETER", message, errors=[FieldError(name, "unknown_parameter", message)]
            )
        if len(values) > 1 or "\x00" in values[0]:
            message = f"Give the query parameter {name!r} once, without NUL characters."
            raise Invalid("VALIDATION_ERROR", message, errors=[FieldError(name, "invalid", message)])
