"""The saved query: SQL over the workspace's tables, with typed parameters and how to draw the answer."""

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from datalinx.engine.spec.base import Document, Identifier, Name, Part, Text
from datalinx.errors import FieldError


class QueryParameter(Part):
    """A value that the SQL uses as `$name`."""

    name: Identifier
    type: Identifier = "string"
    default: Any = None


class Chart(Part):
    """How the answer is drawn: `x` and `y` name columns of it."""

    kind: Literal["bar", "line", "table"] = "table"
    x: Name | None = None
    y: Name | None = None


class QueryDocument(Document):
    """A query that is kept."""

    shown_defaults: ClassVar[frozenset[str]] = frozenset({"description", "parameters", "chart"})

    name: Name
    description: Text = ""
    sql: Annotated[str, Field(min_length=1, max_length=100_000)]
    parameters: Annotated[tuple[QueryParameter, ...], Field(max_length=50)] = ()
    chart: Chart = Chart()

    def faults(self) -> Iterator[FieldError]:
        names = [parameter.name for parameter in self.parameters]
        for position, name in enumerate(names):
            if name in names[:position]:
                message = f"The parameter `{name}` stands here twice."
                yield FieldError(f"parameters[{position}].name", "duplicate_name", message)
