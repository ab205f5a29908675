"""References: how they are written, and which column they mean."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datalinx.engine.compile.names import quote, split_reference
from datalinx.errors import Invalid
from tests.engine.compile.kit import scope


@pytest.mark.parametrize(
    ("written", "parts"),
    [
        ("c.mail", ("c", "mail")),
        (" c . mail ", ("c", "mail")),
        ('c."Home Town"', ("c", "Home Town")),
        ('c."a ""b"" c"', ("c", 'a "b" c')),
        ('"c"."x.y"', ("c", "x.y")),
        ("c.größe", ("c", "größe")),
    ],
)
def test_reference__written__has_two_parts(written: str, parts: tuple[str, str]) -> None:
    assert split_reference(written) == parts


@pytest.mark.parametrize(
    "written", ["mail", "c.", ".mail", "c.a.b", "c.Home Town", 'c."open', "c.1a", "c.a; b", 'c.""', "c.a--"]
)
def test_reference__of_another_form__is_refused(written: str) -> None:
    with pytest.raises(Invalid) as caught:
        split_reference(written)

    assert caught.value.code == "INVALID_REFERENCE"


@given(st.text(min_size=1, max_size=30))
def test_reference__any_name_quoted__comes_back(name: str) -> None:
    assert split_reference(quote("c", name)) == ("c", name)


def test_scope__exact_name__wins_over_the_same_without_case() -> None:
    found = scope(c={"Mail": "VARCHAR", "mail": "BIGINT"}).find("c.mail")

    assert found.column.type == "BIGINT"


def test_scope__one_fits_without_case__is_found() -> None:
    assert scope(c={"Mail": "VARCHAR"}).find("C.mAIL").pair == ("c", "Mail")


def test_scope__two_fit_without_case__is_ambiguous() -> None:
    with pytest.raises(Invalid) as caught:
        scope(c={"Mail": "VARCHAR", "mail": "BIGINT"}).find("c.MAIL")

    assert caught.value.code == "AMBIGUOUS_COLUMN"


def test_scope__unknown__names_the_nearest() -> None:
    with pytest.raises(Invalid) as caught:
        scope().find("c.frist_name")

    assert caught.value.code == "UNKNOWN_COLUMN"
    assert "Did you mean `first_name`?" in caught.value.message
