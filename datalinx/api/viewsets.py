"""The bases of all views: who, where, may they, in this order, before a view's own five lines."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, cast, final

from django.db.models import Model, QuerySet
from django.http.response import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from datalinx.api.authentication import caller_of
from datalinx.api.errors import outages_told
from datalinx.api.filters import LIST_PARAMETERS, refuse_unknown_parameters
from datalinx.api.idempotency import answer_once
from datalinx.api.pagination import PARAMETERS, Pages
from datalinx.api.permissions import PUBLIC, permission_for, require
from datalinx.api.scoping import require_open, workspace_named, workspace_required
from datalinx.api.throttling import TieredOrganizationThrottle
from datalinx.caller import Caller
from datalinx.errors import NotFound


class ApiView(APIView):
    """A view of the API. Subclasses say which permission each action needs.

    `permissions` maps an action's name, or `view` and `change`, to a permission string, `any` (whoever is
    known) or `public`. `query_parameters` maps an action to the query parameters that it knows. `lists` names
    the actions that answer a list which is no queryset of the view's own; `paged` makes their answers.
    `repeatable` says whether a POST honours `Idempotency-Key`; `long_actions` are those that must not hold a
    transaction open while they work.
    """

    permissions: ClassVar[Mapping[str, str]]
    query_parameters: ClassVar[Mapping[str, Iterable[str]]] = {}
    lists: ClassVar[tuple[str, ...]] = ()
    repeatable: ClassVar[bool] = True
    long_actions: ClassVar[frozenset[str]] = frozenset()
    workspace: Any = None

    @property
    def caller(self) -> Caller:
        return caller_of(self.request)

    @property
    def permission(self) -> str:
        method = self.request.method or "GET"
        return permission_for(self.permissions, action=self.action_name, method=method)

    @property
    def action_name(self) -> str:
        return getattr(self, "action", None) or (self.request.method or "").lower()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        with outages_told():
            self._begin(request, **kwargs)

    def _begin(self, request: Request, **kwargs: Any) -> None:
        """Find out who calls and whether that is allowed, before anything is done."""
        self.format_kwarg = self.get_format_suffix(**kwargs)
        request.accepted_renderer, request.accepted_media_type = self.perform_content_negotiation(request)
        self.perform_authentication(request)
        if self.permission != PUBLIC:
            caller = caller_of(request)
            TieredOrganizationThrottle().allow_request(request, self)
        if not hasattr(self, str(request.method).lower()):
            self.http_method_not_allowed(request)
        if self.permission != PUBLIC:
            self.scope(caller)
            require(caller, self.permission, self.workspace.pk if self.workspace else None)
        refuse_unknown_parameters(request, self.known_parameters())

    def initialize_request(self, request: Any, *args: Any, **kwargs: Any) -> Request:
        # A POST with an Idempotency-Key runs its handler once, after all checks.
        made: Request = super().initialize_request(request, *args, **kwargs)
        handler = getattr(self, "post", None)
        if request.method == "POST" and handler is not None and "Idempotency-Key" in request.headers:
            setattr(self, "post", partial(self._post_once, handler))  # noqa: B010  # views define post as a method
        return made

    def _post_once(
        self, handler: Callable[..., HttpResponseBase], request: Request, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        if self.permission == PUBLIC or not self.repeatable:
            return handler(request, *args, **kwargs)
        is_long = self.takes_long(request)
        return answer_once(request, self.caller, lambda: handler(request, *args, **kwargs), is_long=is_long)

    def takes_long(self, request: Request) -> bool:
        """Return whether a POST reads or computes so long that it must not keep other writers waiting.

        Its effect does not share a transaction with its stored answer, so it makes nothing that must not be there
        twice.
        """
        return self.action_name in self.long_actions

    def scope(self, caller: Caller) -> None:
        """Find the workspace of the request. Organization-wide views have none."""

    def known_parameters(self) -> Iterable[str]:
        known = self.query_parameters.get(self.action_name, ())
        return (*known, *PARAMETERS) if self.action_name in self.lists else known

    def paged(self, rows: Sequence[Any] | QuerySet[Any]) -> Response:
        """Return the page of a list that the request asks for. Raises Invalid for a page that cannot be."""
        pages = Pages()
        page = pages.paginate_queryset(rows, self.request, view=self)
        return pages.get_paginated_response(page)


class ResourceViewSet(ApiView, GenericViewSet[Any]):
    """Rows behind an API. The queryset is scoped here, and a subclass cannot say otherwise.

    `resource` is the noun in error codes: `source` gives SOURCE_NOT_FOUND.
    """

    resource: ClassVar[str]
    queryset: QuerySet[Any]
    ordering: ClassVar[list[str]] = ["-created_at"]
    ordering_fields: ClassVar[tuple[str, ...]] = ("created_at", "updated_at")
    search_fields: ClassVar[tuple[str, ...]] = ()
    _object: Any = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "get_queryset" in vars(cls) and not cls.__module__.startswith("datalinx.api."):
            raise TypeError(f"{cls.__name__} must not override get_queryset: scoping is the base's work")

    def known_parameters(self) -> Iterable[str]:
        known = super().known_parameters()
        if self.action_name != "list":
            return known
        filterset = getattr(self, "filterset_class", None)
        return (*known, *LIST_PARAMETERS, *(filterset.base_filters if filterset else ()))

    def not_found(self) -> NotFound:
        noun = self.resource.replace("_", " ")
        return NotFound(f"{self.resource.upper()}_NOT_FOUND", f"There is no such {noun} that you can see.")

    def get_object(self) -> Any:
        """Return the row that the URL names, within scope. Raises NotFound."""
        if self._object is None:
            key = self.kwargs[self.lookup_url_kwarg or self.lookup_field]
            self._object = self.get_queryset().filter(**{self.lookup_field: key}).first()
        if self._object is None:
            raise self.not_found()
        return self._object

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.answer(self.get_object())

    def read(self, *, partial: bool = False) -> dict[str, Any]:
        """Return the validated body. Raises ValidationError, which becomes a 422."""
        serializer = self.get_serializer(data=self.request.data, partial=partial)
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)

    def answer(self, instance: Any, *, status: int = 200) -> Response:
        return Response(self.get_serializer(instance).data, status=status)

    def created(self, instance: Any) -> Response:
        return self.answer(instance, status=201)

    def deleted(self, instance_id: str) -> Response:
        return Response({"id": instance_id, "deleted": True})


class OrganizationViewSet(ResourceViewSet):
    """Rows of the caller's organization."""

    @final
    def get_queryset(self) -> QuerySet[Any]:
        if getattr(self, "swagger_fake_view", False):
            return self.queryset.none()
        rows: Any = self.queryset
        return cast("QuerySet[Any]", rows.for_organization(self.caller.organization_id))


class WorkspaceViewSet(ResourceViewSet):
    """Rows of a workspace, which `X-Workspace` names unless the URL names an object by its id.

    With `addressed_by_name` the URL names documents by name, so that the header is always needed.
    """

    addressed_by_name: ClassVar[bool] = False

    def scope(self, caller: Caller) -> None:
        self.workspace = workspace_named(self.request, caller)
        if self.addressed_by_name or self._key() is None:
            if self.workspace is None:
                raise workspace_required()
            return
        if self.workspace is None:
            self._find_object(caller)

    def _key(self) -> str | None:
        return self.kwargs.get(self.lookup_url_kwarg or self.lookup_field)

    def _find_object(self, caller: Caller) -> None:
        rows = self.queryset.for_organization(caller.organization_id)  # type: ignore[attr-defined]  # our verb
        found: Model | None = (
            rows.filter(**{self.lookup_field: self._key()}).select_related("workspace").first()
        )
        if found is None:
            raise self.not_found()
        workspace = found.workspace  # type: ignore[attr-defined]  # every row of a workspace has one
        require_open(caller, workspace.pk)
        self._object, self.workspace = found, workspace

    @final
    def get_queryset(self) -> QuerySet[Any]:
        if getattr(self, "swagger_fake_view", False):
            return self.queryset.none()
        rows: Any = self.queryset
        return cast("QuerySet[Any]", rows.for_workspace(self.workspace.pk))


class WorkspaceView(ApiView):
    """A view without rows of its own that always needs `X-Workspace`."""

    def scope(self, caller: Caller) -> None:
        self.workspace = workspace_named(self.request, caller)
        if self.workspace is None:
            raise workspace_required()
