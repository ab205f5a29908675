"""The API of audiences."""

from typing import Any, ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.analytics.models import Audience, AudienceRefresh
from apps.analytics.services import audiences
from apps.mappings.views.schemas import object_body, with_etag
from datalinx.api.documents_schema import body, component
from datalinx.api.pagination import page_facts, read_page
from datalinx.api.parameters import one_of, whole_number
from datalinx.api.renderers import Paginated
from datalinx.api.serializers import DeletedSerializer, StrictModelSerializer
from datalinx.api.viewsets import WorkspaceView, WorkspaceViewSet
from datalinx.engine.spec.audience import AudienceDocument
from datalinx.errors import FieldError, Invalid

PAGED = {200: {"type": "array", "items": {"type": "object"}, "x-paginated": True}}


class AudienceSerializer(serializers.Serializer[Any]):
    """An audience as its document, with what its last refresh found."""

    def to_representation(self, instance: Audience) -> dict[str, Any]:
        return {
            "id": instance.pk,
            **instance.document,
            "version": instance.version,
            "size": instance.size,
            "generation": instance.generation,
            "refreshed_at": instance.refreshed_at,
            "created_at": instance.created_at,
            "updated_at": instance.updated_at,
            "created_by": instance.created_by,
        }


class RefreshSerializer(StrictModelSerializer):
    """One refresh of an audience."""

    class Meta:
        model = AudienceRefresh
        fields = ("generation", "version", "size", "entered", "left", "created_at")


class CountSerializer(serializers.Serializer[Any]):
    """How many an audience has, in all and for every block of its rule."""

    total = serializers.IntegerField()
    population = serializers.IntegerField()
    blocks = serializers.DictField(child=serializers.IntegerField())
    sample = serializers.ListField()
    seconds = serializers.FloatField()


class PreviewView(WorkspaceView):
    """How many an audience that is not saved would have, with a count for every block."""

    long_actions = frozenset({"post"})
    permissions: ClassVar = {"view": "audiences:view", "change": "audiences:view"}

    @extend_schema(request=body(AudienceDocument), responses=CountSerializer)
    def post(self, request: Request) -> Response:
        return Response(audiences.preview_audience(workspace=self.workspace, document=request.data))


class AudienceViewSet(WorkspaceViewSet):
    """Audiences: who fits a rule."""

    resource = "audience"
    long_actions = frozenset({"refresh"})
    queryset = Audience.objects.select_related("workspace__organization")
    serializer_class = AudienceSerializer
    ordering_fields = ("created_at", "updated_at", "name", "size", "refreshed_at")
    search_fields = ("name",)
    permissions: ClassVar = {"view": "audiences:view", "change": "audiences:edit"}
    query_parameters: ClassVar = {
        "members": ("page", "page_size"),
        "history": ("page", "page_size"),
        "changes": ("page", "page_size", "generation", "change"),
        "explain": ("key",),
    }
    lookup_field = "pk"
    lookup_url_kwarg = "id"

    @extend_schema(
        responses={200: {"type": "array", "items": component(AudienceDocument), "x-paginated": True}}
    )
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Every audience of the workspace."""
        return super().list(request, *args, **kwargs)

    @extend_schema(responses={200: component(AudienceDocument)})
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One audience."""
        return with_etag(AudienceSerializer(self.get_object()).data)

    @extend_schema(request=body(AudienceDocument), responses={201: component(AudienceDocument)})
    def create(self, request: Request) -> Response:
        """Make an audience; its first refresh finds the members."""
        made = audiences.create_audience(workspace=self.workspace, actor=self.caller, document=request.data)
        return with_etag(AudienceSerializer(made).data, status=201)

    @extend_schema(
        request={"application/json": {"type": "object"}}, responses={200: component(AudienceDocument)}
    )
    def partial_update(self, request: Request, id: str) -> Response:
        """Change the given keys of an audience's document."""
        changed = audiences.update_audience(
            audience=self.get_object(),
            actor=self.caller,
            changes=object_body(request, answered=("size", "generation", "refreshed_at")),
            if_match=request.headers.get("If-Match", ""),
        )
        return with_etag(AudienceSerializer(changed).data)

    @extend_schema(responses=DeletedSerializer)
    def destroy(self, request: Request, id: str) -> Response:
        """Delete an audience that no other builds on."""
        audiences.delete_audience(audience=self.get_object(), actor=self.caller)
        return self.deleted(id)

    @extend_schema(request=None, responses=RefreshSerializer)
    @action(detail=True, methods=["post"])
    def refresh(self, request: Request, id: str) -> Response:
        """Find the members anew, and who entered and left."""
        made = audiences.refresh_audience(audience=self.get_object(), actor=self.caller)
        return Response(RefreshSerializer(made).data)

    @extend_schema(responses=CountSerializer)
    @action(detail=True, methods=["get"])
    def count(self, request: Request, id: str) -> Response:
        """The counts of the rule right now, block by block."""
        return Response(audiences.count_audience(audience=self.get_object()))

    @extend_schema(responses=PAGED)
    @action(detail=True, methods=["get"])
    def members(self, request: Request, id: str) -> Response:
        """The members that the last refresh found."""
        page, size = read_page(request)
        found, total = audiences.list_members(
            audience=self.get_object(), offset=(page - 1) * size, limit=size
        )
        return Paginated(found, page_facts(page, size, total))

    @extend_schema(responses=RefreshSerializer(many=True))
    @action(detail=True, methods=["get"])
    def history(self, request: Request, id: str) -> Response:
        """Every refresh, newest first."""
        page = self.paginate_queryset(self.get_object().refreshes.all())
        return self.get_paginated_response(RefreshSerializer(page, many=True).data)

    @extend_schema(
        parameters=[
            OpenApiParameter(
                "generation", OpenApiTypes.INT, description="Which refresh; the last one otherwise."
            ),
            OpenApiParameter("change", str, enum=["entered", "left"]),
        ],
        responses=PAGED,
    )
    @action(detail=True, methods=["get"])
    def changes(self, request: Request, id: str) -> Response:
        """Who entered and who left at a refresh."""
        audience = self.get_object()
        page, size = read_page(request)
        change = one_of(request, "change", ["entered", "left"])
        found, total = audiences.list_changes(
            audience=audience,
            generation=whole_number(request, "generation", default=0, lowest=1, highest=2**31) or None,
            change=change,
            offset=(page - 1) * size,
            limit=size,
        )
        return Paginated(found, page_facts(page, size, total))

    @extend_schema(
        parameters=[OpenApiParameter("key", str, required=True)], responses={200: {"type": "object"}}
    )
    @action(detail=True, methods=["get"])
    def explain(self, request: Request, id: str) -> Response:
        """Why somebody is, or is not, in the audience."""
        audience = self.get_object()
        key = request.query_params.get("key", "")
        if not key:
            message = "Say whom to explain: ?key=…"
            raise Invalid("VALIDATION_ERROR", message, errors=[FieldError("key", "required", message)])
        return Response(audiences.explain_member(audience=audience, key=key))
