"""Random inputs and random mappings give what the plain reference gives: rows, rejects and every count."""

from collections import Counter
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from tests.engine.execute.conftest import Desk, Outcome
from tests.engine.execute.reference import FILTERS, MEANINGS, Case, Expected, Field, Source, execute

COLUMNS = {
    "id": [*MEANINGS["integer"]],
    "n": [*MEANINGS["integer"]],
    "at": [*MEANINGS["date"]],
    "mail": [*MEANINGS["email"]],
    "k": ["a", "b", "ä", ""],
}


def texts(values: list[str]) -> st.SearchStrategy[str | None]:
    # Good values stand first and come more often, or hardly a row would survive its checks.
    good = st.sampled_from(values[:3])
    return st.integers(0, 9).flatmap(
        lambda n: good if n < 8 else st.sampled_from(values) if n == 8 else st.none()
    )


ROW = st.fixed_dictionaries({name: texts(values) for name, values in COLUMNS.items()})
SECOND = st.lists(
    st.fixed_dictionaries({"id": texts(["1", " 2 ", "03"]), "m": texts(["1", "03", "4", "x"])}), max_size=6
)


@st.composite
def two_days(draw: st.DrawFn) -> tuple[list[Source], list[Source]]:
    """An input as it is today and tomorrow: rows stay, change in a column, go and come."""
    today = draw(st.lists(ROW, max_size=12))
    tomorrow = []
    for row in today:
        name = draw(st.sampled_from([*COLUMNS, "stays", "stays", "goes"]))
        if name in COLUMNS:
            tomorrow.append({**row, name: draw(texts(COLUMNS[name]))})
        elif name == "stays":
            tomorrow.append(row)
    return today, tomorrow + draw(st.lists(ROW, max_size=3))


ON_INVALID = st.sampled_from(["quarantine", "null"])


@st.composite
def cases(draw: st.DrawFn) -> Case:
    mode = draw(st.sampled_from(["full", "append", "merge", "merge"]))
    join = draw(st.sampled_from([None, None, None, "left", "inner", "right", "full"]))

    def field(name: str, kind: str, alias: str = "c", column: str = "") -> Field:
        own = draw(st.one_of(st.none(), ON_INVALID))
        return Field(name, (alias, column or name), kind, draw(st.sampled_from([False, False, True])), own)

    fields = [field("id", draw(st.sampled_from(["integer", "string"]))), field("at", "date")]
    fields += [field("n", "integer")] if draw(st.booleans()) else []
    fields += [field("mail", "email")] if draw(st.booleans()) else []
    fields += [field("m", "integer", "o")] if join else []
    names = [each.name for each in fields]
    cursor = mode != "full" and draw(st.booleans())
    key = tuple(draw(st.sampled_from([["id"], ["id", "at"], [names[-1]]])))
    columns = st.lists(st.sampled_from(["at", "k", "n"]), unique=True, max_size=2)
    return Case(
        fields=tuple(fields),
        key=key if mode == "merge" or draw(st.booleans()) else (),
        join=join,
        keeps=draw(st.one_of(st.none(), st.sampled_from(sorted(FILTERS)))),
        deduplicate=tuple(draw(st.sampled_from([[], ["id"], ["at"], [*key], [*key]]))),
        order=tuple((name, draw(st.booleans())) for name in draw(columns)),
        mode=mode,
        on_invalid=draw(ON_INVALID),
        cursor=cursor,
        lookback_days=draw(st.integers(0, 2)) if cursor and mode == "merge" else 0,
        delete_missing=mode == "merge" and not cursor and draw(st.booleans()),
    )


def prepare(desk: Desk, case: Case, first: list[Source], second: list[Source]) -> None:
    desk.scans.clear()
    desk.csv("c", [*COLUMNS], [[row[name] for name in COLUMNS] for row in first])
    if case.join:
        desk.csv("o", ["id", "m"], [[row["id"], row["m"]] for row in second])
    required = [each.name for each in case.fields if each.required]
    desk.target(*(f"{each.name} {each.type}" for each in case.fields), key=case.key, required=required)
    load: dict[str, Any] = {"mode": case.mode}
    load |= {"cursor": "c.at"} if case.cursor else {}
    load |= {"lookback": f"{case.lookback_days} days"} if case.lookback_days else {}
    load |= {"delete_missing": True} if case.delete_missing else {}
    order = [f"c.{name} {'DESC' if descending else 'ASC'}" for name, descending in case.order]
    desk.map(
        {each.name: _field(each) for each in case.fields},
        load=load,
        on_invalid=case.on_invalid,
        **({"filter": case.keeps} if case.keeps else {}),
        **({"deduplicate": {"keys": list(case.deduplicate), "order_by": order}} if case.deduplicate else {}),
        **(
            {"joins": [{"left": "c", "right": "o", "type": case.join, "on": [["id", "id"]]}]}
            if case.join
            else {}
        ),
    )


def _field(each: Field) -> dict[str, Any]:
    own = {"on_invalid": each.on_invalid} if each.on_invalid else {}
    return {"type": "direct", "source": ".".join(each.source), **own}


def found(outcome: Outcome) -> Counter[tuple[Any, ...]]:
    """The rejected rows as the reference tells them."""
    return Counter(
        (
            int(row["locator"].removeprefix("c.csv:")) if row["locator"] else None,
            (row["field"], row["reason"]),
            tuple((fault["field"], fault["reason"]) for fault in row["reasons"]),
        )
        for row in outcome.rejected
    )


def compare(outcome: Outcome, expected: Expected) -> None:
    assert outcome.result.counts.difference == 0
    assert outcome.counts == {name: count for name, count in expected.counts.items() if count}
    assert found(outcome) == expected.rejected
    assert _bag(outcome.rows) == _bag(expected.rows)
    assert outcome.result.rejected_by_reason == _by_reason(expected)


def _bag(rows: list[dict[str, Any]]) -> Counter[tuple[Any, ...]]:
    return Counter(tuple(row.items()) for row in rows)


def _by_reason(expected: Expected) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for (_, (_, reason), _), count in expected.rejected.items():
        counts[reason] += count
    return dict(counts)


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(case=cases(), first=two_days(), second=SECOND)
def test_run__any_mapping_on_any_rows__does_what_the_reference_does(
    case: Case, first: tuple[list[Source], list[Source]], second: list[Source]
) -> None:
    stored: list[dict[str, Any]] = []
    cursor: date | None = None
    with TemporaryDirectory() as folder:
        desk = Desk(Path(folder))
        for rows in first:
            prepare(desk, case, rows, second)
            outcome = desk.run()
            note(f"stored {stored}\nrows {outcome.rows}\nrejected {outcome.rejected}")
            expected = execute(case, rows, second, stored=stored, cursor=cursor)
            compare(outcome, expected)
            stored, cursor = expected.rows, expected.cursor
