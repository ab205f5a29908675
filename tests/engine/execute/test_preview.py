"""A preview shows on a sample what a run does, and keeps nothing."""

from datetime import UTC, datetime
from decimal import Decimal

from datalinx.engine.connectors.base import Malformed, Scan
from tests.engine.execute.conftest import Desk


def test_preview__a_sample__shows_rows_rejects_and_counts(desk: Desk) -> None:
    rows = [["1", "5", "a"], ["2", "x", "a"], ["3", "7", "b"], ["1", "8", "a"], ["5", "y", "a"]]
    desk.csv("c", ["id", "n", "kind"], rows)
    desk.target("id integer", "n integer", key=["id"])
    desk.map({"id": "c.id", "n": "c.n"}, filter="c.kind = 'a'", deduplicate={"keys": ["id"]})
    before = set(desk.folder.iterdir())
    preview = desk.preview(sample=4)
    assert preview.columns == (("id", "integer"), ("n", "integer"))
    assert preview.rows == ({"id": 1, "n": 5},)
    assert [(row["locator"], row["reason"]) for row in preview.rejected] == [("c.csv:2", "cast_failed")]
    assert preview.rejected_by_reason == {"cast_failed": 1}
    counts = {name: n for name, n in preview.counts.as_dict().items() if n}
    assert counts == {"read": 4, "filtered": 1, "deduplicated": 1, "rejected": 1, "inserted": 1, "written": 1}
    assert set(desk.folder.iterdir()) == before


def test_preview__of_everything__agrees_with_the_run(desk: Desk) -> None:
    desk.csv("c", ["id", "n"], [["1", "5"], ["2", "x"], ["3", "7"], ["3", "8"]])
    desk.csv("o", ["id", "m"], [["1", "a"], ["1", "b"], ["9", "c"]])
    desk.target("id integer", "n integer", "m string")
    joins = [{"left": "c", "right": "o", "type": "inner", "on": [["id", "id"]]}]
    desk.map({"id": "c.id", "n": "c.n", "m": "o.m"}, joins=joins)
    preview, outcome = desk.preview(), desk.run()
    assert preview.counts == outcome.result.counts
    assert sorted(row["m"] for row in preview.rows) == outcome.column("m")
    assert list(preview.rejected) == outcome.rejected


def test_preview__values__are_pythons_own(desk: Desk) -> None:
    desk.csv("c", ["t", "d"], [["2024-01-01T10:00:00+02:00", "1.5"], [None, None]])
    desk.target("t timestamp", "d decimal")
    desk.map({"t": "c.t", "d": "c.d"})
    assert desk.preview().rows == (
        {"t": datetime(2024, 1, 1, 8, tzinfo=UTC), "d": Decimal("1.5")},
        {"t": None, "d": None},
    )


def test_preview__a_grouped_mapping__groups_the_sample(desk: Desk) -> None:
    desk.csv("c", ["k"], [["a"], ["a"], ["b"], ["b"]])
    desk.target("k string", "n integer", key=["k"])
    desk.map({"k": "c.k", "n": {"type": "aggregate", "expression": "count(*)"}}, group_by=["c.k"])
    preview = desk.preview(sample=3)
    assert sorted((row["k"], row["n"]) for row in preview.rows) == [("a", 2), ("b", 1)]
    assert (preview.counts.read, preview.counts.grouped, preview.counts.inserted) == (3, 1, 2)


def test_preview__malformed_records__are_no_part_of_the_sample(desk: Desk) -> None:
    desk.csv("c", ["k"], [["a"]])
    malformed = Malformed(1, "SELECT 'c.csv' AS __file, 1 AS __record, 'x' AS text, 'bad' AS message")
    desk.scans["c"] = Scan(**{**vars(desk.scans["c"]), "malformed": malformed})
    desk.target("k integer")
    desk.map({"k": "c.k"})
    preview = desk.preview()
    assert (preview.counts.read, preview.counts.rejected) == (1, 1)


def test_preview__values_made_null__are_counted_by_field(desk: Desk) -> None:
    desk.csv("c", ["k"], [["a"], ["1"]])
    desk.target("k integer")
    desk.map({"k": "c.k"}, on_invalid="null")
    preview = desk.preview()
    assert preview.values_nulled == {"k": 1}
    assert preview.rows == ({"k": None}, {"k": 1})


def test_preview__a_history__shows_the_fields_alone(desk: Desk) -> None:
    desk.csv("c", ["k"], [["1"]])
    desk.target("k integer", key=["k"])
    desk.map({"k": "c.k"}, load={"mode": "history"})
    assert desk.preview().rows == ({"k": 1},)


def test_preview__examples__show_source_values_beside_what_was_made_of_them(desk: Desk) -> None:
    desk.csv("c", ["id", "mail"], [["1", "a@example.com"], ["2", " B@Example.com"], ["3", "none"]])
    desk.target("id integer", "email email", "fixed string", key=["id"])
    email = {"type": "decorated", "source": "c.mail", "decorators": [{"name": "email"}]}
    desk.map({"id": "c.id", "email": email, "fixed": {"type": "constant", "value": "x"}})
    preview = desk.preview()
    assert preview.columns == (("id", "integer"), ("email", "email"), ("fixed", "string"))
    assert preview.examples["email"] == (
        {"before": {"c.mail": " B@Example.com"}, "after": "b@example.com"},
        {"before": {"c.mail": "a@example.com"}, "after": "a@example.com"},
    )
    assert "fixed" not in preview.examples
