"""The target schema of a workspace, its templates, its object types, and the semantic types of the organization."""

from collections.abc import Mapping, Sequence
from typing import Any

from datalinx.client.endpoints.base import Collection, Endpoints, Where, given
from datalinx.client.models import ObjectType, Schema
from datalinx.client.pages import Listing
from datalinx.client.resource import Resource
from datalinx.client.transport import route

_W = Where.WORKSPACE


class Schemas(Endpoints):
    """The target schema: one document for each workspace, and the same document by its parts."""

    def list(self, **filters: Any) -> Listing[Resource]:
        """List the schemas of the workspace."""
        return self._list("schemas", Resource, where=_W, params=filters, short=True)

    def get(self) -> Schema:
        """Return the target schema; an empty one of version 0 before the first `put`."""
        return self._get("schemas/workspace", Schema, where=_W)

    def put(self, document: Mapping[str, Any]) -> Schema:
        """Replace the target schema. Raises ValidationFailed, and then the old one stays."""
        return self._send("PUT", "schemas/workspace", Schema, where=_W, body=document)

    def tables(self) -> Listing[Resource]:
        """List the target tables."""
        return self._list("schemas/workspace/tables", Resource, where=_W, short=True)

    def add_table(self, document: Mapping[str, Any]) -> Resource:
        """Add a target table after the others."""
        return self._send("POST", "schemas/workspace/tables", Resource, where=_W, body=document)

    def table(self, table: str) -> Resource:
        """Return one target table."""
        return self._get(_part(table), Resource, where=_W)

    def put_table(self, table: str, document: Mapping[str, Any]) -> Resource:
        """Add or replace one target table."""
        return self._send("PUT", _part(table), Resource, where=_W, body=document)

    def delete_table(self, table: str) -> Resource:
        """Remove one target table from the schema."""
        return self._send("DELETE", _part(table), Resource, where=_W)

    def columns(self, table: str) -> Listing[Resource]:
        """List the columns of a target table."""
        return self._list(_part(table, "columns"), Resource, where=_W, short=True)

    def column(self, table: str, column: str) -> Resource:
        """Return one column of a target table."""
        return self._get(_part(table, "columns", column), Resource, where=_W)

    def add_column(self, table: str, document: Mapping[str, Any]) -> Resource:
        """Add a column after the others of a target table."""
        return self._send("POST", _part(table, "columns"), Resource, where=_W, body=document)

    def put_column(self, table: str, column: str, document: Mapping[str, Any]) -> Resource:
        """Add or replace one column of a target table."""
        return self._send("PUT", _part(table, "columns", column), Resource, where=_W, body=document)

    def delete_column(self, table: str, column: str) -> Resource:
        """Remove one column of a target table from the schema."""
        return self._send("DELETE", _part(table, "columns", column), Resource, where=_W)

    def templates(self) -> Listing[Resource]:
        """List the ready-made schemas."""
        return self._list("schemas/templates", Resource, where=Where.ORGANIZATION, short=True)

    def template(self, name: str) -> Resource:
        """Return one ready-made schema."""
        return self._get(route("schemas", "templates", name), Resource, where=Where.ORGANIZATION)

    def apply_template(self, name: str, *, replace: bool | None = None) -> Schema:
        """Put the tables of a ready-made schema into the target schema; `replace` those of the same name."""
        path = route("schemas", "templates", name, "apply")
        return self._send("POST", path, Schema, where=_W, body=given(replace=replace))

    def versions(self) -> Listing[Resource]:
        """List the versions of the target schema."""
        return self._list("schemas/workspace/versions", Resource, where=_W, short=True)

    def version(self, number: int) -> Schema:
        """Return the target schema as it was."""
        return self._get(f"schemas/workspace/versions/{number}", Schema, where=_W)

    def diff(self, from_version: int | None = None, to_version: int | None = None) -> Listing[Resource]:
        """List what changed from one version to another; without any, in the last change."""
        params = {"from": from_version, "to": to_version}
        return self._list("schemas/workspace/diff", Resource, where=_W, params=params, short=True)

    def sync_status(self) -> Listing[Resource]:
        """Compare the schema with what the stored tables have, table by table."""
        return self._list("schemas/workspace/sync/status", Resource, where=_W, short=True)


class ObjectTypes(Collection[ObjectType]):
    """Entities: attributes and relationships over the target tables."""

    path = "object-types"
    model = ObjectType

    def create(self, document: Mapping[str, Any]) -> ObjectType:
        """Make an object type; `name`, `table` and `key` are needed."""
        return self._create(document)

    def draft(self) -> Resource:
        """Return what the target schema suggests as `object_types`, and what is `left_out`; nothing is kept."""
        return self._get("object-types/draft", Resource, where=_W)

    def create_drafts(self, tables: Sequence[str] | None = None) -> Resource:
        """Keep what `draft` proposes for these tables, or for all of them."""
        return self._send("POST", "object-types/draft", Resource, where=_W, body=given(tables=tables))

    def versions(self, object_type_id: str) -> Listing[Resource]:
        """List the versions of an object type."""
        path = route(self.path, object_type_id, "versions")
        return self._list(path, Resource, where=Where.OBJECT, short=True)

    def version(self, object_type_id: str, number: int) -> ObjectType:
        """Return an object type as it was."""
        path = route(self.path, object_type_id, "versions", str(number))
        return self._get(path, ObjectType, where=Where.OBJECT)

    def diff(
        self, object_type_id: str, from_version: int | None = None, to_version: int | None = None
    ) -> Listing[Resource]:
        """List what changed from one version to another; without any, in the last change."""
        params = {"from": from_version, "to": to_version}
        path = route(self.path, object_type_id, "diff")
        return self._list(path, Resource, where=Where.OBJECT, params=params, short=True)


class SemanticTypes(Endpoints):
    """What values mean: the types that are built in and the organization's own."""

    def list(self, **filters: Any) -> Listing[Resource]:
        """List all types with parent, check, normaliser and examples."""
        return self._list("semantic-types", Resource, where=Where.ORGANIZATION, params=filters, short=True)

    def get(self, name: str) -> Resource:
        """Return one type."""
        return self._get(route("semantic-types", name), Resource, where=Where.ORGANIZATION)

    def create(self, document: Mapping[str, Any]) -> Resource:
        """Add a type of the organization's own, inheriting from a parent."""
        return self._send("POST", "semantic-types", Resource, where=Where.ORGANIZATION, body=document)

    def put(self, name: str, document: Mapping[str, Any]) -> Resource:
        """Replace one of the organization's own types."""
        path = route("semantic-types", name)
        return self._send("PUT", path, Resource, where=Where.ORGANIZATION, body=document)

    def delete(self, name: str) -> Resource:
        """Delete one of the organization's own types."""
        return self._send("DELETE", route("semantic-types", name), Resource, where=Where.ORGANIZATION)


def _part(*parts: str) -> str:
    return route("schemas", "workspace", "tables", *parts)
