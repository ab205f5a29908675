"""The API of object types: the entities of a workspace, how they go together, and what feeds them."""

from functools import cached_property
from typing import Any, ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.mappings.models import ObjectType
from apps.mappings.selectors import get_version, list_versions
from apps.mappings.services import object_types
from apps.mappings.services.compile import collect_documents
from apps.mappings.services.object_type_sources import source_mappings
from apps.mappings.views.schemas import FROM_TO, PERMISSIONS, if_match, object_body, read_diff, with_etag
from datalinx.api.documents_schema import body, component
from datalinx.api.serializers import DeletedSerializer, StrictSerializer
from datalinx.api.viewsets import WorkspaceView, WorkspaceViewSet
from datalinx.engine.object_types import Ground, check_object_type, resolve, with_names
from datalinx.engine.spec.base import document_to_json, parse_document
from datalinx.engine.spec.object_type import ObjectTypeDocument

# What an answer says beside the document; it may be sent back and is not taken.
ANSWERED = ("resolved", "referenced_by", "faults", "source_mappings")
ONE = {200: component(ObjectTypeDocument)}
MANY = {"type": "array", "items": component(ObjectTypeDocument)}
LIST = {200: {"type": "array", "items": {"type": "object"}}}


class ObjectTypeSerializer(serializers.Serializer[Any]):
    """An object type as its document, with what the schema and the other object types make of it.

    `resolved` fills in the blanks, `referenced_by` are the relationships of others that lead here, `faults` say what
    does not fit the target schema any more.
    """

    def to_representation(self, instance: ObjectType) -> dict[str, Any]:
        ground: Ground = self.context["view"].ground
        document = parse_document(ObjectTypeDocument, instance.document)
        return {
            "id": instance.pk,
            **document_to_json(with_names(document, ground)),
            "version": instance.version,
            "resolved": resolve(document, ground),
            "referenced_by": [
                {
                    "id": row.pk,
                    "name": row.name,
                    "relationship": each["name"],
                    "cardinality": each["cardinality"],
                }
                for row in self.context["view"].known
                for each in row.document["relationships"]
                if each["to"] == instance.pk and row.pk != instance.pk
            ],
            "faults": [fault.as_dict() for fault in check_object_type(document, ground)],
            "created_at": instance.created_at,
            "updated_at": instance.updated_at,
            "created_by": instance.created_by,
        }


class ObjectTypeViewSet(WorkspaceViewSet):
    """Object types: entities with attributes and relationships, over the target tables that hold them.

    They say what the target schema means and need its rights, `schemas:view` and `schemas:edit`.
    """

    resource = "object_type"
    queryset = ObjectType.objects.select_related("workspace__organization")
    serializer_class = ObjectTypeSerializer
    ordering: ClassVar = ["name"]
    ordering_fields = ("name", "created_at", "updated_at")
    search_fields = ("name",)
    permissions: ClassVar = PERMISSIONS
    lists = ("versions", "diff")
    query_parameters: ClassVar = {"diff": ("from", "to")}
    lookup_field = "pk"
    lookup_url_kwarg = "id"

    @cached_property
    def known(self) -> list[ObjectType]:
        """Every object type of the workspace."""
        return object_types.list_object_types(self.workspace.pk)

    @cached_property
    def ground(self) -> Ground:
        """What they are looked at against, read once for an answer."""
        return object_types.get_ground(self.workspace, self.known)

    @extend_schema(responses={200: {**MANY, "x-paginated": True}})
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Every object type of the workspace, without what feeds it."""
        return super().list(request, *args, **kwargs)

    @extend_schema(responses=ONE)
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One object type, with the columns of sources that feed it (`source_mappings`)."""
        return self._whole(self.get_object())

    @extend_schema(request=body(ObjectTypeDocument), responses={201: component(ObjectTypeDocument)})
    def create(self, request: Request) -> Response:
        """Make an object type over a table of the target schema."""
        made = object_types.create_object_type(
            workspace=self.workspace, actor=self.caller, document=request.data
        )
        return self._whole(made, status=201)

    @extend_schema(request={"application/json": {"type": "object"}}, responses=ONE)
    def partial_update(self, request: Request, id: str) -> Response:
        """Change the given keys of an object type's document."""
        changed = object_types.update_object_type(
            object_type=self.get_object(),
            actor=self.caller,
            changes=object_body(request, answered=ANSWERED),
            if_match=if_match(request),
        )
        return self._whole(changed)

    @extend_schema(responses=DeletedSerializer)
    def destroy(self, request: Request, id: str) -> Response:
        """Delete an object type that no other relates to."""
        object_types.delete_object_type(object_type=self.get_object())
        return self.deleted(id)

    @extend_schema(responses=LIST)
    @action(detail=True, methods=["get"])
    def versions(self, request: Request, id: str) -> Response:
        """Every version of an object type, newest first."""
        return self.paged(list_versions(self.workspace.pk, kind="object_type", key=self.get_object().pk))

    @extend_schema(responses=ONE, parameters=[OpenApiParameter("number", OpenApiTypes.INT, "path")])
    @action(detail=True, methods=["get"], url_path=r"versions/(?P<number>\d{1,9})")
    def version(self, request: Request, id: str, number: str) -> Response:
        """An object type as it was at a version."""
        key = self.get_object().pk
        found = get_version(self.workspace.pk, kind="object_type", key=key, version=int(number))
        document = parse_document(ObjectTypeDocument, found)
        return Response({**found, **document_to_json(with_names(document, self.ground))})

    @extend_schema(parameters=FROM_TO, responses=LIST)
    @action(detail=True, methods=["get"])
    def diff(self, request: Request, id: str) -> Response:
        """What changed in an object type between two versions; by default the last change."""
        key = self.get_object().pk
        return self.paged(read_diff(request, self.workspace.pk, kind="object_type", key=key))

    def _whole(self, row: ObjectType, *, status: int = 200) -> Response:
        feeds = None
        if self.caller.can("mappings:view", self.workspace.pk):
            document = parse_document(ObjectTypeDocument, row.document)
            feeds = source_mappings(collect_documents(self.workspace), document)
        return with_etag({**self.get_serializer(row).data, "source_mappings": feeds}, status=status)


class LeftOutSerializer(serializers.Serializer[Any]):
    """A table, or a relationship of it, that nothing is proposed for, and why."""

    table = serializers.CharField()
    relationship = serializers.CharField(allow_null=True)
    reason = serializers.CharField()


class DraftsSerializer(serializers.Serializer[Any]):
    """Documents of object types, with `id` and `version` once they are kept, and what there is none for."""

    object_types = serializers.ListField(child=serializers.DictField())
    left_out = LeftOutSerializer(many=True)


class KeepSerializer(StrictSerializer):
    """The tables whose proposals are kept; all of them when left out."""

    tables = serializers.ListField(
        child=serializers.CharField(max_length=63), min_length=1, max_length=500, required=False
    )


class DraftView(WorkspaceView):
    """Object types proposed from the target schema."""

    permissions: ClassVar = PERMISSIONS

    @extend_schema(responses=DraftsSerializer)
    def get(self, request: Request) -> Response:
        """An object type for each target table that has none; nothing is kept."""
        return Response(object_types.draft(self.workspace))

    @extend_schema(request=KeepSerializer, responses={201: DraftsSerializer})
    def post(self, request: Request) -> Response:
        """Keep what is proposed, with the relationships among it, all of it or nothing."""
        serializer = KeepSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        made = object_types.create_drafts(
            workspace=self.workspace, actor=self.caller, **serializer.validated_data
        )
        return Response(made, status=201)
