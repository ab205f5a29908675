"""What the texts of a column look like: advice for the person who maps it, never a change of the data."""

import re
from collections.abc import Iterable, Sequence

# From narrow to wide: the first that fits every value of the sample is what the column looks like. All are
# ASCII and linear, so a hostile value costs no more than its length.
_PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("BOOLEAN", re.compile(r"(?:true|false)", re.IGNORECASE)),
    ("BIGINT", re.compile(r"[+-]?(?:0|[1-9][0-9]{0,17})")),
    (
        "DOUBLE",
        re.compile(r"[+-]?(?:0|[1-9][0-9]{0,30})?(?:\.[0-9]{1,30})?(?<=[0-9])(?:[eE][+-]?[0-9]{1,3})?"),
    ),
    ("DATE", re.compile(r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])")),
    (
        "TIMESTAMP",
        re.compile(
            r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
            r"(?:[ T](?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,9})?)?)?"
        ),
    ),
    (
        "TIMESTAMP WITH TIME ZONE",
        re.compile(
            r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
            r"[ T](?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,9})?)?"
            r" ?(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)"
        ),
    ),
    ("TIME", re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,9})?)?")),
    ("UUID", re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)),
)

# More cells than this teach nothing new, and a wide file must not take longer than a long one.
MAX_CELLS = 200_000


def detect_type(values: Iterable[str | None]) -> str | None:
    """Return the DuckDB type that all values look like, `VARCHAR` if none, None when there is no value."""
    candidates = list(_PATTERNS)
    any_value = False
    for value in values:
        if value is None or not value:
            continue
        any_value = True
        candidates = [(name, pattern) for name, pattern in candidates if pattern.fullmatch(value)]
        if not candidates:
            return "VARCHAR"
    return candidates[0][0] if any_value else None


def detect_columns(rows: Sequence[Sequence[str]], width: int) -> list[str | None]:
    """Return what each of the `width` columns of the sample looks like."""
    seen = rows[: max(MAX_CELLS // max(width, 1), 20)]
    return [detect_type(row[place] for row in seen if place < len(row)) for place in range(width)]
