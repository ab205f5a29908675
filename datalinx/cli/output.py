"""What a command shows: data on stdout, everything else on stderr, JSON when asked for.

In a terminal a list is a table; in a pipe it is lines with tabs, which `cut` and `awk` read.
"""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from datalinx.cli.text import as_json, plain, shown

if TYPE_CHECKING:
    from rich.console import Console

    from datalinx.client.pages import Listing
    from datalinx.client.resource import Resource

R = TypeVar("R", bound="Resource")


@dataclass(frozen=True)
class Column:
    """A column of a table: its header, and the path to its value or a function that makes its text."""

    header: str
    read: str | Callable[[Any], str]


class Output:
    """Where a command writes. `as_json` is the option `--json`."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json

    @cached_property
    def console(self) -> "Console":
        """The console of stdout. It obeys NO_COLOR, and has no colours in a pipe."""
        from rich.console import Console

        return Console(highlight=False, markup=False, emoji=False)

    @cached_property
    def is_terminal(self) -> bool:
        """Whether a person reads along."""
        return sys.stdout.isatty()

    def line(self, text: str) -> None:
        """Write a line of data."""
        sys.stdout.write(plain(text) + "\n")

    def raw(self, text: str) -> None:
        """Write a text as it is, for code and files."""
        sys.stdout.write(text if text.endswith("\n") else text + "\n")

    def json(self, value: Any) -> None:
        """Write a value as JSON."""
        sys.stdout.write(as_json(value) + "\n")

    def note(self, text: str) -> None:
        """Tell a person something that is not data. Not with `--json`."""
        if not self.as_json:
            sys.stderr.write(plain(text) + "\n")

    def done(self, resource: Any, sentence: str) -> None:
        """Write what an action made: the object as JSON, or one sentence."""
        if self.as_json:
            self.json(resource)
        else:
            self.line(sentence)

    def fields(self, resource: Mapping[str, Any], *columns: str | Column) -> None:
        """Write one object: as JSON whole, else the named fields, one in a line."""
        if self.as_json:
            self.json(resource)
            return
        named = [(column.header, _text_of(resource, column)) for column in map(_as_column, columns)]
        width = max((len(header) for header, _ in named), default=0)
        for header, text in named:
            sys.stdout.write(f"{header:<{width}}  {text}\n")

    def listing(self, rows: "Listing[R]", *columns: str | Column, limit: int = 0) -> None:
        """Write a list of the API; `limit` 0 means all of it. Says so if there is more."""
        taken = islice(_walk(rows), limit) if limit else _walk(rows)
        if self.as_json:
            self._json_list(item for item, _ in taken)
            return
        found = list(taken)
        self.table([item for item, _ in found], *columns)
        total = found[0][1] if found else 0
        if len(found) < total:
            self.note(f"{len(found):,} of {total:,}; --limit 0 shows all.")

    def table(self, rows: Sequence[Mapping[str, Any]], *columns: str | Column, title: str = "") -> None:
        """Write rows as a table. Not for `--json`."""
        named = [_as_column(column) for column in columns]
        lines = [[_text_of(row, column) for column in named] for row in rows]
        self.grid([column.header for column in named], lines, title=title)

    def grid(self, headers: Sequence[str], lines: Sequence[Sequence[str]], *, title: str = "") -> None:
        """Write lines of cells, whose texts are safe to show, under headers."""
        if not self.is_terminal:
            for line in (headers, *lines):
                sys.stdout.write("\t".join(line) + "\n")
            return
        from rich import box
        from rich.table import Table
        from rich.text import Text

        table = Table(box=box.SIMPLE_HEAD, title=title or None, title_justify="left", pad_edge=False)
        for index, header in enumerate(headers):
            numeric = bool(lines) and all(_is_number(line[index]) for line in lines)
            table.add_column(Text(plain(header)), justify="right" if numeric else "left", overflow="fold")
        for line in lines:
            table.add_row(*(Text(cell) for cell in line))
        self.console.print(table if lines else Text("Nothing."))

    def sample(self, columns: Sequence[Mapping[str, Any]], rows: Sequence[Any]) -> None:
        """Write rows, lists of values or objects by column name, under the names of their columns."""
        names = [str(column.get("name")) for column in columns]
        lines = [[row.get(name) for name in names] if isinstance(row, Mapping) else row for row in rows]
        self.grid([shown(name) for name in names], [[shown(value) for value in line] for line in lines])

    def _json_list(self, items: Iterable[Any]) -> None:
        """Write a list as JSON, one item after the other, however long it is."""
        between = "["
        for item in items:
            sys.stdout.write(between + "\n  " + as_json(item).replace("\n", "\n  "))
            between = ","
        sys.stdout.write("[]\n" if between == "[" else "\n]\n")


def _walk(rows: "Listing[R]") -> Iterable[tuple[R, int]]:
    for page in rows.pages():
        for item in page:
            yield item, page.total_items


def _as_column(column: str | Column) -> Column:
    return Column(column.rpartition(".")[2].replace("_", " "), column) if isinstance(column, str) else column


def _text_of(row: Mapping[str, Any], column: Column) -> str:
    if callable(column.read):
        return column.read(row)
    value: Any = row
    for part in column.read.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return shown(value)


def _is_number(text: str) -> bool:
    return not text or text.lstrip("-").replace(",", "").replace(".", "", 1).removesuffix(" s").isdigit()
