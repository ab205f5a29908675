"""The SQL of a profile: what is asked of each column in the first pass, and in the second."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any, Literal

from datalinx.engine.connectors.reading import identifier, literal
from datalinx.engine.connectors.values import json_value
from datalinx.engine.profile.model import Bin, TopValue

Kind = Literal["number", "time", "other"]

BINS = 20
TOP = 10
SHOWN = 200

_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE")
_WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Measured:
    """A column with the type by which it is measured: its own, or that of its texts."""

    name: str
    type: str
    detected: str | None

    @property
    def measured_type(self) -> str:
        """The type of `min`, `max` and the histogram."""
        return self.detected if self.type == "VARCHAR" and self.detected else self.type

    @property
    def kind(self) -> Kind:
        """Whether the values can be laid on a line, and on which."""
        if self.measured_type in _NUMBERS or self.measured_type.startswith("DECIMAL"):
            return "number"
        if self.measured_type in {"DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE"}:
            return "time"
        return "other"

    @property
    def text(self) -> str:
        """The value as text, bounded."""
        if self.type == "BLOB":
            return f"left(to_base64({identifier(self.name)}), {SHOWN})"
        return f"left(CAST({identifier(self.name)} AS VARCHAR), {SHOWN})"

    @property
    def exact(self) -> str:
        """The value as what bounds are taken of: a number, microseconds since 1970 (UTC), or text."""
        if self.kind == "time":
            moment = f"TRY_CAST({identifier(self.name)} AS {self.measured_type})"
            return f"CASE WHEN isfinite({moment}) THEN epoch_us({moment}) END"
        if self.kind == "number" and self.measured_type not in {"FLOAT", "DOUBLE"}:
            return f"TRY_CAST({identifier(self.name)} AS {self.measured_type})"
        return self.position if self.kind == "number" else self.text

    @property
    def position(self) -> str:
        """The value as a DOUBLE on the line; NULL where there is no such."""
        if self.kind == "time":
            return f"CAST({self.exact} AS DOUBLE)"
        number = f"TRY_CAST({identifier(self.name)} AS DOUBLE)"
        return f"CASE WHEN isfinite({number}) THEN {number} END"


def first_pass(column: Measured, *, exact: bool) -> list[str]:
    """Return the aggregates of a column: values, empty texts, distinct, bounds, mean, lengths, top values."""
    name, text = identifier(column.name), column.text
    is_text = column.type == "VARCHAR"
    length = f"length({name})" if is_text else "NULL"
    distinct = f"count(DISTINCT {name})" if exact else f"approx_count_distinct({name})"
    has_order = column.type not in {"JSON", "BLOB"}
    bounds = [f"min({column.exact})", f"max({column.exact})"] if has_order else ["NULL", "NULL"]
    bounds.append(f"avg({column.position})" if column.kind == "number" else "NULL")
    return [
        f"count({name})",
        f"count(*) FILTER ({name} = '')" if is_text else "0",
        distinct,
        *bounds,
        f"min({length})",
        f"max({length})",
        f"avg({length})",
        f"approx_top_k({text}, {TOP})",
    ]


def second_pass(column: Measured, low: float | None, high: float | None, top: list[str]) -> list[str]:
    """Return the aggregates that need the first: how often each top value stands, and the bars' counts."""
    text, values = column.text, ", ".join(literal(value) for value in top)
    counted = f"histogram(CASE WHEN {text} IN ({values}) THEN {text} END)" if top else "NULL"
    bars = bar_count(column, low, high)
    if low is None or high is None or not bars:
        return [counted, "NULL"]
    # The constants are written by Python so that they are read back as the very same number.
    place = f"floor(({column.position} - {low!r}::DOUBLE) / {(high - low) or 1.0!r}::DOUBLE * {bars})"
    # `least` passes over NULL; a value that has no place has no bar.
    bar = f"CASE WHEN {column.position} IS NOT NULL THEN least(CAST({place} AS INTEGER), {bars - 1}) END"
    return [counted, f"histogram({bar})"]


def bar_count(column: Measured, low: float | None, high: float | None) -> int:
    """Return how many bars the histogram has: one for each whole number of a short range, else twenty."""
    if column.kind == "other" or low is None or high is None or high - low == float("inf"):
        return 0
    if high == low:
        return 1
    if column.measured_type in _WHOLE and high - low < BINS:
        return int(high - low) + 1
    return BINS


def shown(column: Measured, bound: Any) -> Any:
    """Return a bound, as the first pass gives it, as the value that it is."""
    if bound is None or column.kind != "time":
        return json_value(bound)
    try:
        moment = _EPOCH + timedelta(microseconds=int(bound))
    except OverflowError:
        # Beyond the year 9999, or before the year 1: a date that Python has no value for.
        return None
    if column.measured_type == "DATE":
        return moment.date().isoformat()
    text = moment.replace(tzinfo=None).isoformat()
    return text + "Z" if column.measured_type == "TIMESTAMP WITH TIME ZONE" else text


def histogram(
    column: Measured, low: float | None, high: float | None, counts: Mapping[int, int]
) -> tuple[Bin, ...]:
    """Return the bars between the bounds, empty ones too; none when the values have no line to lie on."""
    if low is None or high is None or not bar_count(column, low, high):
        return ()
    bars = bar_count(column, low, high)
    is_each = column.measured_type in _WHOLE and high - low < BINS
    step = 1.0 if is_each else (high - low) / bars
    edges = [low + step * place for place in range(bars)] + [high]
    return tuple(
        Bin(_edge(column, start), _edge(column, end), counts.get(place, 0))
        for place, (start, end) in enumerate(pairwise(edges))
    )


def _edge(column: Measured, position: float) -> Any:
    # Between two bars there may be half a number, or half a day.
    if column.kind == "number":
        return position if position != int(position) or abs(position) >= 2**53 else int(position)
    return shown(column, position)


def top_values(counts: Mapping[str, int]) -> tuple[TopValue, ...]:
    """Return the counted values, the most frequent first, equally frequent ones by their text."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return tuple(TopValue(value, count) for value, count in ordered)


def as_float(value: Any) -> float | None:
    """Return a bound that is a number as a float."""
    return float(value) if isinstance(value, (int, float, Decimal)) else None
