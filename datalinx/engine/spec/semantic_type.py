"""The document of an organization's own semantic type: a parent, and what it adds to it."""

from collections.abc import Iterator
from typing import Annotated, ClassVar

import duckdb
from pydantic import Field

from datalinx.engine.spec.base import Document, Identifier, Text
from datalinx.engine.types.base import PiiClass
from datalinx.errors import FieldError

MAX_VALUES = 10_000
MAX_PATTERN = 1_000

Example = Annotated[str, Field(max_length=1_000)]
Bound = int | float | Annotated[str, Field(max_length=50)]


class CustomTypeDocument(Document):
    """A semantic type of an organization's own.

    A value is valid when it is valid for `parent` and fits everything that stands here. `pattern` is an RE2
    regular expression for the whole text. `minimum` and `maximum` are inclusive: numbers for numeric parents,
    ISO 8601 text for dates and times. With `ignore_case` the decorator writes an allowed value as listed.
    """

    shown_defaults: ClassVar[frozenset[str]] = frozenset({"description", "examples", "counter_examples"})

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
    parent: Identifier
    description: Text = ""
    pii: PiiClass | None = None
    pattern: Annotated[Text, Field(min_length=1, max_length=MAX_PATTERN)] | None = None
    allowed_values: Annotated[tuple[Example, ...], Field(min_length=1, max_length=MAX_VALUES)] | None = None
    ignore_case: bool = False
    min_length: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    max_length: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    minimum: Bound | None = None
    maximum: Bound | None = None
    examples: Annotated[tuple[Example, ...], Field(max_length=50)] = ()
    counter_examples: Annotated[tuple[Example, ...], Field(max_length=50)] = ()

    @property
    def reason(self) -> str:
        """The code of a row that is rejected because of this type."""
        return f"invalid_{self.name}"

    def faults(self) -> Iterator[FieldError]:
        if self.pattern is not None and (problem := pattern_problem(self.pattern)):
            yield FieldError("pattern", "invalid_pattern", problem)
        if self.min_length is not None and self.max_length is not None and self.min_length > self.max_length:
            yield FieldError("min_length", "range_empty", "min_length is larger than max_length.")
        if self.ignore_case and self.allowed_values is None:
            yield FieldError("ignore_case", "needs_allowed_values", "ignore_case needs allowed_values.")
        if self.allowed_values and (repeated := _repeated(self.allowed_values, fold=self.ignore_case)):
            yield FieldError("allowed_values", "duplicate_value", f"`{repeated}` stands there twice.")


def _repeated(values: tuple[str, ...], *, fold: bool) -> str | None:
    seen: set[str] = set()
    for value in values:
        key = value.lower() if fold else value
        if key in seen:
            return value
        seen.add(key)
    return None


def pattern_problem(pattern: str) -> str | None:
    """Return what is wrong with a regular expression as RE2 of DuckDB reads it, as a sentence; None if nothing is.

    RE2 has no look-around and no back-references, and in return never takes more than linear time.
    """
    with duckdb.connect(config={"threads": 1}) as connection:
        try:
            connection.execute("SELECT regexp_full_match('', ?)", [pattern]).fetchall()
        except duckdb.Error as error:
            reason = str(error).partition(":")[2].strip().splitlines()[0]
            return f"`{pattern}` is no regular expression that RE2 can run: {reason.rstrip('.')}."
    return None
