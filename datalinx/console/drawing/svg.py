"""The elements that all drawings are made of. What users named is hostile text: everything is escaped here."""

import unicodedata
from html import escape

ELLIPSIS = "…"
REPLACEMENT = "\ufffd"
# Marks that turn the direction of what follows, so that a name could rewrite its surroundings.
_TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

Attribute = str | float | bool | None


class Drawing(str):
    """Markup that is safe to put into a page as it is. Django's templates ask for `__html__`."""

    __slots__ = ()

    def __html__(self) -> str:
        return str(self)


def element(tag: str, *children: str, **attributes: Attribute) -> Drawing:
    """Return an element. Children that are no drawings are escaped as text.

    Attribute names lose a closing underscore and take hyphens for the others; None and False leave one out,
    True makes it empty. Numbers keep two decimals.
    """
    opening = "".join((tag, *(_attribute(name, value) for name, value in attributes.items())))
    inside = "".join(child if isinstance(child, Drawing) else plain(child) for child in children)
    return Drawing(f"<{opening}>{inside}</{tag}>")


def join(parts: "list[Drawing]") -> Drawing:
    """Return drawings one after the other."""
    return Drawing("".join(parts))


def plain(text: str) -> Drawing:
    """Return text as markup, without characters that control anything."""
    return Drawing(escape("".join(REPLACEMENT if _controls(char) else char for char in text)))


def shorten(text: str, width: float, *, size: float = 12.5) -> str:
    """Return text cut so that it fits `width` pixels at a font size of `size`, as well as can be told."""
    room = width / (size * 0.55)
    taken = 0.0
    for position, char in enumerate(text):
        taken += 1.85 if unicodedata.east_asian_width(char) in "WF" else 1.0
        if taken > room:
            return text[: max(1, position - 1)].rstrip() + ELLIPSIS
    return text


def number(value: float) -> str:
    """Return a coordinate with two decimals at most."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _attribute(name: str, value: Attribute) -> str:
    if value is None or value is False:
        return ""
    shown = name.rstrip("_").replace("_", "-")
    if value is True:
        return f" {shown}"
    text = number(value) if isinstance(value, int | float) else plain(value)
    return f' {shown}="{text}"'


def _controls(char: str) -> bool:
    return char in _TURNING or (unicodedata.category(char) in {"Cc", "Cs"} and char not in "\n\t")
