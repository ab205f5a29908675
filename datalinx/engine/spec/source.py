"""The source: a named connector with its configuration; the connector's own models check what is inside."""

from typing import Annotated, ClassVar

from pydantic import Field, JsonValue

from datalinx.engine.spec.base import Document, Identifier, Name, Text


class SourceDocument(Document):
    """Where data comes from. `credentials` are write-only: they never leave the server again."""

    shown_defaults: ClassVar[frozenset[str]] = frozenset({"description", "config"})

    name: Name
    description: Text = ""
    connector: Identifier
    config: Annotated[dict[str, JsonValue], Field(max_length=100)] = {}
    credentials: Annotated[dict[str, JsonValue], Field(max_length=100)] = {}
