"""The eight dimensions, each defined by its formula, and None where there is nothing to measure it by.

* **completeness**: filled cells / (rows × columns of the target schema); NULL and blank text are not filled.
* **uniqueness**: distinct values / values, over the primary key as one value and every column with a `unique`
  test; a column's NULLs and incomplete keys are no values.
* **consistency**: texts in their normal form / texts; a semantic type's own normal form, for other texts no
  white space at the ends and none doubled.
* **accuracy**: values that keep to the declared facts / values that have one; the facts are the columns'
  `accepted_values` and `range` tests.
* **validity**: values that pass their semantic type's check and their `regex` tests / values that have one,
  times the share of the rows read by the last run that it did not reject.
* **timeliness**: 1 while the newest row is no older than allowed, from then on allowed age / its age.
* **relevance**: columns that something uses / columns of the target schema.
* **integrity**: rows whose reference finds its row / rows with a reference, over all references.

A score is 100 times that, and None, with a note that says why, where there is nothing to divide by: no rows,
no test of the kind, no timestamp column, no knowledge of what is used.

Accuracy in the strict sense, agreement with the world, needs a second source; what is measured is agreement
with what the workspace declares to be true of the world. Invalid values never reach a table that quarantines
them, so validity also looks at what the last run had to turn away.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from datalinx.engine.quality.model import Dimension, Score, share


@dataclass(frozen=True)
class Tally:
    """What was counted for one dimension of one column, or of the table as a whole when `column` is None."""

    dimension: Dimension
    column: str | None
    passed: int
    checked: int


@dataclass(frozen=True)
class LastRun:
    """The rows that the last run read for the table, and those of them that it rejected."""

    read: int
    rejected: int


_NOTHING = {
    "completeness": "The table has no rows.",
    "uniqueness": "The table has no primary key with values and no column with a `unique` test.",
    "consistency": "The table has no text.",
    "accuracy": "No column has an `accepted_values` or `range` test.",
    "validity": "No column has a semantic type or a `regex` test, and no run is known.",
    "integrity": "There is no reference to check: no relationship, or its table is not stored.",
}


def counted(dimension: Dimension, tallies: Iterable[Tally]) -> Score:
    """The score of all that was counted for a dimension."""
    mine = [tally for tally in tallies if tally.dimension == dimension and tally.checked]
    passed, checked = sum(tally.passed for tally in mine), sum(tally.checked for tally in mine)
    score = share(passed, checked)
    return Score(score, None, passed, checked, _NOTHING[dimension] if score is None else "")


def validity(tallies: Iterable[Tally], run: LastRun | None) -> Score:
    """Valid values of those stored, times the rows that the last run let through of those it read."""
    stored = counted("validity", tallies)
    if run is None or not run.read:
        return stored
    accepted = (run.read - run.rejected) / run.read
    score = share(accepted * (stored.score if stored.score is not None else 100.0), 100.0)
    note = f"{run.rejected:,} of {run.read:,} rows of the last run were rejected." if run.rejected else ""
    return Score(score, None, stored.passed, stored.checked, note)


def timeliness(
    newest: datetime | None, allowed_hours: float | None, now: datetime, column: str | None
) -> Score:
    """1 while the newest row is no older than allowed, then allowed age by age; `passed` and `checked` are hours."""
    if column is None or allowed_hours is None:
        return Score(None, note="Name a timestamp column and how old its newest row may be.")
    if newest is None:
        return Score(None, note=f"`{column}` holds no moment up to now.")
    age = (now.astimezone(UTC) - newest.astimezone(UTC)).total_seconds() / 3600
    score = 100.0 if age <= allowed_hours else min(round(100 * allowed_hours / age, 2), 99.99)
    return Score(
        score, None, round(allowed_hours, 3), round(age, 3), f"The newest `{column}` is {age:.1f} hours old."
    )


def relevance(columns: Collection[str], used: Collection[str] | None) -> Score:
    """Columns that queries, audiences or other tables use, of all columns."""
    if used is None or not columns:
        return Score(None, note="It is not known which columns are used.")
    found = len(set(columns) & set(used))
    return Score(share(found, len(columns)), None, found, len(columns))
