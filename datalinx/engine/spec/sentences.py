"""What is wrong with a value of a document, in a sentence: what stands there, what has to, and how to write it."""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic_core import ErrorDetails

IDENTIFIER = r"^[A-Za-z][A-Za-z0-9_]{0,62}$"
SPAN = r"^[0-9]{1,6} (second|minute|hour|day|week|month|year)s?$"

SHOWN_CHARACTERS = 60

_PATTERNS = {
    IDENTIFIER: "A name here begins with a letter and goes on with letters, digits and `_`, at most 63 characters",
    SPAN: "Write a whole number and a unit from second to year, such as `2 days`",
}

_WHOLE = ("int_type", "int_from_float", "int_parsing")
_NOUNS = {
    **dict.fromkeys(("tuple_type", "list_type", "set_type", "frozen_set_type"), "a list"),
    **dict.fromkeys(("dict_type", "model_type", "model_attributes_type", "mapping_type"), "an object"),
    **dict.fromkeys(("string_type", "string_sub_type"), "a text"),
    **dict.fromkeys(_WHOLE, "a whole number"),
    **dict.fromkeys(("float_type", "float_parsing"), "a number"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "true or false"),
    "none_required": "null",
    "finite_number": "a number that is not endless",
}
"""What has to stand there, by pydantic's kind of fault."""

_BOUNDS = {
    "less_than": ("less than", "lt"),
    "less_than_equal": ("at most", "le"),
    "greater_than": ("more than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "multiple_of": ("a multiple of", "multiple_of"),
}


def sentence_of(fault: ErrorDetails) -> str:
    """The sentence for one fault that pydantic found."""
    kind, context = fault["type"], fault.get("ctx", {})
    if kind in _WHOLE and isinstance(fault["input"], float):
        # Digits beyond those of 64 bits are read as such a number too.
        is_large = fault["input"].is_integer()
        return (
            "The number is too large." if is_large else "This has to be a whole number, without a fraction."
        )
    if kind in _NOUNS:
        return f"This has to be {_NOUNS[kind]}, not {_given(fault['input'])}."
    if kind in _BOUNDS:
        words, name = _BOUNDS[kind]
        return f"The number has to be {words} {context[name]}."
    if kind in _SENTENCES:
        return _SENTENCES[kind](context, fault["input"])
    return _own(fault["msg"].removeprefix("Value error, "))


def noun_of(fault: ErrorDetails) -> str | None:
    """What has to stand there instead, where the fault is that something else does."""
    return _NOUNS.get(fault["type"])


def either_of(nouns: list[str], value: object) -> str:
    """The sentence for a value that is none of several things."""
    return f"This has to be {', '.join(nouns[:-1])} or {nouns[-1]}, not {_given(value)}."


def _given(value: object) -> str:
    """What stands there. It is not repeated: it may be a secret in the wrong place."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return "a number"
        case str():
            return "a text" if value else "an empty text"
        case list() | tuple():
            return "a list"
    return "an object"


def _shown(value: object) -> str:
    """What stands where a name or a word of ours has to."""
    return f"`{value[:SHOWN_CHARACTERS]}`" if isinstance(value, str) and value else _given(value)


def _own(message: str) -> str:
    """A message of our own validators, which speak of the value without naming it."""
    text = message.rstrip(".")
    if text.startswith(("must ", "needs ")):
        text = f"This {text}"
    return f"{text[:1].upper()}{text[1:]}."


def _entries(count: int) -> str:
    return "1 entry" if count == 1 else f"{count:,} entries"


def _characters(count: int) -> str:
    return "1 character" if count == 1 else f"{count:,} characters"


Context = Mapping[str, Any]

_SENTENCES: Mapping[str, Callable[[Context, Any], str]] = {
    "missing": lambda context, value: "This key is required.",
    "too_short": lambda context, value: (
        "This may not be empty."
        if isinstance(value, str)
        else f"At least {_entries(context['min_length'])} has to stand here."
    ),
    "too_long": lambda context, value: (
        f"At most {_entries(context['max_length'])} can stand here, and there are {context['actual_length']}."
        if context.get("actual_length") is not None
        else f"At most {_entries(context['max_length'])} can stand here."
    ),
    "string_too_short": lambda context, value: (
        "This may not be empty."
        if context["min_length"] == 1
        else f"At least {_characters(context['min_length'])} have to stand here."
    ),
    "string_too_long": lambda context, value: (
        f"At most {_characters(context['max_length'])} can stand here, and there are {len(value):,}."
        if isinstance(value, str)
        else f"At most {_characters(context['max_length'])} can stand here."
    ),
    "string_pattern_mismatch": lambda context, value: (
        f"{_PATTERNS[context['pattern']]}; here stands {_shown(value)}."
        if context["pattern"] in _PATTERNS
        else f"This has to match the pattern `{context['pattern']}`."
    ),
    "literal_error": lambda context, value: f"Choose {context['expected']}; here stands {_shown(value)}.",
    "union_tag_invalid": lambda context, value: (
        f"{_named(context['discriminator'])} is one of {context['expected_tags']}, not `{str(context['tag'])[:60]}`."
    ),
    "union_tag_not_found": lambda context, value: (
        f"{_named(context['discriminator'])} is missing here: it says what this is."
    ),
}


def _named(discriminator: str) -> str:
    return f"`{discriminator.strip(chr(39))}`"
