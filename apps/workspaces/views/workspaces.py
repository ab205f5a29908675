"""The API of workspaces, of access to them, and of who one is."""

from typing import Any, ClassVar

from django.db.models import Q, QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.models import ServiceAccount, User
from apps.accounts.services import keys
from apps.workspaces import selectors
from apps.workspaces.models import Workspace
from apps.workspaces.serializers import (
    ApiKeyInfoSerializer,
    MeSerializer,
    RotationSerializer,
    ServiceAccountCreateSerializer,
    ServiceAccountSerializer,
    ServiceAccountWithKeySerializer,
    UserWorkspacesSerializer,
    WorkspaceSerializer,
)
from apps.workspaces.services import workspaces
from datalinx.api.permissions import ANY
from datalinx.api.scoping import require_open
from datalinx.api.serializers import DeletedSerializer
from datalinx.api.viewsets import ApiView, OrganizationViewSet
from datalinx.errors import NotFound


class MeView(ApiView):
    """Who you are: organization, role, permissions, workspaces."""

    permissions: ClassVar = {"view": ANY, "change": ANY}

    @extend_schema(responses=MeSerializer)
    def get(self, request: Request) -> Response:
        return Response(selectors.describe_caller(self.caller))


CONFIRM = OpenApiParameter("confirm", OpenApiTypes.STR, required=True, description="The workspace's name.")


@extend_schema_view(destroy=extend_schema(parameters=[CONFIRM], responses=DeletedSerializer))
class WorkspacesViewSet(OrganizationViewSet):
    """The workspaces that are open to you. A path takes a workspace's id or its name."""

    resource = "workspace"
    queryset = Workspace.objects.all()
    serializer_class = WorkspaceSerializer
    ordering: ClassVar = ["name"]
    ordering_fields = ("name", "created_at", "updated_at")
    search_fields = ("name",)
    permissions: ClassVar = {
        "view": ANY,
        "create": "workspaces:create",
        "partial_update": "workspaces:create",
        "destroy": "workspaces:delete",
        "change": "workspaces:create",
    }
    query_parameters: ClassVar = {"destroy": ("confirm",)}
    lookup_field = "pk"
    lookup_url_kwarg = "id"

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not self.caller.sees_all_workspaces:
            queryset = queryset.filter(pk__in=list(self.caller.workspaces))
        return super().filter_queryset(queryset)

    def get_object(self) -> Workspace:
        key = self.kwargs["id"]
        found: Workspace | None = self.get_queryset().filter(Q(pk=key) | Q(name__iexact=key)).first()
        if found is None:
            raise NotFound("WORKSPACE_NOT_FOUND", "Workspace not found")
        require_open(self.caller, found.pk)
        return found

    def create(self, request: Request) -> Response:
        return self.created(workspaces.create_workspace(actor=self.caller, **self.read()))

    def partial_update(self, request: Request, id: str) -> Response:
        values = self.read(partial=True)
        workspace = self.get_object()
        return self.answer(workspaces.update_workspace(actor=self.caller, workspace=workspace, **values))

    def destroy(self, request: Request, id: str) -> Response:
        workspace = self.get_object()
        confirm = request.query_params.get("confirm", "")
        workspaces.delete_workspace(actor=self.caller, workspace=workspace, confirm=confirm)
        return self.deleted(workspace.pk)


class UserWorkspacesView(ApiView):
    """A person's role in workspaces."""

    permissions: ClassVar = {"view": "users:manage", "change": "users:manage"}

    @extend_schema(request=UserWorkspacesSerializer, responses=UserWorkspacesSerializer)
    def put(self, request: Request, id: str) -> Response:
        serializer = UserWorkspacesSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        user = User.rows.for_organization(self.caller.organization_id).filter(pk=id).first()
        if user is None:
            raise NotFound("USER_NOT_FOUND", "There is no such user that you can see.")
        roles = serializer.validated_data["workspaces"]
        workspaces.set_user_workspaces(actor=self.caller, user=user, roles=roles)
        now = {row.workspace.name: row.role for row in user.memberships.select_related("workspace")}
        return Response({"workspaces": now})


@extend_schema_view(
    destroy=extend_schema(responses=DeletedSerializer),
    create=extend_schema(
        request=ServiceAccountCreateSerializer, responses={201: ServiceAccountWithKeySerializer}
    ),
)
class ServiceAccountViewSet(OrganizationViewSet):
    """Machines that call the API with a key."""

    resource = "service_account"
    queryset = ServiceAccount.objects.select_related("role", "membership__workspace")
    serializer_class = ServiceAccountSerializer
    ordering_fields = ("name", "created_at", "updated_at")
    search_fields = ("name", "description")
    permissions: ClassVar = {"view": "org.admin", "change": "org.admin"}
    lookup_field = "pk"
    lookup_url_kwarg = "id"

    def get_serializer_class(self) -> Any:
        return ServiceAccountCreateSerializer if self.action == "create" else ServiceAccountSerializer

    def create(self, request: Request) -> Response:
        account, key = workspaces.create_confined_service_account(actor=self.caller, **self.read())
        return self._with_key(account, key, status=201)

    def destroy(self, request: Request, id: str) -> Response:
        self.get_object().delete()
        return self.deleted(id)

    @extend_schema(responses=ApiKeyInfoSerializer)
    @action(detail=True, methods=["get"], url_path="api-key-info")
    def api_key_info(self, request: Request, id: str) -> Response:
        """What is known of the present key without the key."""
        key = self.get_object().keys.order_by("-created_at", "-pk").first()
        if key is None:
            raise NotFound("API_KEY_NOT_FOUND", "This service account has no key; rotate it to make one.")
        return Response(ApiKeyInfoSerializer(_key_facts(key)).data)

    @extend_schema(request=RotationSerializer, responses=ServiceAccountWithKeySerializer)
    @action(detail=True, methods=["post"], url_path="rotate-key")
    def rotate_key(self, request: Request, id: str) -> Response:
        """Make a new key; the old one stops now, or after a grace period."""
        serializer = RotationSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        account = self.get_object()
        return self._with_key(
            account, keys.rotate_key(actor=self.caller, account=account, **serializer.validated_data)
        )

    def _with_key(self, account: ServiceAccount, key: str, *, status: int = 200) -> Response:
        return Response({**ServiceAccountSerializer(account).data, "api_key": key}, status=status)


def _key_facts(key: Any) -> dict[str, Any]:
    return {
        "prefix": keys.PREFIX,
        "last_four": key.last_four,
        "created_at": key.created_at,
        "last_used_at": key.last_used_at,
    }
