"""The API of events, for those who ask instead of being told."""

from typing import ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.workspaces import selectors
from apps.workspaces.serializers import EventSerializer
from datalinx.api.pagination import Pages
from datalinx.api.viewsets import WorkspaceView


class EventsView(WorkspaceView):
    """What happened in a workspace, in order."""

    permissions: ClassVar = {"view": "webhooks:view"}
    query_parameters: ClassVar = {"get": ("after", "types")}
    lists: ClassVar = ("get",)

    @extend_schema(
        parameters=[
            OpenApiParameter(
                "after", str, description="The sequence or the id of the last event that was read."
            ),
            OpenApiParameter("types", str, description="Types of events, with commas between."),
        ],
        responses=EventSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        """What happened after an event, oldest first: the bodies that webhooks receive."""
        rows = selectors.list_events(
            self.workspace,
            after=request.query_params.get("after", ""),
            types=request.query_params.get("types", ""),
        )
        pages = Pages()
        page = pages.paginate_queryset(rows, request, view=self)
        return pages.get_paginated_response([selectors.read_body(each) for each in page])
