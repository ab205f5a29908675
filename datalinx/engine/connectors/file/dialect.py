"""How a delimited text file is written: its delimiter, and whether its first record names the columns."""

import csv
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from datalinx.engine.connectors.detect import detect_columns
from datalinx.engine.connectors.file.config import TableOptions

DELIMITERS = (",", ";", "\t", "|")
SAMPLE_RECORDS = 1_000


@dataclass(frozen=True)
class Dialect:
    """How the records of a file are read. `quote` is empty where no character quotes."""

    delimiter: str
    quote: str
    header: bool
    skip: int


def sniff(
    sample: str, options: TableOptions, *, tabs: bool, complete: bool
) -> tuple[Dialect, list[list[str]]]:
    """Return the dialect of a file and the records of its sample, in which the last may be cut off.

    What `options` say is taken as it stands. `tabs` is for a file that is named as tab-separated, `complete`
    when the sample is the whole file.
    """
    quote = '"' if options.quote is None else options.quote
    skip, text = _without_preamble(sample, options.skip or 0)
    delimiter = options.delimiter or ("\t" if tabs else _delimiter(text, quote))
    found = records(text, delimiter, quote)
    if not complete and len(found) > 1:
        found.pop()
    header = looks_like_header(found) if options.header is None else options.header
    return Dialect(delimiter, quote, header, skip), found


def _without_preamble(sample: str, skip: int) -> tuple[int, str]:
    """Return how many lines come before the first record, with the empty ones that follow, and the text after."""
    stream = io.StringIO(sample, newline="")
    for _ in range(skip):
        stream.readline()
    start = stream.tell()
    while (line := stream.readline()) and not line.strip("\r\n"):
        skip, start = skip + 1, stream.tell()
    return skip, sample[start:]


def records(text: str, delimiter: str, quote: str) -> list[list[str]]:
    """Return the first records of a text, leniently: what does not parse ends the list."""
    csv.field_size_limit(max(csv.field_size_limit(), len(text) + 1))
    stream = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=delimiter,
        quotechar=quote or None,
        quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
    )
    found: list[list[str]] = []
    try:
        for record in stream:
            if record:
                found.append(record)
            if len(found) >= SAMPLE_RECORDS:
                break
    except csv.Error:
        pass
    return found


def _delimiter(text: str, quote: str) -> str:
    """Return the delimiter that cuts the most records into the same number of fields, more than one."""
    best, best_score = DELIMITERS[0], (0.0, 0)
    for delimiter in DELIMITERS:
        found = records(text[:200_000], delimiter, quote)[:200]
        widths = Counter(len(record) for record in found)
        if not widths:
            continue
        width, count = max(widths.items(), key=lambda item: (item[0] > 1, item[1], item[0]))
        score = (count / len(found) if width > 1 else 0.0, width)
        # The header counts most: what separates the names separates the values.
        if width > 1 and len(found[0]) == width:
            score = (score[0] + 1, width)
        if score > best_score:
            best, best_score = delimiter, score
    return best


def looks_like_header(found: Sequence[Sequence[str]]) -> bool:
    """Whether the first record names the columns: it is not of the kind that the records below it are.

    A text over values that look typed, numbers say, speaks for a header; typed over typed speaks against one.
    With neither, texts over texts, it is a header unless a name repeats: most files have one.
    """
    if not found:
        return True
    first, below = found[0], found[1:]
    own = detect_columns([first], len(first))
    if not below:
        return all(kind in _TEXT for kind in own)
    kinds = detect_columns([row for row in below if len(row) == len(first)], len(first))
    over_typed = [kind for kind, under in zip(own, kinds, strict=True) if kind and under not in _TEXT]
    if over_typed:
        return "VARCHAR" in over_typed
    names = [name.strip().casefold() for name in first]
    return len(set(names)) == len(names)


# An empty cell, and a text.
_TEXT = frozenset({None, "VARCHAR"})
