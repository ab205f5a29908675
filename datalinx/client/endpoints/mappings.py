"""Mappings: how source columns become target tables; and the reusable blocks of SQL that they read."""

from collections.abc import Mapping
from typing import Any

from datalinx.client.endpoints.base import PATIENT, Endpoints, R, Where, given
from datalinx.client.models import MappingDocument
from datalinx.client.pages import Listing
from datalinx.client.resource import Resource
from datalinx.client.transport import Call, route

_W = Where.WORKSPACE


class Mappings(Endpoints):
    """The mappings of a workspace, one for each target table and addressed by its name."""

    def list(self, **filters: Any) -> Listing[MappingDocument]:
        """List the mappings."""
        return self._list("mappings", MappingDocument, where=_W, params=filters)

    def get(self, table: str) -> MappingDocument:
        """Return one mapping."""
        return self._get(route("mappings", table), MappingDocument, where=_W)

    def create(self, document: Mapping[str, Any]) -> MappingDocument:
        """Make a mapping for a table that has none."""
        return self._send("POST", "mappings", MappingDocument, where=_W, body=document)

    def put(self, table: str, document: Mapping[str, Any]) -> MappingDocument:
        """Make or replace the mapping of a table. Raises ValidationFailed, and then the old one stays."""
        return self._send("PUT", route("mappings", table), MappingDocument, where=_W, body=document)

    def delete(self, table: str) -> Resource:
        """Delete a mapping."""
        return self._send("DELETE", route("mappings", table), Resource, where=_W)

    def put_field(self, table: str, field: str, document: Mapping[str, Any]) -> Resource:
        """Add or replace one field of a mapping."""
        return self._send("PUT", route("mappings", table, "fields", field), Resource, where=_W, body=document)

    def delete_field(self, table: str, field: str) -> Resource:
        """Remove one field from a mapping."""
        return self._send("DELETE", route("mappings", table, "fields", field), Resource, where=_W)

    def inputs(self, table: str) -> Resource:
        """Return the inputs of a mapping and how they are joined."""
        return self._look(table, "tables", Resource)

    def put_inputs(self, table: str, document: Mapping[str, Any]) -> Resource:
        """Replace the inputs of a mapping, and its joins if they are given."""
        return self._send("PUT", route("mappings", table, "tables"), Resource, where=_W, body=document)

    def wildcard(self, table: str) -> Resource:
        """Return the wildcard of a mapping."""
        return self._look(table, "wildcard", Resource)

    def put_wildcard(self, table: str, document: Mapping[str, Any]) -> Resource:
        """Add or replace the wildcard of a mapping."""
        return self._send("PUT", route("mappings", table, "wildcard"), Resource, where=_W, body=document)

    def delete_wildcard(self, table: str) -> Resource:
        """Remove the wildcard from a mapping."""
        return self._send("DELETE", route("mappings", table, "wildcard"), Resource, where=_W)

    def effective_wildcard(self, table: str) -> Listing[Resource]:
        """List the fields with the wildcard spread out, and the columns that it leaves aside."""
        path = route("mappings", table, "wildcard", "effective")
        return self._list(path, Resource, where=_W, short=True)

    def validate(self, table: str, document: Mapping[str, Any] | None = None) -> Resource:
        """Check the stored mapping, or a document that is not stored; nothing changes."""
        return self._ask(route("mappings", table, "validate"), Resource, where=_W, body=document or {})

    def preview(
        self, table: str, document: Mapping[str, Any] | None = None, *, limit: int | None = None
    ) -> Resource:
        """Run the mapping on a sample: rows out, rejected rows with their reasons, counts; nothing is stored."""
        body = given(document=document, limit=limit)
        return self._ask(route("mappings", table, "preview"), Resource, where=_W, body=body)

    def suggest(
        self, table: str, *, source: str | None = None, source_table: str | None = None
    ) -> Listing[Resource]:
        """Compare names and sampled values, and list each column with the field that is suggested for it."""
        body = given(source=source, table=source_table)
        self._send("POST", route("mappings", table, "suggest"), Resource, where=_W, body=body)
        return self.suggestions(table)

    def suggestions(self, table: str, *, state: str | None = None) -> Listing[Resource]:
        """List each column: mapped, unmapped, error or ambiguous, with its open suggestion."""
        path = route("mappings", table, "suggestions")
        return self._list(path, Resource, where=_W, params=given(state=state), short=True)

    def accept_suggestion(
        self, table: str, suggestion: str, *, field: Mapping[str, Any] | None = None
    ) -> Resource:
        """Put a suggested field, or `field` in its stead, into the mapping, which is made if there is none."""
        path = route("mappings", table, "suggestions", suggestion, "accept")
        return self._send("POST", path, Resource, where=_W, body=given(field=field))

    def reject_suggestion(self, table: str, suggestion: str) -> Resource:
        """Refuse a suggestion, so that it is not made again."""
        path = route("mappings", table, "suggestions", suggestion, "reject")
        return self._send("POST", path, Resource, where=_W, body={})

    def lineage(self, table: str, **filters: Any) -> Listing[Resource]:
        """List from which columns each target column comes, and how.

        `direction` `upstream` goes on to the sources, `downstream` to whoever reads the table; `column` asks of one.
        """
        return self._list(route("mappings", table, "lineage"), Resource, where=_W, params=filters, short=True)

    def versions(self, table: str) -> Listing[Resource]:
        """List the versions of a mapping."""
        return self._list(route("mappings", table, "versions"), Resource, where=_W, short=True)

    def diff(
        self, table: str, from_version: int | None = None, to_version: int | None = None
    ) -> Listing[Resource]:
        """List what changed from one version to another; without any, in the last change."""
        params = {"from": from_version, "to": to_version}
        return self._list(route("mappings", table, "diff"), Resource, where=_W, params=params, short=True)

    def dbt_code(self, table: str) -> Resource:
        """Return the mapping as a dbt model."""
        return self._look(table, "dbt-code", Resource)

    def dbt_project(self) -> bytes:
        """Return all mappings as a dbt project, a zip file that `dbt build` accepts."""
        call = Call(
            "GET",
            "mappings/dbt-project",
            workspace=self._scope.header(_W),
            seconds=PATIENT,
            accept="*/*",
        )
        with self._transport.open(call) as incoming:
            return incoming.read()

    def field_dbt(self, table: str, field: str, document: Mapping[str, Any] | None = None) -> Resource:
        """Return the SQL of one field of the stored mapping, or of a document that is not stored."""
        path = route("mappings", table, "field-dbt", field)
        if document is None:
            return self._get(path, Resource, where=_W)
        return self._ask(path, Resource, where=_W, body=document)

    def decorators(self, **filters: Any) -> Listing[Resource]:
        """List the decorators, each with the JSON Schema of its parameters."""
        return self._list("decorators", Resource, where=Where.ORGANIZATION, params=filters, short=True)

    def _look(self, table: str, what: str, model: type[R]) -> R:
        return self._get(route("mappings", table) + f"/{what}", model, where=_W)


class Ctes(Endpoints):
    """Reusable blocks of SQL, addressed by name."""

    def list(self, **filters: Any) -> Listing[Resource]:
        """List the blocks."""
        return self._list("ctes", Resource, where=_W, params=filters)

    def get(self, name: str) -> Resource:
        """Return one block."""
        return self._get(route("ctes", name), Resource, where=_W)

    def columns(self, name: str) -> Listing[Resource]:
        """List the columns that a block gives."""
        return self._list(route("ctes", name) + "/columns", Resource, where=_W, short=True)

    def create(self, document: Mapping[str, Any]) -> Resource:
        """Make a block."""
        return self._send("POST", "ctes", Resource, where=_W, body=document)

    def put(self, name: str, document: Mapping[str, Any]) -> Resource:
        """Make or replace a block."""
        return self._send("PUT", route("ctes", name), Resource, where=_W, body=document)

    def delete(self, name: str) -> Resource:
        """Delete a block."""
        return self._send("DELETE", route("ctes", name), Resource, where=_W)
