"""What all groups of endpoints share: where a call goes, and what its answer becomes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, ClassVar, Generic, TypeVar

from datalinx.client.errors import WorkspaceNotNamed
from datalinx.client.models import Deleted
from datalinx.client.pages import LARGEST, Listing, Page
from datalinx.client.resource import Resource
from datalinx.client.transport import NO_BODY, Answer, Call, Transport, route

R = TypeVar("R", bound=Resource)

# Work that answers when it is done (discovery, a query, a preview) may take this many seconds.
PATIENT = 300.0


class Where(Enum):
    """What a call says about the workspace."""

    ORGANIZATION = "nothing: it is about the organization"
    WORKSPACE = "its name, always"
    OBJECT = "its name if the client is bound to one: the object's id says where it is"


@dataclass(frozen=True)
class Scope:
    """The workspace that calls go to. A bound one also guards objects addressed by id; a default one does not."""

    workspace: str | None = None
    bound: bool = False

    def header(self, where: Where) -> str | None:
        """Return the name to send. Raises WorkspaceNotNamed where one is needed and none is known."""
        if where is Where.ORGANIZATION or (where is Where.OBJECT and not self.bound):
            return None
        if where is Where.WORKSPACE and not self.workspace:
            raise WorkspaceNotNamed(
                "Name the workspace: client.workspace('production'), Datalinx(workspace='production') or "
                "DATALINX_WORKSPACE."
            )
        return self.workspace


class Endpoints:
    """A group of endpoints under one noun."""

    def __init__(self, transport: Transport, scope: Scope) -> None:
        self._transport = transport
        self._scope = scope

    def _send(
        self,
        method: str,
        path: str,
        model: type[R],
        *,
        where: Where,
        body: Any = NO_BODY,
        params: Mapping[str, Any] | None = None,
        seconds: float | None = None,
        idempotency_key: str | None = None,
        only_reads: bool = False,
    ) -> R:
        call = Call(
            method,
            path,
            params=params or {},
            body=body,
            workspace=self._scope.header(where),
            seconds=seconds,
            idempotency_key=idempotency_key,
            only_reads=only_reads,
        )
        return as_resource(self._transport.send(call), model)

    def _ask(self, path: str, model: type[R], *, where: Where, body: Mapping[str, Any]) -> R:
        """Post a question that may take its time and changes nothing."""
        return self._send("POST", path, model, where=where, body=body, seconds=PATIENT, only_reads=True)

    def _get(
        self,
        path: str,
        model: type[R],
        *,
        where: Where,
        params: Mapping[str, Any] | None = None,
        seconds: float | None = None,
    ) -> R:
        return self._send("GET", path, model, where=where, params=params, seconds=seconds)

    def _list(
        self,
        path: str,
        model: type[R],
        *,
        where: Where,
        params: Mapping[str, Any] | None = None,
        short: bool = False,
    ) -> Listing[R]:
        """Return a list. A short one comes whole: it is asked for a page only if its answer says there are more."""
        workspace = self._scope.header(where)
        filters = {"page_size": None if short else LARGEST, **(params or {})}

        def fetch(number: int) -> Page[R]:
            query = {**filters, "page": None if short and number == 1 else number}
            return as_page(self._transport.send(Call("GET", path, params=query, workspace=workspace)), model)

        return Listing(fetch, path)


def key_text(key: str | int | Mapping[str, Any]) -> str:
    """Return a record's key as the API takes it: a value, or columns and values as JSON."""
    return json.dumps(dict(key), default=str) if isinstance(key, Mapping) else str(key)


class Collection(Endpoints, Generic[R]):
    """A group with the usual endpoints: list, get, create, update, delete, for objects addressed by id."""

    path: ClassVar[str]
    model: type[R]
    collection_where: ClassVar[Where] = Where.WORKSPACE
    object_where: ClassVar[Where] = Where.OBJECT

    def list(self, **filters: Any) -> Listing[R]:
        """List them; `search`, `ordering`, `page_size` and the filters of the API's documentation are taken."""
        return self._list(self.path, self.model, where=self.collection_where, params=filters)

    def get(self, object_id: str) -> R:
        """Return one by its id. Raises NotFound."""
        return self._get(route(self.path, object_id), self.model, where=self.object_where)

    def find(self, name: str) -> R | None:
        """Return the one of this name, None when there is none."""
        found = self.list(search=name)
        return next((item for item in found if item.get("name") == name), None)

    def update(self, object_id: str, **fields: Any) -> R:
        """Change the given fields and leave the others."""
        return self._send(
            "PATCH", route(self.path, object_id), self.model, where=self.object_where, body=fields
        )

    def delete(self, object_id: str) -> Deleted:
        """Delete one by its id."""
        return self._send("DELETE", route(self.path, object_id), Deleted, where=self.object_where)

    def _create(self, body: Mapping[str, Any], idempotency_key: str | None = None) -> R:
        return self._send(
            "POST",
            self.path,
            self.model,
            where=self.collection_where,
            body=body,
            idempotency_key=idempotency_key,
        )

    def _post(
        self,
        object_id: str,
        action: str,
        body: Mapping[str, Any] | None = None,
        *,
        seconds: float | None = None,
    ) -> Resource:
        path = route(self.path, object_id) + f"/{action}"
        return self._send("POST", path, Resource, where=self.object_where, body=body or {}, seconds=seconds)


def given(**fields: Any) -> dict[str, Any]:
    """Return the fields that were given, which None means they were not."""
    return {name: value for name, value in fields.items() if value is not None}


def as_resource(answer: Answer, model: type[R]) -> R:
    """Return an answer as its resource; what is not an object stands under `value`."""
    data = answer.data if isinstance(answer.data, Mapping) else {"value": answer.data}
    return model(data, answer.request_id)


def as_page(answer: Answer, model: type[R]) -> Page[R]:
    """Return an answer as a page; a list without pagination is its only page, an object its only item."""
    rows = answer.data if isinstance(answer.data, list) else [answer.data]
    items = [model(row if isinstance(row, Mapping) else {"value": row}, answer.request_id) for row in rows]
    facts = answer.pagination or {}
    return Page(
        items,
        page=facts.get("page", 1),
        page_size=facts.get("page_size", len(items)),
        total_items=facts.get("total_items", len(items)),
        total_pages=facts.get("total_pages", 1),
        request_id=answer.request_id,
    )
