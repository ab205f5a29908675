"""The CTE: a named SQL SELECT over source tables, target tables and other CTEs, for mappings to read."""

from typing import Annotated, ClassVar

from pydantic import Field

from datalinx.engine.spec.base import Document, Identifier, Text


class CteDocument(Document):
    """A reusable block of SQL.

    In FROM, `source.table` is a source's table; a single name is a CTE, else a target table.
    """

    shown_defaults: ClassVar[frozenset[str]] = frozenset({"description"})

    name: Identifier
    description: Text = ""
    sql: Annotated[Text, Field(min_length=1, max_length=10_000)]
