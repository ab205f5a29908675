"""Sources: where data comes from, what lies there, and the upload of files."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from datalinx.client.endpoints.base import PATIENT, Collection, Endpoints, Where, as_resource, given
from datalinx.client.models import ConnectionTest, Discovery, Source, SourceTable
from datalinx.client.pages import Listing
from datalinx.client.resource import Resource
from datalinx.client.transport import Call, route
from datalinx.client.uploads import File, Upload, part_of


class Connectors(Endpoints):
    """The kinds of source and destination."""

    def list(self) -> Listing[Resource]:
        """List every connector with the JSON Schema of its `config` and `credentials`."""
        return self._list("connectors", Resource, where=Where.ORGANIZATION, short=True)


class Sources(Collection[Source]):
    """The sources of a workspace."""

    path = "sources"
    model = Source

    def create(
        self,
        name: str,
        connector: str = "file",
        *,
        config: Mapping[str, Any] | None = None,
        credentials: Mapping[str, Any] | None = None,
    ) -> Source:
        """Make a source. A `file` source without `config` is filled by `upload`."""
        return self._create(
            given(name=name, connector=connector, config=config or {}, credentials=credentials)
        )

    def test(self, source_id: str) -> ConnectionTest:
        """Try the connection, step by step; a step that fails is an answer, not an error."""
        path = route(self.path, source_id, "test")
        return self._ask(path, ConnectionTest, where=Where.OBJECT, body={})

    def test_config(
        self,
        connector: str,
        *,
        config: Mapping[str, Any] | None = None,
        credentials: Mapping[str, Any] | None = None,
    ) -> ConnectionTest:
        """Try a connection before there is a source for it."""
        body = given(connector=connector, config=config or {}, credentials=credentials)
        return self._ask("sources/test", ConnectionTest, where=Where.WORKSPACE, body=body)

    def discover(
        self,
        source_id: str,
        *,
        mode: str | None = None,
        tables: Sequence[str] | None = None,
        pattern: str | None = None,
    ) -> Discovery:
        """Look at what lies there now and return the difference to the last time. Without arguments: all tables.

        `mode` is `all`, `selected` (with `tables`) or `pattern` (with a `pattern` such as `orders_*`).
        """
        path = route(self.path, source_id, "discover")
        body = given(mode=mode, tables=tables, pattern=pattern)
        return self._send("POST", path, Discovery, where=Where.OBJECT, body=body, seconds=PATIENT)

    def tables(self, source_id: str, **filters: Any) -> Listing[SourceTable]:
        """List the tables that were discovered."""
        path = route(self.path, source_id, "tables")
        return self._list(path, SourceTable, where=Where.OBJECT, params=filters)

    def table(self, source_id: str, table: str) -> SourceTable:
        """Return one discovered table with its columns."""
        return self._get(route(self.path, source_id, "tables", table), SourceTable, where=Where.OBJECT)

    def update_table(self, source_id: str, table: str, **fields: Any) -> SourceTable:
        """Change the given fields of one discovered table."""
        path = route(self.path, source_id, "tables", table)
        return self._send("PATCH", path, SourceTable, where=Where.OBJECT, body=fields)

    def preview(self, source_id: str, table: str, *, limit: int | None = None) -> Resource:
        """Return some rows as they lie there."""
        return self._look(source_id, table, "preview", given(limit=limit))

    def profile(self, source_id: str, table: str) -> Resource:
        """Return for each column nulls, distinct values, extremes, top values, histogram, semantic type."""
        return self._look(source_id, table, "profile", {})

    def lineage(self, source_id: str, table: str, **filters: Any) -> Listing[Resource]:
        """List what is made of each column, down to queries and audiences; `column` asks of one."""
        path = route(self.path, source_id, "tables", table, "lineage")
        return self._list(path, Resource, where=Where.OBJECT, params=filters, short=True)

    def upload(
        self,
        source_id: str,
        *files: File,
        table: str | None = None,
        on_progress: Callable[[int], None] | None = None,
    ) -> Resource:
        """Upload files into a `file` source; the same name again replaces that file.

        A file is a path, or a name with bytes or a binary file. Each becomes a table named after its stem unless
        `table` says otherwise. Paths are streamed; `on_progress` is told how many bytes were read each time.
        """
        if not files:
            raise ValueError("Give at least one file to upload.")
        upload = Upload([part_of(file, on_progress) for file in files], given(table=table))
        path = route(self.path, source_id, "upload")
        workspace = self._scope.header(self.object_where)
        call = Call("POST", path, upload=upload, workspace=workspace, seconds=PATIENT)
        return as_resource(self._transport.send(call), Resource)

    def import_dbt(
        self,
        source_id: str,
        document: str,
        *,
        source: str | None = None,
        tables: Sequence[str] | None = None,
        preview: bool | None = None,
        apply_tests_to_schema: bool | None = None,
    ) -> Resource:
        """Take over what a dbt project says of the tables, and return what became of each part of it.

        `document` is the text of `sources.yml` or `schema.yml`; `source` and `tables` name what of it is meant.
        With `preview` nothing changes; `apply_tests_to_schema` puts the tests on target columns too.
        """
        body = given(
            document=document,
            source=source,
            tables=tables,
            preview=preview,
            apply_tests_to_schema=apply_tests_to_schema,
        )
        path = route(self.path, source_id, "import-dbt")
        return self._send("POST", path, Resource, where=Where.OBJECT, body=body, seconds=PATIENT)

    def _look(self, source_id: str, table: str, what: str, params: Mapping[str, Any]) -> Resource:
        path = route(self.path, source_id, "tables", table, what)
        return self._get(path, Resource, where=self.object_where, params=params, seconds=PATIENT)
