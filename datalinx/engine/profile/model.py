"""What a profile says of a table and of each of its columns: plain values that JSON can carry."""

from dataclasses import dataclass
from typing import Any

from datalinx.engine.profile.dates import DateFormat


@dataclass(frozen=True)
class TopValue:
    """A frequent value, as text cut to 200 characters, and in how many rows it stands."""

    value: str
    count: int


@dataclass(frozen=True)
class Bin:
    """One bar of a histogram: values from `start` to `end`, `end` itself only in the last bar."""

    start: Any
    end: Any
    count: int


@dataclass(frozen=True)
class SemanticGuess:
    """A semantic type that fits, the share of sampled values that it accepts, and a score for the order."""

    name: str
    share: float
    score: float


@dataclass(frozen=True)
class ColumnProfile:
    """One column. `type` is DuckDB's; `detected_type` is what the texts of a text column look like.

    `min`, `max`, `mean` and `histogram` are of the detected type where there is one; values that are not of that
    type take no part in them. `distinct` is exact for small tables, else an estimate (HyperLogLog, a few per
    cent off) and `distinct_is_exact` false. `top_values` are counted exactly; in a large table which values are
    the most frequent ones is an estimate, so that one just as frequent may be missing. `date_formats` are the formats
    that `parse_date` needs, of a column of text whose values are dates but not ISO 8601's; `ambiguous_dates` says that
    the values do not tell day from month.
    """

    name: str
    type: str
    detected_type: str | None
    nulls: int
    empty: int
    distinct: int
    distinct_is_exact: bool
    min: Any = None
    max: Any = None
    mean: float | None = None
    min_length: int | None = None
    max_length: int | None = None
    mean_length: float | None = None
    top_values: tuple[TopValue, ...] = ()
    histogram: tuple[Bin, ...] = ()
    semantic_type: str | None = None
    semantic_types: tuple[SemanticGuess, ...] = ()
    date_formats: tuple[DateFormat, ...] = ()
    ambiguous_dates: bool = False


@dataclass(frozen=True)
class TableProfile:
    """A table's profile: exact rows, how many of its first rows were looked at for types, and its columns."""

    rows: int
    sampled_rows: int
    columns: tuple[ColumnProfile, ...]
