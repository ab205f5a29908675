"""The configuration of a file source: which files of its area become which tables, and how they are written."""

import codecs
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from datalinx.engine.spec.base import Document, Name, Part
from datalinx.errors import FieldError

FormatName = Literal["csv", "tsv", "json", "jsonl", "parquet"]

MAX_PATTERN_SEGMENTS = 32


def _pattern(text: str) -> str:
    segments = text.split("/")
    if "\\" in text or not text.isprintable():
        raise ValueError("use `/` between folders and only characters that can be shown")
    if any(segment in {"", ".", ".."} for segment in segments) or len(segments) > MAX_PATTERN_SEGMENTS:
        raise ValueError("must be relative and stay inside the source's own area, such as `orders/*.csv`")
    return text


def _one_character(text: str) -> str:
    if text in {"\n", "\r", '"', "\x00", " "}:
        raise ValueError("must be a character such as `,`, `;`, `|` or a tab")
    return text


def _encoding(text: str) -> str:
    try:
        found = codecs.lookup(text)
    except (LookupError, ValueError):
        raise ValueError("name a text encoding, such as utf-8, utf-16, latin-1 or windows-1252") from None
    # Python also lists codecs from bytes to bytes, such as zlib; these would be a bomb's fuse.
    if not found._is_text_encoding or found.name.replace("_", "-") in _ESCAPES:
        raise ValueError("name a text encoding, such as utf-8, utf-16, latin-1 or windows-1252")
    return found.name


# Codecs that escape instead of encode; none of them is what a file of data is written in.
_ESCAPES = frozenset({"idna", "punycode", "unicode-escape", "raw-unicode-escape", "undefined", "utf-7"})

Pattern = Annotated[Name, AfterValidator(_pattern)]
Encoding = Annotated[str, Field(min_length=1, max_length=40), AfterValidator(_encoding)]
Delimiter = Annotated[str, Field(min_length=1, max_length=1), AfterValidator(_one_character)]


class TableOptions(Part):
    """How one table's files are found and written. What is left out is told from the files."""

    path: Pattern | None = Field(
        None, description="File or pattern inside the area, such as `contacts*.csv`; else the table's name."
    )
    format: FormatName | None = Field(None, description="Else told by the file's name and content.")
    header: bool | None = Field(None, description="Whether the first record holds the columns' names.")
    delimiter: Delimiter | None = Field(None, description="The character between fields.")
    quote: Literal['"', "'", ""] | None = Field(
        None, description='The character around fields; `"` unless given.'
    )
    encoding: Encoding | None = Field(None, description="Else UTF-8, UTF-16 or Windows-1252, as it fits.")
    skip: int | None = Field(None, ge=0, le=1_000, description="Lines before the header that are no data.")


class FileConfig(Document):
    """A file source. `{}` is one that is filled by upload."""

    path: Pattern | None = Field(
        None, description="Which files take part, such as `*.csv`; all of the area unless given."
    )
    format: FormatName | None = Field(
        None, description="The format of all files that `tables` does not name."
    )
    tables: dict[Name, TableOptions] = Field(
        default_factory=dict, description="Tables by name. Every other file is a table named after its stem."
    )

    def faults(self) -> Iterator[FieldError]:
        """At most a thousand tables can be named."""
        if len(self.tables) > MAX_TABLES:
            yield FieldError("tables", "too_long", f"At most {MAX_TABLES:,} tables can be named.")


MAX_TABLES = 1_000


class FileCredentials(Document):
    """Files in the platform's own area need no credentials."""
