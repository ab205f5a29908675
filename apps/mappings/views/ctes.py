"""The API of reusable blocks of SQL."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.mappings.models import Cte
from apps.mappings.services import mappings
from apps.mappings.services.compile import cte_columns
from apps.mappings.views.schemas import with_etag
from datalinx.api.documents_schema import body, component
from datalinx.api.serializers import DeletedSerializer
from datalinx.api.viewsets import WorkspaceView, WorkspaceViewSet
from datalinx.engine.spec.cte import CteDocument


class CteSerializer(serializers.Serializer[Any]):
    """A block of SQL as its document."""

    def to_representation(self, instance: Cte) -> dict[str, Any]:
        return {
            "id": instance.pk,
            **instance.document,
            "version": instance.version,
            "created_at": instance.created_at,
            "updated_at": instance.updated_at,
            "created_by": instance.created_by,
        }


class CteColumnsView(WorkspaceView):
    """The columns that a CTE gives, as the last discovery of what it reads has them."""

    permissions: ClassVar = {"view": "mappings:view", "change": "mappings:view"}
    lists = ("get",)

    @extend_schema(responses={200: {"type": "array", "items": {"type": "object"}}})
    def get(self, request: Request, name: str) -> Response:
        row = mappings.get_cte(self.workspace.pk, name)
        return self.paged(cte_columns(self.workspace, row.name))


class CteViewSet(WorkspaceViewSet):
    """Reusable blocks of SQL that mappings read and that may build on each other."""

    resource = "cte"
    addressed_by_name = True
    queryset = Cte.objects.all()
    serializer_class = CteSerializer
    ordering: ClassVar = ["name"]
    ordering_fields = ("name", "created_at", "updated_at")
    search_fields = ("name",)
    permissions: ClassVar = {"view": "mappings:view", "change": "mappings:edit", "create": "mappings:create"}
    lookup_field = "name"

    def get_object(self) -> Cte:
        return mappings.get_cte(self.workspace.pk, self.kwargs["name"])

    def _put(self, name: str | None) -> Response:
        row, is_new = mappings.put_cte(
            workspace=self.workspace,
            actor=self.caller,
            name=name,
            document=self.request.data,
            if_match=self.request.headers.get("If-Match", ""),
        )
        return with_etag(CteSerializer(row).data, status=201 if is_new else 200)

    @extend_schema(responses={200: {"type": "array", "items": component(CteDocument), "x-paginated": True}})
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Every CTE of the workspace."""
        return super().list(request, *args, **kwargs)

    @extend_schema(responses={200: component(CteDocument)})
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One CTE."""
        return with_etag(CteSerializer(self.get_object()).data)

    @extend_schema(request=body(CteDocument), responses={201: component(CteDocument)})
    def create(self, request: Request) -> Response:
        """Make a CTE."""
        return self._put(None)

    @extend_schema(
        request=body(CteDocument), responses={200: component(CteDocument), 201: component(CteDocument)}
    )
    def update(self, request: Request, name: str) -> Response:
        """Put a CTE; a cycle is refused with the cycle named."""
        return self._put(name)

    @extend_schema(responses=DeletedSerializer)
    def destroy(self, request: Request, name: str) -> Response:
        """Delete a CTE that nothing reads."""
        mappings.delete_cte(workspace=self.workspace, actor=self.caller, name=name)
        return self.deleted(name)
