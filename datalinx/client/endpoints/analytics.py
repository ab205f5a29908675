"""Questions and segments: SQL, saved queries, audiences."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from datalinx.client.endpoints.base import PATIENT, Collection, Endpoints, Where, given
from datalinx.client.models import Audience, QueryResult, SavedQuery
from datalinx.client.pages import Listing
from datalinx.client.resource import Resource
from datalinx.client.transport import Call, route


class Analytics(Endpoints):
    """Read-only SQL on the tables of a workspace."""

    def query(
        self,
        sql: str,
        *,
        parameters: Mapping[str, Any] | None = None,
        limit: int | None = None,
        as_of: str | int | None = None,
    ) -> QueryResult:
        """Run one SELECT. Integers over 2^53 and decimals come as text; `result.records()` gives dicts.

        With `as_of`, a snapshot's number, a run's id or a time, every table that it names is read as it was.

        Raises ValidationFailed: SQL_NOT_ALLOWED, QUERY_TIMEOUT, QUERY_TOO_LARGE. Raises NotFound:
        SNAPSHOT_NOT_FOUND, SNAPSHOT_EXPIRED.
        """
        body = given(sql=sql, parameters=parameters, limit=limit, as_of=as_of)
        return self._ask("analytics/query", QueryResult, where=Where.WORKSPACE, body=body)

    def export(
        self,
        sql: str,
        form: Literal["csv", "arrow"] = "csv",
        *,
        parameters: Mapping[str, Any] | None = None,
        limit: int | None = None,
        as_of: str | int | None = None,
    ) -> Iterator[bytes]:
        """Run one SELECT and yield its answer as a file, piece by piece; `as_of` as in `query`."""
        call = Call(
            "POST",
            "analytics/query",
            body=given(sql=sql, parameters=parameters, limit=limit, format=form, as_of=as_of),
            workspace=self._scope.header(Where.WORKSPACE),
            seconds=PATIENT,
            accept="*/*",
            only_reads=True,
        )
        with self._transport.open(call) as incoming:
            yield from incoming.chunks()


class Queries(Collection[SavedQuery]):
    """Saved queries."""

    path = "queries"
    model = SavedQuery

    def create(self, name: str, sql: str, **fields: Any) -> SavedQuery:
        """Save a query."""
        return self._create({"name": name, "sql": sql, **fields})

    def run(
        self,
        query_id: str,
        *,
        parameters: Mapping[str, Any] | None = None,
        limit: int | None = None,
        as_of: str | int | None = None,
    ) -> QueryResult:
        """Run a saved query and keep its answer for `results`; one with `as_of`, as in `query`, is not kept."""
        body = given(parameters=parameters, limit=limit, as_of=as_of)
        path = route(self.path, query_id, "run")
        return self._ask(path, QueryResult, where=Where.OBJECT, body=body)

    def results(self, query_id: str) -> QueryResult:
        """Return the answer of the last run."""
        return self._get(route(self.path, query_id, "results"), QueryResult, where=Where.OBJECT)


class Audiences(Collection[Audience]):
    """Segments of the rows of a table."""

    path = "audiences"
    model = Audience

    def create(self, document: Mapping[str, Any]) -> Audience:
        """Make an audience; `name`, `table`, `key` and `rule` are needed."""
        return self._create(document)

    def preview(self, document: Mapping[str, Any]) -> Resource:
        """Return the size of an audience that is not saved, with the count of every block of its rule."""
        path = "audiences/preview"
        return self._ask(path, Resource, where=Where.WORKSPACE, body=document)

    def refresh(self, audience_id: str) -> Resource:
        """Find the members anew: the size, who entered and who left."""
        return self._post(audience_id, "refresh", seconds=PATIENT)

    def count(self, audience_id: str) -> Resource:
        """Return the size of an audience as it would be now, with the count of every block of its rule."""
        path = route(self.path, audience_id, "count")
        return self._get(path, Resource, where=Where.OBJECT, seconds=PATIENT)

    def members(self, audience_id: str, **filters: Any) -> Listing[Resource]:
        """List the members as of the last refresh."""
        return self._part(audience_id, "members", filters)

    def history(self, audience_id: str, **filters: Any) -> Listing[Resource]:
        """List the refreshes with the size of each."""
        return self._part(audience_id, "history", filters)

    def changes(self, audience_id: str, **filters: Any) -> Listing[Resource]:
        """List who entered and who left, and when."""
        return self._part(audience_id, "changes", filters)

    def explain(self, audience_id: str, key: str) -> Resource:
        """Say for one key whether each leaf of the rule is true, false or unknown."""
        path = route(self.path, audience_id, "explain")
        return self._get(path, Resource, where=Where.OBJECT, params={"key": key}, seconds=PATIENT)

    def _part(self, audience_id: str, what: str, filters: Mapping[str, Any]) -> Listing[Resource]:
        return self._list(route(self.path, audience_id, what), Resource, where=Where.OBJECT, params=filters)
