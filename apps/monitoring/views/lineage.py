"""The API of the lineage: what stands behind a table, and what is made of it."""

from typing import Any, ClassVar, cast

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.monitoring.services import lineage
from apps.sources.models import Source
from apps.sources.services.sources import get_table
from datalinx.api.parameters import one_of
from datalinx.api.viewsets import WorkspaceView, WorkspaceViewSet

DIRECTIONS = ["upstream", "downstream"]
PARAMETERS = [
    OpenApiParameter(
        "direction",
        str,
        enum=DIRECTIONS,
        description="All the way to the sources, or to whatever reads the table.",
    ),
    OpenApiParameter("column", str, description="Only what this column has to do with."),
]


class PlaceSerializer(serializers.Serializer[Any]):
    """An object type, a saved query, an audience, an alert rule, or what is watched."""

    type = serializers.ChoiceField(
        choices=["identity", "object_type", "query", "audience", "alert_rule", "monitoring"]
    )
    id = serializers.CharField()
    name = serializers.CharField()


class LinkSerializer(serializers.Serializer[Any]):
    """One line of the lineage: a column takes part in another.

    `target` null is which rows there are. `effect` says what a change at the start can change at this end:
    the values, or only which rows there are. `distance` counts lines from the start.
    """

    source = serializers.CharField(allow_null=True)  # type: ignore[assignment]  # declared, it is no attribute
    table = serializers.CharField(allow_null=True)
    column = serializers.CharField(allow_null=True)
    target_table = serializers.CharField(allow_null=True)
    target = serializers.CharField(allow_null=True)
    kind = serializers.CharField()
    origin = PlaceSerializer(allow_null=True)
    consumer = PlaceSerializer(allow_null=True)
    effect = serializers.ChoiceField(choices=["values", "rows"])
    distance = serializers.IntegerField()


def _asked(request: Request) -> dict[str, Any]:
    direction = cast("lineage.Direction", one_of(request, "direction", DIRECTIONS))
    return {"direction": direction, "column": request.query_params.get("column", "")}


class MappingLineageView(WorkspaceView):
    """Which columns make which columns of a target table, told from what is compiled; and what is made of them."""

    permissions: ClassVar = {"view": "mappings:view", "change": "mappings:view"}
    lists = ("get",)
    query_parameters: ClassVar = {"get": ("direction", "column")}

    @extend_schema(parameters=PARAMETERS, responses=LinkSerializer(many=True))
    def get(self, request: Request, table_name: str) -> Response:
        traced = lineage.trace_target(
            workspace=self.workspace, actor=self.caller, table=table_name, **_asked(request)
        )
        return self.paged([lineage.traced_to_json(each) for each in traced])


class SourceLineageViewSet(WorkspaceViewSet):
    """What is made of the columns of a source's table."""

    resource = "source"
    queryset = Source.objects.select_related("workspace")
    permissions: ClassVar = {"view": "sources:view", "change": "sources:manage"}
    lists = ("lineage",)
    query_parameters: ClassVar = {"lineage": ("direction", "column")}
    lookup_field = "pk"
    lookup_url_kwarg = "id"

    @extend_schema(parameters=PARAMETERS, responses=LinkSerializer(many=True))
    def lineage(self, request: Request, id: str, table: str) -> Response:
        """What is made of each column; tables, queries and audiences as far as you may see them."""
        row = get_table(source=self.get_object(), name=table)
        traced = lineage.trace_source(
            workspace=self.workspace, actor=self.caller, table=row, **_asked(request)
        )
        return self.paged([lineage.traced_to_json(each) for each in traced])
