"""The API of destinations."""

from typing import ClassVar

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.sources.filters import DestinationFilter
from apps.sources.models import Destination
from apps.sources.serializers import DestinationSerializer, TestResultSerializer, result_of_test
from apps.sources.services import destinations
from datalinx.api.serializers import DeletedSerializer
from datalinx.api.viewsets import WorkspaceViewSet


@extend_schema_view(destroy=extend_schema(responses=DeletedSerializer))
class DestinationViewSet(WorkspaceViewSet):
    """Connections to where tables go."""

    resource = "destination"
    long_actions = frozenset({"test"})
    queryset = Destination.objects.select_related("workspace")
    serializer_class = DestinationSerializer
    filterset_class = DestinationFilter
    ordering_fields = ("created_at", "updated_at", "name", "last_tested_at")
    search_fields = ("name",)
    permissions: ClassVar = {"view": "sources:view", "change": "sources:manage"}
    lookup_field = "pk"
    lookup_url_kwarg = "id"

    def create(self, request: Request) -> Response:
        made = destinations.create_destination(workspace=self.workspace, actor=self.caller, **self.read())
        return self.created(made)

    def partial_update(self, request: Request, id: str) -> Response:
        values = self.read(partial=True)
        found = self.get_object()
        return self.answer(destinations.update_destination(destination=found, actor=self.caller, **values))

    def destroy(self, request: Request, id: str) -> Response:
        destinations.delete_destination(destination=self.get_object(), actor=self.caller)
        return self.deleted(id)

    @extend_schema(request=None, responses=TestResultSerializer)
    @action(detail=True, methods=["post"])
    def test(self, request: Request, id: str) -> Response:
        """Try the destination step by step."""
        steps = destinations.test_destination(destination=self.get_object(), actor=self.caller)
        return Response(result_of_test(steps))
