"""How alike names are: by their words, in the languages and short forms that people use."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datalinx.engine.suggest.names import name_similarity


@pytest.mark.parametrize(
    ("target", "source"),
    [
        ("email", "E-Mail"),
        ("email", "EMAIL_ADDRESS"),
        ("birth_date", "dob"),
        ("birth_date", "Date of Birth"),
        ("phone", "Tel."),
        ("first_name", "givenName"),
        ("last_name", "surname"),
        ("postal_code", "ZIP"),
        ("city", "Ort"),
        ("order_ids", "OrderID"),
    ],
)
def test_similarity__two_words_for_one_thing__is_high(target: str, source: str) -> None:
    assert name_similarity(target, source) >= 0.6


@pytest.mark.parametrize(
    ("target", "source"),
    [("email", "first_name"), ("city", "country"), ("name", "date"), ("phone", "price"), ("id", "paid")],
)
def test_similarity__other_things__is_low(target: str, source: str) -> None:
    assert name_similarity(target, source) < 0.3


def test_similarity__the_table_says_the_rest__is_nearly_the_same() -> None:
    alone = name_similarity("customer_id", "id")
    at_home = name_similarity("customer_id", "id", ("customers", "customers"))
    assert alone < at_home
    assert at_home >= 0.9


@given(st.text(max_size=30), st.text(max_size=30))
def test_similarity__any_texts__stays_between_nothing_and_one(left: str, right: str) -> None:
    assert 0 <= name_similarity(left, right) <= 1


@given(st.text(alphabet="abcdefghij_", min_size=1, max_size=20).filter(lambda text: text.strip("_") != ""))
def test_similarity__a_name_with_itself__is_one(name: str) -> None:
    assert name_similarity(name, name.upper()) == 1
