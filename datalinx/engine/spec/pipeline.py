"""The pipeline: which target tables are made together, when, and how careful the run is."""

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, SerializerFunctionWrapHandler, StringConstraints, model_serializer

from datalinx.engine.spec.base import Document, Identifier, Name, Part, Text
from datalinx.engine.spec.cron import CronFault, check_cron
from datalinx.engine.spec.zones import is_zone
from datalinx.errors import FieldError

Share = Annotated[float, Field(ge=0, le=1)]

MostRows = Annotated[int, Field(ge=0, le=2**53)]

Reason = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,99}$")]
"""The code of a reason to reject a row, such as `invalid_email`."""


class Schedule(Part):
    """When runs start by themselves: a cron line (minute, hour, day, month, weekday) in a time zone.

    `missed` says what becomes of the times that passed while nobody could start anything: none of them is made up
    for, the last one is, or all of them are.
    """

    cron: Annotated[str, Field(min_length=1, max_length=200)]
    timezone: Annotated[str, Field(max_length=100)] = "UTC"
    enabled: bool = True
    missed: Literal["skip", "last", "all"] = "last"

    @model_serializer(mode="wrap")
    def _without_usual(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # As with other keys of a later day, a document that leaves it out comes back as it was.
        shown: dict[str, Any] = dump(self)
        if self.missed == "last":
            shown.pop("missed", None)
        return shown


class After(Part):
    """A run starts when every one of these pipelines has ended so since the last run that they started."""

    pipelines: Annotated[tuple[Name, ...], Field(min_length=1, max_length=50)]
    on: Literal["success", "failed", "finished"] = "success"


class MaxRejected(Part):
    """A table with more rejected rows than this publishes nothing.

    `share` is of the rows read; `reasons` bounds the rows whose first fault has the reason.
    """

    rows: MostRows | None = None
    share: Share | None = None
    reasons: Annotated[dict[Reason, MostRows], Field(max_length=100)] = {}

    @model_serializer(mode="wrap")
    def _without_empty(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # Most pipelines bound no single reason, and then the document does not speak of it.
        shown: dict[str, Any] = dump(self)
        if not self.reasons:
            shown.pop("reasons", None)
        return shown


class Guards(Part):
    """What stops a table that looks wrong: an input without rows, too many rows gone since the last run."""

    empty_source: Literal["fail", "allow"] = "fail"
    max_deleted_share: Share | None = 0.3


class Retries(Part):
    """How often a run that failed for a passing reason is taken up again, and after how long at first."""

    max: Annotated[int, Field(ge=0, le=10)] = 3
    backoff_seconds: Annotated[int, Field(ge=1, le=3_600)] = 30


class Deliver(Part):
    """A table that is brought to a destination once a run has committed it.

    `as` is the table's name there, its own unless given; `schema` is the destination's unless given. `replace` brings
    all rows anew, `merge` writes only what differs and tells rows by the table's primary key.
    """

    table: Identifier
    destination: Name
    schema_name: Annotated[Name | None, Field(alias="schema")] = None
    target: Annotated[Name | None, Field(alias="as")] = None
    mode: Literal["replace", "merge"] = "replace"

    @property
    def target_name(self) -> str:
        """The table's name at the destination."""
        return self.target or self.table


class PipelineDocument(Document):
    """A pipeline. Its tables run in the order of their dependencies.

    Those that do not need each other run side by side, at most `max_parallel_tables` of them, and share what one run
    may use.
    """

    shown_defaults: ClassVar[frozenset[str]] = frozenset(
        {
            "description",
            "engine",
            "schedule",
            "on_invalid",
            "tests",
            "max_rejected",
            "guards",
            "timeout_seconds",
            "retries",
            "concurrency",
            "max_parallel_tables",
        }
    )

    name: Name
    description: Text = ""
    tables: Annotated[tuple[Identifier, ...], Field(min_length=1, max_length=500)]
    engine: Literal["duckdb", "spark"] = "duckdb"
    schedule: Schedule | None = None
    after: After | None = None
    on_invalid: Literal["quarantine", "null", "fail"] | None = None
    tests: Literal["gate", "warn", "off"] = "gate"
    max_rejected: MaxRejected | None = None
    guards: Guards = Guards()
    timeout_seconds: Annotated[int, Field(ge=1, le=7 * 86_400)] = 3_600
    retries: Retries = Retries()
    max_parallel_tables: Annotated[int, Field(ge=1, le=16)] = 2
    concurrency: Literal["queue", "skip", "replace"] = "queue"
    deliver: Annotated[tuple[Deliver, ...], Field(max_length=1_000)] = ()

    def faults(self) -> Iterator[FieldError]:
        for position, name in enumerate(self.tables):
            if name in self.tables[:position]:
                message = f"The table `{name}` stands here twice."
                yield FieldError(f"tables[{position}]", "duplicate_name", message)
        if self.schedule is not None:
            yield from _schedule_faults(self.schedule)
        for position, name in enumerate(self.after.pipelines if self.after else ()):
            if self.after and name in self.after.pipelines[:position]:
                message = f"The pipeline `{name}` stands here twice."
                yield FieldError(f"after.pipelines[{position}]", "duplicate_name", message)
        yield from self._delivery_faults()

    def _delivery_faults(self) -> Iterator[FieldError]:
        seen = set()
        for position, each in enumerate(self.deliver):
            if each.table not in self.tables:
                message = f"The pipeline does not make the table `{each.table}`: name it in `tables` too."
                yield FieldError(f"deliver[{position}].table", "unknown_table", message)
            place = (each.destination, each.schema_name, each.target_name)
            if place in seen:
                message = f"`{each.target_name}` of {each.destination} is filled by an entry above already."
                yield FieldError(f"deliver[{position}]", "duplicate_name", message)
            seen.add(place)


def _schedule_faults(schedule: Schedule) -> Iterator[FieldError]:
    if not is_zone(schedule.timezone):
        message = f"`{schedule.timezone}` is no time zone; names are those of IANA, such as Europe/London."
        yield FieldError("schedule.timezone", "invalid_timezone", message)
    try:
        check_cron(schedule.cron)
    except CronFault as fault:
        yield FieldError("schedule.cron", fault.code, str(fault))
