"""The API of identity: the rules, who is who by them, and why."""

from typing import Any, ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.mappings.services.identity import get_identity_document, put_identity
from apps.mappings.views.schemas import with_etag
from apps.pipelines.services import people
from apps.pipelines.services.resolutions import cancel_resolution, start_resolution
from datalinx.api.documents_schema import body, component
from datalinx.api.pagination import page_facts, read_page
from datalinx.api.parameters import whole_number
from datalinx.api.renderers import Paginated
from datalinx.api.viewsets import WorkspaceView
from datalinx.engine.spec.identity import IdentityDocument

# The contract gives identity the permissions of the noun before it.
PERMISSIONS: dict[str, str] = {"view": "audiences:view", "change": "audiences:edit"}


class RecordSerializer(serializers.Serializer[Any]):
    """A record: a table and the value of its key."""

    table = serializers.CharField()
    key = serializers.CharField()


class ResolutionSerializer(serializers.Serializer[Any]):
    """How a resolution stands."""

    id = serializers.CharField()
    status = serializers.ChoiceField(["queued", "running", "success", "failed", "cancelled"])
    progress = serializers.FloatField()
    phase = serializers.CharField()
    attempt = serializers.IntegerField()
    version = serializers.IntegerField()
    generation = serializers.IntegerField(allow_null=True)
    error = serializers.DictField(allow_null=True)
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)


class StatsSerializer(serializers.Serializer[Any]):
    """Who was found by the last resolution that succeeded, and how the last one stands."""

    version = serializers.IntegerField()
    generation = serializers.IntegerField()
    resolved_at = serializers.DateTimeField(allow_null=True)
    resolved_version = serializers.IntegerField(allow_null=True)
    resolution = ResolutionSerializer(allow_null=True)
    statistics = serializers.DictField(allow_null=True)


class ClusterSerializer(serializers.Serializer[Any]):
    """A person: how many records and identifiers, since which generation, and whether a limit cut it."""

    id = serializers.CharField()
    records = serializers.IntegerField()
    identifiers = serializers.IntegerField()
    born = serializers.IntegerField()
    limited = serializers.BooleanField()


class ExplanationSerializer(serializers.Serializer[Any]):
    """Whether two records are one person, and the chain of values that says so."""

    a = RecordSerializer()
    b = RecordSerializer()
    same = serializers.BooleanField()
    canonical_ids = serializers.ListField(child=serializers.CharField())
    kind = serializers.ChoiceField(["deterministic", "inferred"], allow_null=True)
    confidence = serializers.FloatField()
    path = serializers.ListField(child=serializers.DictField())


class IdentityView(WorkspaceView):
    """The identity rules of the workspace, one document."""

    permissions: ClassVar = PERMISSIONS

    @extend_schema(responses={200: component(IdentityDocument)})
    def get(self, request: Request) -> Response:
        return with_etag(get_identity_document(self.workspace.pk))

    @extend_schema(request=body(IdentityDocument), responses={200: component(IdentityDocument)})
    def put(self, request: Request) -> Response:
        document = put_identity(
            workspace=self.workspace,
            actor=self.caller,
            document=request.data,
            if_match=request.headers.get("If-Match", ""),
        )
        return with_etag(document, status=201 if document["version"] == 1 else 200)


class ResolveView(WorkspaceView):
    """Find who is who by the present rules; answers at once, `GET /api/identity/stats` tells how it stands."""

    permissions: ClassVar = PERMISSIONS

    @extend_schema(request=None, responses={200: ResolutionSerializer, 201: ResolutionSerializer})
    def post(self, request: Request) -> Response:
        resolution, is_new = start_resolution(workspace=self.workspace, actor=self.caller)
        return Response(people.resolution_to_json(resolution), status=201 if is_new else 200)


class CancelView(WorkspaceView):
    """Stop the resolution that is under way: nobody's id changes, and one that waits ends at once."""

    permissions: ClassVar = PERMISSIONS

    @extend_schema(request=None, responses=ResolutionSerializer)
    def post(self, request: Request) -> Response:
        resolution = cancel_resolution(workspace=self.workspace, actor=self.caller)
        return Response(people.resolution_to_json(resolution))


class StatsView(WorkspaceView):
    """Who was found, by what, and what was not let to link; null before the first resolution."""

    permissions: ClassVar = PERMISSIONS

    @extend_schema(responses=StatsSerializer)
    def get(self, request: Request) -> Response:
        return Response(people.get_stats(self.workspace))


class ClustersView(WorkspaceView):
    """The people that the last resolution found, those with most records first."""

    permissions: ClassVar = PERMISSIONS
    lists = ("get",)
    query_parameters: ClassVar = {"get": ("records", "record")}

    @extend_schema(
        parameters=[
            OpenApiParameter("records", OpenApiTypes.INT, description="At least so many records."),
            OpenApiParameter("record", str, description="The person of this record, written table:key."),
        ],
        responses=ClusterSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        page, size = read_page(request)
        found, total = people.list_clusters(
            workspace=self.workspace,
            at_least=whole_number(request, "records", default=1, lowest=1, highest=10_000),
            record=request.query_params.get("record", ""),
            offset=(page - 1) * size,
            limit=size,
        )
        return Paginated(found, page_facts(page, size, total))


class ClusterView(WorkspaceView):
    """One person: the records, the values that link them, and what happened to the id."""

    permissions: ClassVar = PERMISSIONS

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, cluster_id: str) -> Response:
        return Response(people.get_cluster(workspace=self.workspace, canonical_id=cluster_id))


class ExplainView(WorkspaceView):
    """Why two records are one person, or that they are not."""

    permissions: ClassVar = PERMISSIONS
    query_parameters: ClassVar = {"get": ("a", "b")}

    @extend_schema(
        parameters=[
            OpenApiParameter("a", str, required=True, description="A record, written table:key."),
            OpenApiParameter("b", str, required=True, description="The other record."),
        ],
        responses=ExplanationSerializer,
    )
    def get(self, request: Request) -> Response:
        left, right = (request.query_params.get(name, "") for name in ("a", "b"))
        return Response(people.explain(workspace=self.workspace, left=left, right=right))
