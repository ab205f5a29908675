"""The objects of the API as types: annotations over `Resource`, so that editors and mypy know the fields."""

from collections.abc import Iterator
from typing import Any

from datalinx.client.resource import Resource

FINAL = frozenset({"success", "failed", "cancelled"})


class Object(Resource):
    """Something with an id."""

    id: str
    created_at: str


class Deleted(Resource):
    """The answer to a delete."""

    id: str
    deleted: bool


class Caller(Resource):
    """Who is asking: the answer of `/api/auth/me`."""


class Named(Object):
    """Something with an id and a name."""

    name: str


class Organization(Named):
    """An organization."""

    slug: str
    tier: str


class User(Object):
    """A person."""

    email: str
    status: str


class Role(Named):
    """A role and its permissions."""

    permissions: list[str]


class ServiceAccount(Named):
    """A service account. `api_key` is there once: when it was made and when it was rotated."""

    api_key: str


class Workspace(Named):
    """A workspace."""

    config: Resource


class Webhook(Object):
    """A webhook. `secret` is there whole once: when it was made and when it was rotated."""

    url: str
    events: list[str]
    enabled: bool
    secret: str


class Delivery(Object):
    """One event on its way to one webhook."""

    status: str


class Source(Named):
    """A source of data."""

    connector: str
    config: Resource


class Destination(Named):
    """A place that tables are delivered to."""

    connector: str
    config: Resource


class SourceTable(Resource):
    """A table of a source, as it was last discovered."""

    name: str
    columns: list[Resource]


class Discovery(Resource):
    """What a discovery changed: tables and columns added, removed, changed, and which of it is breaking."""


class ConnectionTest(Resource):
    """The steps of a connection test, each passed or failed with its reason."""

    steps: list[Resource]


class Document(Resource):
    """A versioned document."""

    version: int


class Schema(Document):
    """The target schema of a workspace."""

    name: str
    tables: list[Resource]


class ObjectType(Named):
    """An entity over a target table. One that was asked for by its id has `source_mappings`: what feeds it."""

    table: str
    key: Any
    attributes: list[Resource]
    relationships: list[Resource]
    resolved: Resource
    faults: list[Resource]
    version: int


class MappingDocument(Document):
    """How one target table is made."""

    table_name: str
    inputs: list[Resource]
    fields: Resource


class Pipeline(Named):
    """Tables that run together, and when."""

    tables: list[str]
    engine: str
    version: int


class Run(Object):
    """One run of a pipeline, with a ledger for each table."""

    status: str
    progress: float
    pipeline_id: str | None
    attempt: int
    totals: Resource
    steps: list[Resource]
    error: Any

    @property
    def is_finished(self) -> bool:
        """Whether the status is success, failed or cancelled."""
        return self.get("status") in FINAL


class Backfill(Object):
    """A range of a pipeline's past that is read anew, chunk by chunk."""

    status: str
    pipeline_id: str
    progress: float
    chunks: Resource
    totals: Resource
    seconds_left: float | None
    error: Any

    @property
    def is_finished(self) -> bool:
        """Whether the status is success, failed or cancelled."""
        return self.get("status") in FINAL

    @property
    def is_moving(self) -> bool:
        """Whether it changes by itself: a paused one waits for a person."""
        return not self.is_finished and self.get("status") != "paused"


class Table(Resource):
    """A table that the pipelines wrote."""

    name: str


class QueryResult(Resource):
    """The answer to a query: columns with their types, rows as lists."""

    columns: list[Resource]
    rows: list[list[Any]]
    row_count: int
    truncated: bool
    seconds: float

    def records(self) -> Iterator[dict[str, Any]]:
        """Yield each row as a dict of column name to value; of two equal names the last one stays."""
        names = [column["name"] for column in self["columns"]]
        for row in self["rows"]:
            yield dict(zip(names, row, strict=True))


class SavedQuery(Named):
    """A saved query."""

    sql: str
    version: int


class Audience(Named):
    """A segment of the rows of one table."""

    table: str
    key: str
    rule: Resource
    version: int


class AlertRule(Named):
    """When to raise an alert."""


class Alert(Object):
    """An alert that a rule raised."""

    status: str
