"""The wildcard: which column goes where, which is ignored, and when two want the same place."""

from typing import Any

import pytest

from datalinx.engine.compile.wildcard import effective_wildcard
from datalinx.engine.spec.mapping import Wildcard
from tests.engine.compile.kit import compiled, faults_of, mapping, results, shape, table

COLUMNS = {"id": "VARCHAR", "Mail": "VARCHAR", "notes": "VARCHAR", "extra": "VARCHAR"}
TARGET = ("id string", "mail string", "email string", "notes string")


def effective(
    target: tuple[str, ...] = TARGET, explicit: tuple[str, ...] = (), **rest: Any
) -> list[tuple[Any, ...]]:
    wildcard = Wildcard(input="c", **rest)
    fields = effective_wildcard(wildcard, shape(COLUMNS), table=table(*target), explicit=explicit)
    return [(field.source, field.target, field.state) for field in fields]


def test_effective__equal_names__are_mapped_and_others_ignored() -> None:
    assert effective() == [
        ("c.id", "id", "mapped"),
        ("c.Mail", "mail", "mapped"),
        ("c.notes", "notes", "mapped"),
        ("c.extra", None, "ignored"),
    ]


def test_effective__exclude_and_rename__come_before_the_names() -> None:
    assert effective(exclude=("NOTES",), rename={"mail": "email"}) == [
        ("c.id", "id", "mapped"),
        ("c.Mail", "email", "mapped"),
        ("c.notes", None, "excluded"),
        ("c.extra", None, "ignored"),
    ]


def test_effective__prefix__is_put_before_renamed_names_too() -> None:
    target = ("crm_id string", "crm_email string")

    assert effective(target, rename={"Mail": "email"}, prefix="crm_")[:2] == [
        ("c.id", "crm_id", "mapped"),
        ("c.Mail", "crm_email", "mapped"),
    ]


def test_effective__explicit_field__wins() -> None:
    assert effective(explicit=("mail",))[1] == ("c.Mail", "mail", "explicit")


def test_effective__equal_name__takes_the_target_from_one_without_case() -> None:
    columns = {"ID": "VARCHAR", "key": "VARCHAR"}
    wildcard = Wildcard(input="c", rename={"key": "id"})
    fields = effective_wildcard(wildcard, shape(columns), table=table("id string"))

    assert [(field.column, field.state) for field in fields] == [("ID", "ignored"), ("key", "mapped")]


def test_mapping__two_columns_for_one_target__is_ambiguous() -> None:
    document = mapping({}, wildcard={"input": "c", "rename": {"extra": "notes"}})
    (fault,) = faults_of(document, table(*TARGET), {"c": COLUMNS})

    assert (fault.field, fault.code) == ("wildcard", "AMBIGUOUS_FIELD")
    assert "`notes`, `extra`" in fault.message


def test_mapping__ambiguous_target_with_a_field_of_its_own__is_none() -> None:
    document = mapping({"notes": "c.id"}, wildcard={"input": "c", "rename": {"extra": "notes"}})

    assert faults_of(document, table(*TARGET), {"c": COLUMNS}) == []


@pytest.mark.parametrize(
    ("rest", "path"),
    [
        ({"exclude": ["nope"]}, "wildcard.exclude[0]"),
        ({"rename": {"nope": "id"}}, "wildcard.rename.nope"),
        ({"rename": {"extra": "nope"}}, "wildcard.rename.extra"),
    ],
)
def test_mapping__unknown_names__are_refused(rest: dict[str, Any], path: str) -> None:
    document = mapping({}, wildcard={"input": "c", **rest})
    (fault,) = faults_of(document, table(*TARGET), {"c": COLUMNS})

    assert (fault.field, fault.code) == (path, "UNKNOWN_COLUMN")


def test_mapping__unknown_input__is_refused() -> None:
    (fault,) = faults_of(mapping({}, wildcard={"input": "z"}), table(*TARGET), {"c": COLUMNS})

    assert (fault.field, fault.code) == ("wildcard.input", "UNKNOWN_INPUT")


def test_mapping__wildcard_and_fields__make_one_row() -> None:
    document = mapping({"mail": "c.extra"}, wildcard={"input": "c", "exclude": ["notes"]})
    plan = compiled(document, table(*TARGET), {"c": COLUMNS})

    assert [(field.name, field.kind) for field in plan.fields] == [("id", "wildcard"), ("mail", "direct")]
    assert plan.unmapped == ("email", "notes")
    assert results(document, table(*TARGET), [("1", "m", "n", "e")], COLUMNS) == [("1", "e")]


def test_mapping__type_clash_behind_the_wildcard__names_the_wildcard() -> None:
    document = mapping({}, wildcard={"input": "c"})
    (fault,) = faults_of(document, table("id date"), {"c": {"id": "BOOLEAN"}})

    assert (fault.field, fault.code) == ("wildcard", "TYPE_CLASH")


def test_run__excluded_column_that_is_gone__does_not_matter() -> None:
    document = mapping({}, wildcard={"input": "c", "exclude": ["gone"]})

    assert [field.name for field in compiled(document, table("id string"), {"c": COLUMNS}).fields] == ["id"]
