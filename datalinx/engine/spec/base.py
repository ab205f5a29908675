"""What all documents share: bounded types, the way in with paths to every fault, the way out."""

import math
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, ClassVar, TypeVar

import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, ValidationError
from pydantic_core import ErrorDetails

from datalinx.engine.spec.sentences import IDENTIFIER, either_of, noun_of, sentence_of
from datalinx.errors import FieldError, Invalid

# The fields that the server owns. What GET gave can be sent back, so they are dropped, not refused.
SERVER_FIELDS = frozenset({"id", "version", "created_at", "updated_at", "created_by"})

# One document is read into memory as a whole; the largest that a person writes stay far below this.
MAX_DOCUMENT_BYTES = 4_000_000

# Beyond this many faults another one helps nobody.
MAX_ERRORS = 100


def _without_nul(text: str) -> str:
    # PostgreSQL cannot store U+0000, and no tool that users have shows it.
    if "\x00" in text:
        raise ValueError("must not contain the character U+0000")
    return text


Text = Annotated[str, StringConstraints(max_length=10_000), AfterValidator(_without_nul)]
"""Free text: a description, an expression, a value."""

Name = Annotated[str, StringConstraints(min_length=1, max_length=255), AfterValidator(_without_nul)]
"""The name of something outside, as it stands there: a source, its table, its column."""

Identifier = Annotated[str, StringConstraints(pattern=IDENTIFIER)]
"""A name of our own: a target table or column, an input's alias, a type, a decorator."""

Reference = Annotated[str, StringConstraints(min_length=1, max_length=600), AfterValidator(_without_nul)]
"""An SQL reference to one input column: `alias.name` or `alias."Any Name"`."""

Scalar = bool | int | float | Text | None
"""A JSON value that is no list and no object."""


class Part(BaseModel):
    """A piece of a document. Unknown keys are refused and nothing is coerced: "1" is never a number."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Document(Part):
    """A whole document. `shown_defaults` names the keys that the way out always writes."""

    shown_defaults: ClassVar[frozenset[str]] = frozenset()

    def faults(self) -> Iterator[FieldError]:
        """What the shape alone cannot say: names that must exist, keys that exclude each other."""
        yield from ()


P = TypeVar("P", bound=Part)
D = TypeVar("D", bound=Document)


def parse_document(model: type[D], data: object) -> D:
    """Read `data` (JSON as Python values) as a document, or raise `Invalid` with every fault and its path.

    The code is `UNKNOWN_FIELD` when any key is unknown, else `VALIDATION_ERROR`.
    """
    document = stored_document(model, data)
    if faults := list(document.faults()):
        raise refusal(faults)
    return document


def stored_document(model: type[D], data: object) -> D:
    """Read a document that was found to be right when it was saved. Rules that came later hold for the next version."""
    if isinstance(data, dict):
        data = {key: value for key, value in data.items() if key not in SERVER_FIELDS}
    return parse_part(model, data)


def parse_part(model: type[P], data: object) -> P:
    """Read a piece of a document; the paths of faults begin at the piece."""
    try:
        # JSON rules are the strict rules that fit: a list is a tuple there, "1" is never a number.
        text = orjson.dumps(data)
    except (TypeError, orjson.JSONEncodeError) as error:
        raise Invalid("VALIDATION_ERROR", f"The document is not plain JSON: {error}.") from error
    if len(text) > MAX_DOCUMENT_BYTES:
        raise Invalid("VALIDATION_ERROR", f"The document is larger than {MAX_DOCUMENT_BYTES:,} bytes.")
    for path in _endless(data):
        raise refusal([FieldError(path, "finite_number", "The number is larger than any that can be kept.")])
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        raise refusal(_field_errors(error, data)) from None


def document_to_json(document: Document) -> dict[str, Any]:
    """The document as JSON values: the keys that were set, and the documented defaults, in declared order."""
    given = document.model_dump(mode="json", by_alias=True, exclude_unset=True)
    full = document.model_dump(mode="json", by_alias=True, include=set(document.shown_defaults))
    shown = {}
    for name in type(document).model_fields:
        # A part such as `guards` is filled up inside; what a list holds stays as it was given.
        if name in full and (name not in given or isinstance(getattr(document, name), Part)):
            shown[name] = full[name]
        elif name in given:
            shown[name] = given[name]
    return shown


def refusal(errors: Sequence[FieldError]) -> Invalid:
    """One `Invalid` for all faults of a document; its code is the most telling one."""
    codes = {error.code for error in errors}
    # A code in capitals is documented by itself, such as AMBIGUOUS_FIELD; it speaks when no other does.
    own = {code for code in codes if code.isupper()}
    code = "VALIDATION_ERROR"
    if "unknown_field" in codes:
        code = "UNKNOWN_FIELD"
    elif len(own) == 1 and own == codes:
        code = own.pop()
    first = errors[0]
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return Invalid(code, f"{first.field or 'document'}: {first.message}{more}", errors=errors)


def _field_errors(error: ValidationError, data: object) -> list[FieldError]:
    found: dict[str, FieldError] = {}
    nouns: dict[str, list[str]] = {}
    for fault in error.errors(include_url=False)[:MAX_ERRORS]:
        path = _path(fault["loc"], data, is_missing=fault["type"] == "missing")
        code, message = _code_and_message(fault)
        noun = noun_of(fault)
        if noun is not None:
            nouns.setdefault(path, []).append(noun)
        # One value that fits no member of a union gives an error for each; they are one fault to a person.
        if path in found and code not in {"required", "unknown_field"}:
            message = f"{found[path].message.rstrip('.')}, or: {message[0].lower()}{message[1:]}"
            if noun is not None and len(nouns[path]) > 1:
                message = either_of(nouns[path], fault["input"])
            code = "invalid_type"
        found[path] = FieldError(path, code, message)
    # A list that lost its faulty items is also "too short": that says nothing new.
    inner = tuple(found)
    return [
        fault
        for path, fault in found.items()
        if fault.code != "too_short" or not any(other.startswith(f"{path}[") for other in inner)
    ]


def _code_and_message(fault: ErrorDetails) -> tuple[str, str]:
    place = fault["loc"][-1] if fault["loc"] else ""
    if fault["type"] == "extra_forbidden":
        return "unknown_field", f"There is no key `{place}` here."
    if fault["type"] == "missing" and isinstance(place, int):
        return "required", "An entry is missing here."
    return "required" if fault["type"] == "missing" else fault["type"], sentence_of(fault)


def _endless(data: object, path: str = "") -> Iterator[str]:
    """The paths of numbers that are not finite: Python reads 1e400 as one, and JSON has no word for it."""
    if isinstance(data, float) and not math.isfinite(data):
        yield path
    elif isinstance(data, dict):
        for key, value in data.items():
            yield from _endless(value, f"{path}.{key}" if path else str(key))
    elif isinstance(data, list | tuple):
        for position, value in enumerate(data):
            yield from _endless(value, f"{path}[{position}]")


def _path(location: tuple[int | str, ...], data: object, *, is_missing: bool) -> str:
    """`fields.email.decorators[0].name` from pydantic's location, without its tags of unions."""
    path = ""
    for position, step in enumerate(location):
        if isinstance(step, int):
            path += f"[{step}]"
            data = data[step] if isinstance(data, list) and step < len(data) else None
        elif isinstance(data, dict) and (step in data or (is_missing and position == len(location) - 1)):
            path += f".{step}" if path else step
            data = data.get(step)
    return path
