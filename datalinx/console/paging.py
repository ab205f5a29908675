"""The pages of a list, and the links between them, which keep what else was asked."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

SIZE = 25


@dataclass(frozen=True)
class Pages:
    """Where a list stands: the items shown, and links to the pages before and after (empty at the ends)."""

    items: Any
    page: int
    total_pages: int
    total_items: int
    first: int
    last: int
    previous: str = ""
    next: str = ""


class PastTheEnd(Exception):
    """A page was asked for that the list does not have any more; `last` leads to the last one."""

    def __init__(self, last: str) -> None:
        super().__init__(last)
        self.last = last


def page_number(request: HttpRequest, name: str = "page") -> int:
    """Return the page that was asked for; anything that is no page is the first one."""
    text = request.GET.get(name, "")
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 10 else 1


def to_pages(request: HttpRequest, items: Any, facts: Mapping[str, int], *, name: str = "page") -> Pages:
    """Return a page of a list of the API with its links. Raises PastTheEnd."""
    number, size, total = facts["page"], facts["page_size"], facts["total_items"]
    pages = facts["total_pages"]
    if total and number > pages:
        raise PastTheEnd(_link(request, name, pages))
    first = (number - 1) * size + 1 if items else 0
    return Pages(
        items=items,
        page=number,
        total_pages=pages,
        total_items=total,
        first=first,
        last=first + len(items) - 1 if items else 0,
        previous=_link(request, name, number - 1) if number > 1 else "",
        next=_link(request, name, number + 1) if number < pages else "",
    )


def cut(request: HttpRequest, items: list[Any], *, name: str = "page", size: int = SIZE) -> Pages:
    """Return a page of a list that came whole."""
    number = page_number(request, name)
    total = len(items)
    facts = {"page": number, "page_size": size, "total_items": total, "total_pages": -(-total // size)}
    return to_pages(request, items[(number - 1) * size : number * size], facts, name=name)


def _link(request: HttpRequest, name: str, number: int) -> str:
    query = request.GET.copy()
    query[name] = str(max(1, number))
    return f"?{query.urlencode()}"
