"""Suggestions over tables of our own: one column for one field, and nothing where nothing fits."""

from pathlib import Path
from typing import Any

import pytest

from datalinx.engine.connectors import get_reader
from datalinx.engine.connectors.base import SourceContext
from datalinx.engine.spec import TargetTable, parse_document
from datalinx.engine.suggest import Suggestion, TableSample, suggest_fields
from datalinx.engine.types.registry import TypeRegistry

TYPES = TypeRegistry()


@pytest.fixture
def area(tmp_path: Path) -> Path:
    return tmp_path


def suggestions(area: Path, text: str, columns: dict[str, str], **more: Any) -> dict[str, Suggestion]:
    """What is suggested for the columns of a table `people` from one file."""
    (area / "people.csv").write_text(text)
    scan = get_reader("file").scan(SourceContext(config={}, area=area), "people")
    sample = TableSample("crm", "people", "p", scan.columns, scan)
    written = [{"name": name, "type": kind} for name, kind in columns.items()]
    table = parse_document(TargetTable, {"name": "people", "columns": written})
    found = suggest_fields(table, [sample], types=TYPES, targets=list(columns), **more)
    return {each.target: each for each in found}


def test_suggestions__one_column_for_two_fields__goes_to_the_nearer_one(area: Path) -> None:
    text = "email,city\nann@example.org,Bath\nbob@example.org,Bonn\n"
    found = suggestions(area, text, {"email": "email", "email_2": "email"})

    assert found["email"].proposal.columns == ("email",)
    assert "taken" in [reason.code for reason in found["email_2"].reasons]
    assert found["email_2"].confidence < found["email"].confidence


def test_suggestions__values_that_do_not_fit__are_not_proposed(area: Path) -> None:
    text = "email,age\nsee notes,young\nnone,old\n"
    assert suggestions(area, text, {"email": "email", "age": "integer"}) == {}


def test_suggestions__half_of_the_values_fit__say_so_and_are_less_sure(area: Path) -> None:
    good = suggestions(area, "age\n1\n2\n3\n4\n", {"age": "integer"})["age"]
    half = suggestions(area, "age\n1\n2\nx\ny\n", {"age": "integer"})["age"]

    assert half.confidence == pytest.approx(good.confidence / 2, abs=0.01)
    assert "2 of 4 sampled values fit." in [reason.message for reason in half.reasons]


def test_suggestions__a_column_without_values__cannot_be_checked_and_says_so(area: Path) -> None:
    found = suggestions(area, "age,x\n,1\n,2\n", {"age": "integer"})["age"]
    assert "no_values" in [reason.code for reason in found.reasons]


def test_suggestions__first_and_last_name__make_the_full_name(area: Path) -> None:
    text = "First Name,Surname\nAda,Lovelace\nGrace,Hopper\n"
    found = suggestions(area, text, {"full_name": "person_name"})["full_name"]

    assert found.proposal.columns == ("First Name", "Surname")
    assert "concat_ws" in found.proposal.field["expression"]


def test_suggestions__what_a_person_refused__stays_away(area: Path) -> None:
    text = "email,mail_2\nann@example.org,bob@example.org\n"
    refused = {("email", ("email",))}
    found = suggestions(area, text, {"email": "email"}, refused=refused)
    assert found["email"].proposal.columns == ("mail_2",)


def test_suggestions__values_of_another_meaning__are_no_plain_text_of_that_name(area: Path) -> None:
    text = "contact\nann@example.org\nbob@example.org\n"
    plain = suggestions(area, text, {"contact_note": "string"})["contact_note"]
    meant = suggestions(area, text, {"contact_note": "string"}, meanings={("p", "contact"): "email"})
    assert "contact_note" not in meant or meant["contact_note"].confidence < plain.confidence
