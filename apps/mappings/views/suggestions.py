"""The API of suggested fields: ask for them, look at them, take them, change them, refuse them."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.mappings.models import Suggestion
from apps.mappings.services import suggestions
from apps.mappings.views.schemas import if_match
from datalinx.api.parameters import one_of
from datalinx.api.serializers import StrictSerializer, Text
from datalinx.api.viewsets import WorkspaceView

LIST = {200: {"type": "array", "items": {"type": "object"}, "x-paginated": True}}
STATES = ["mapped", "unmapped", "error", "ambiguous"]


class SuggestionSerializer(serializers.ModelSerializer[Suggestion]):
    """A suggested field: `proposal` is its document."""

    table = serializers.CharField(source="source_table")

    class Meta:
        model = Suggestion
        fields = (
            *("id", "field", "source", "table", "alias", "columns", "proposal", "confidence", "ambiguous"),
            *("reasons", "alternatives", "status", "created_at", "decided_by", "decided_at"),
        )


def shown(states: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the columns of a target table as the API shows them."""
    return [
        {
            **entry,
            "suggestion": SuggestionSerializer(entry["suggestion"]).data if entry["suggestion"] else None,
        }
        for entry in states
    ]


class SuggestSerializer(StrictSerializer):
    """Where to look: a table of a source. Without it the mapping's inputs, or the tables that fit best."""

    def get_fields(self) -> dict[str, Any]:
        # `source` is the name of a setting of every field, so it cannot be declared as one.
        return {
            "source": Text(required=False, max_length=100),
            "table": Text(required=False, max_length=255),
        }

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if len(attrs) == 1:
            raise serializers.ValidationError("Give source and table together, or neither.")
        return attrs


class AcceptSerializer(StrictSerializer):
    """Another document for the field, when the suggested one is to be changed."""

    field = serializers.DictField(required=False)


class SuggestView(WorkspaceView):
    """Suggestions for the columns that no field makes."""

    permissions: ClassVar = {"view": "mappings:view", "change": "mappings:edit"}
    long_actions: ClassVar = frozenset({"post"})
    lists = ("post",)

    @extend_schema(request=SuggestSerializer, responses=LIST)
    def post(self, request: Request, table_name: str) -> Response:
        """Compare names and sampled values, and suggest a field for each column that has none."""
        serializer = SuggestSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        suggestions.suggest_mapping(
            workspace=self.workspace, actor=self.caller, table_name=table_name, **serializer.validated_data
        )
        states = suggestions.list_field_states(self.workspace, table_name)
        return self.paged(shown(states))


class SuggestionsView(WorkspaceView):
    """Each column of the target table: mapped, unmapped, an error, or ambiguous, with its suggestion."""

    permissions: ClassVar = {"view": "mappings:view", "change": "mappings:edit"}
    query_parameters: ClassVar = {"get": ("state",)}
    lists = ("get",)

    @extend_schema(
        parameters=[OpenApiParameter("state", str, enum=STATES)],
        responses=LIST,
    )
    def get(self, request: Request, table_name: str) -> Response:
        states = suggestions.list_field_states(self.workspace, table_name)
        if state := one_of(request, "state", STATES):
            states = [entry for entry in states if entry["state"] == state]
        return self.paged(shown(states))


class AcceptView(WorkspaceView):
    """Taking a suggestion."""

    permissions: ClassVar = {"view": "mappings:view", "change": "mappings:edit"}

    @extend_schema(request=AcceptSerializer, responses=SuggestionSerializer)
    def post(self, request: Request, table_name: str, suggestion_id: str) -> Response:
        """Put the suggested field, or the one that is sent, into the mapping."""
        serializer = AcceptSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        row = suggestions.accept_suggestion(
            workspace=self.workspace,
            actor=self.caller,
            table_name=table_name,
            suggestion_id=suggestion_id,
            if_match=if_match(request),
            **serializer.validated_data,
        )
        return Response(SuggestionSerializer(row).data)


class RejectView(WorkspaceView):
    """Refusing a suggestion."""

    permissions: ClassVar = {"view": "mappings:view", "change": "mappings:edit"}

    @extend_schema(request=None, responses=SuggestionSerializer)
    def post(self, request: Request, table_name: str, suggestion_id: str) -> Response:
        """Refuse the suggestion; it is not made again."""
        row = suggestions.reject_suggestion(
            workspace=self.workspace, actor=self.caller, table_name=table_name, suggestion_id=suggestion_id
        )
        return Response(SuggestionSerializer(row).data)
