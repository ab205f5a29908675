"""Lists: pages that are fetched when they are reached, so that a loop over a list just goes on."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, overload

T = TypeVar("T")

# The most that the API gives at once: the fewest requests for a whole list.
LARGEST = 200


@dataclass(frozen=True)
class Page(Sequence[T]):
    """One page of a list and where it stands in the whole."""

    items: Sequence[T]
    page: int
    page_size: int
    total_items: int
    total_pages: int
    request_id: str | None = None

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[T]: ...
    def __getitem__(self, index: int | slice) -> T | Sequence[T]:
        return self.items[index]

    def __len__(self) -> int:
        return len(self.items)

    @property
    def has_next(self) -> bool:
        """Whether there is a page after this one."""
        return bool(self.items) and self.page < self.total_pages


class Listing(Generic[T]):
    """A list of the API. Looping over it fetches page after page, and none before it is needed.

    for run in client.runs.list(status="failed"):
        print(run.id)
    """

    def __init__(self, fetch: Callable[[int], Page[T]], name: str) -> None:
        self._fetch = fetch
        self._name = name

    def __iter__(self) -> Iterator[T]:
        before: frozenset[Any] = frozenset()
        for page in self.pages():
            ids = frozenset(item["id"] for item in page if isinstance(item, dict) and "id" in item)
            for item in page:
                # What is added while we read pushes the end of the last page onto this one.
                if not (isinstance(item, dict) and item.get("id") in before):
                    yield item
            before = ids

    def pages(self, start: int = 1) -> Iterator[Page[T]]:
        """Yield the pages from `start` (the first is 1)."""
        page = self.page(start)
        yield page
        while page.has_next:
            page = self.page(page.page + 1)
            yield page

    def page(self, number: int) -> Page[T]:
        """Fetch one page, from 1; one past the end is empty."""
        return self._fetch(number)

    def first(self) -> T | None:
        """Return the first item, None when there is none."""
        return next(iter(self.page(1)), None)

    def count(self) -> int:
        """Return how many items the whole list has."""
        return self.page(1).total_items

    def all(self) -> list[T]:
        """Fetch the whole list."""
        return list(self)

    def __repr__(self) -> str:
        return f"<Listing of /{self._name}>"
