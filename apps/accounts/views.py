"""The API of sessions, organizations, people and roles."""

from typing import Any, ClassVar

from django.conf import settings
from django.db.models import Q, QuerySet
from django_ratelimit.core import is_ratelimited
from django_ratelimit.exceptions import Ratelimited
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.filters import OrganizationFilter, UserFilter
from apps.accounts.models import Organization, Role, User
from apps.accounts.serializers import (
    LoginSerializer,
    OrganizationCreateSerializer,
    OrganizationSerializer,
    PasswordSerializer,
    RefreshSerializer,
    RoleSerializer,
    TokenSerializer,
    UserChangeSerializer,
    UserSerializer,
)
from apps.accounts.services import people, sessions
from datalinx.api.errors import outages_told
from datalinx.api.permissions import ALL, ANY, OPERATOR, PUBLIC
from datalinx.api.renderers import Bare
from datalinx.api.serializers import DeletedSerializer
from datalinx.api.viewsets import ApiView, OrganizationViewSet, ResourceViewSet
from datalinx.errors import Invalid


def _limit_guessing(request: Request, email: str) -> None:
    """Count an attempt for the address it comes from and for the e-mail address that it names."""
    keys = {"ip": "ip", "email": lambda group, inner: email.strip().lower()}
    for name, key in keys.items():
        if is_ratelimited(
            request._request,
            group=f"login.{name}",
            key=key,
            rate=settings.LOGIN_RATE,
            method="POST",
            increment=True,
        ):
            raise Ratelimited


class LoginView(ApiView):
    """Log in with e-mail address and password. The answer stands outside the envelope."""

    permissions: ClassVar = {"view": PUBLIC, "change": PUBLIC}
    authentication_classes = ()

    @extend_schema(request=LoginSerializer, responses=TokenSerializer, auth=[], extensions={"x-bare": True})
    def post(self, request: Request) -> Response:
        serializer = LoginSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        with outages_told():
            _limit_guessing(request, serializer.validated_data["email"])
        return Bare(sessions.login(**serializer.validated_data))


class RefreshView(ApiView):
    """Trade a refresh token for a new pair. A token that is used twice ends its session."""

    permissions: ClassVar = {"view": PUBLIC, "change": PUBLIC}
    authentication_classes = ()

    @extend_schema(request=RefreshSerializer, responses=TokenSerializer, auth=[], extensions={"x-bare": True})
    def post(self, request: Request) -> Response:
        serializer = RefreshSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return Bare(sessions.refresh(**serializer.validated_data))


def require_person(view: ApiView) -> User:
    """Return the person who calls. Raises Invalid for a service account, which has no sessions."""
    if view.caller.kind != "user":
        raise Invalid("NOT_A_PERSON", "This is for people; a service account has a key instead.")
    return User.objects.get(pk=view.caller.id)


class LogoutView(ApiView):
    """End the present session: its tokens stop working at once."""

    permissions: ClassVar = {"view": ANY, "change": ANY}
    repeatable = False

    @extend_schema(request=None, responses=DeletedSerializer)
    def post(self, request: Request) -> Response:
        require_person(self)
        sessions.logout(session=self.caller.credential_id)
        return Response({"id": self.caller.id, "deleted": True})


class PasswordView(ApiView):
    """Change one's own password. All sessions end."""

    permissions: ClassVar = {"view": ANY, "change": ANY}
    repeatable = False

    @extend_schema(request=PasswordSerializer, responses=UserSerializer)
    def post(self, request: Request) -> Response:
        serializer = PasswordSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        user = require_person(self)
        sessions.change_password(user=user, **serializer.validated_data)
        return Response(UserSerializer(user).data)


class OrganizationsViewSet(ResourceViewSet):
    """Organizations: an operator sees all of them, everybody else their own."""

    resource = "organization"
    queryset = Organization.objects.all()
    serializer_class = OrganizationSerializer
    filterset_class = OrganizationFilter
    search_fields = ("name", "slug")
    permissions: ClassVar = {"view": "org.admin", "create": OPERATOR, "change": "org.admin"}
    lookup_field = "pk"
    lookup_url_kwarg = "id"

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        own = queryset if self.caller.is_operator else queryset.filter(pk=self.caller.organization_id)
        return super().filter_queryset(own)

    def get_serializer_class(self) -> type[OrganizationSerializer]:
        return OrganizationCreateSerializer if self.action == "create" else OrganizationSerializer

    def get_object(self) -> Organization:
        return people.get_organization_for(actor=self.caller, organization_id=self.kwargs["id"])

    def create(self, request: Request) -> Response:
        return self.created(people.create_organization(actor=self.caller, **self.read()))

    def partial_update(self, request: Request, id: str) -> Response:
        values = self.read(partial=True)
        return self.answer(
            people.update_organization(actor=self.caller, organization=self.get_object(), **values)
        )


@extend_schema_view(destroy=extend_schema(responses=DeletedSerializer))
class UserViewSet(OrganizationViewSet):
    """The people of the organization."""

    resource = "user"
    queryset = User.rows.select_related("role")
    serializer_class = UserSerializer
    filterset_class = UserFilter
    search_fields = ("email", "display_name")
    ordering_fields = ("created_at", "updated_at", "email", "last_active_at")
    permissions: ClassVar = {"view": "users:manage", "change": "users:manage"}
    lookup_field = "pk"
    lookup_url_kwarg = "id"

    def get_serializer_class(self) -> type[UserSerializer]:
        return UserChangeSerializer if self.action == "partial_update" else UserSerializer

    def create(self, request: Request) -> Response:
        return self.created(people.create_user(actor=self.caller, **_flat(self.read())))

    def partial_update(self, request: Request, id: str) -> Response:
        values = _flat(self.read(partial=True))
        return self.answer(people.update_user(actor=self.caller, user=self.get_object(), **values))

    def destroy(self, request: Request, id: str) -> Response:
        people.delete_user(actor=self.caller, user=self.get_object())
        return self.deleted(id)

    @extend_schema(request=None)
    @action(detail=True, methods=["post"])
    def deactivate(self, request: Request, id: str) -> Response:
        """Close a person's access at once."""
        return self.answer(people.deactivate_user(actor=self.caller, user=self.get_object()))

    @extend_schema(request=None)
    @action(detail=True, methods=["post"])
    def reactivate(self, request: Request, id: str) -> Response:
        """Open a person's access again."""
        return self.answer(people.reactivate_user(actor=self.caller, user=self.get_object()))


def _flat(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values with the role's name in place of DRF's nested source."""
    if "role" in values:
        values["role"] = values["role"]["name"]
    return values


@extend_schema_view(destroy=extend_schema(responses=DeletedSerializer))
class RoleViewSet(ResourceViewSet):
    """Roles: the built-in ones, which cannot be changed, and the organization's own."""

    resource = "role"
    queryset = Role.objects.all()
    serializer_class = RoleSerializer
    ordering: ClassVar = ["name"]
    ordering_fields = ("name", "created_at")
    search_fields = ("name",)
    permissions: ClassVar = {"view": "org.admin", "change": "org.admin"}
    lookup_field = "pk"
    lookup_url_kwarg = "id"

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return super().filter_queryset(self._open(queryset))

    def _open(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(Q(organization=None) | Q(organization_id=self.caller.organization_id))

    def get_object(self) -> Role:
        found: Role | None = self._open(Role.objects.all()).filter(pk=self.kwargs["id"]).first()
        if found is None:
            raise self.not_found()
        return found

    def create(self, request: Request) -> Response:
        return self.created(people.create_role(actor=self.caller, **self.read()))

    def update(self, request: Request, id: str) -> Response:
        return self.answer(people.replace_role(actor=self.caller, role=self.get_object(), **self.read()))

    def destroy(self, request: Request, id: str) -> Response:
        people.delete_role(actor=self.caller, role=self.get_object())
        return self.deleted(id)


class PermissionsView(ApiView):
    """Every permission that exists."""

    permissions: ClassVar = {"view": "org.admin", "change": "org.admin"}
    lists = ("get",)

    @extend_schema(responses={200: {"type": "array", "items": {"type": "string"}}})
    def get(self, request: Request) -> Response:
        return self.paged(sorted(ALL))
