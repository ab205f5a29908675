"""What SQL leaves to a library: asked once for each distinct value, and only where SQL cannot tell."""

from collections.abc import Iterator

import duckdb
import idna
import pytest
from sqlglot import exp

from datalinx.engine.types import library
from datalinx.engine.types.builtin.contact import EMAIL
from tests.engine.types.evaluation import VALUE, Evaluate


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The values that the library is asked for."""
    found: list[str] = []
    encode = idna.encode

    def counted(domain: str, **options: bool) -> bytes:
        found.append(domain)
        return encode(domain, **options)

    monkeypatch.setattr(idna, "encode", counted)
    library.domain_to_ascii.cache_clear()
    yield found
    library.domain_to_ascii.cache_clear()


def test_library__ascii_values_good_and_bad__are_never_asked_for(
    asked: list[str], evaluate: Evaluate
) -> None:
    values = ["ada@example.org", " ADA@EXAMPLE.ORG ", "bad", "a@b@c", "ada@ex ample.org", None, ""] * 1_000
    evaluate(EMAIL.normalise(VALUE), values)
    evaluate(EMAIL.check(VALUE), values)
    assert asked == []


def test_library__a_value_that_stands_often__is_asked_for_once(asked: list[str], evaluate: Evaluate) -> None:
    values = [f"user{n}@bücher{n % 3}.example" for n in range(2_000)]
    found = evaluate(EMAIL.normalise(VALUE), values)
    assert found[0] == "user0@xn--bcher0-3ya.example"
    assert sorted(asked) == [f"bücher{n}.example" for n in range(3)]


def test_domain_to_ascii__a_name_too_long__is_none_without_being_read() -> None:
    assert library.domain_to_ascii("ü" * 1_000_000) is None


def test_answers__values_with_repeats_and_nulls__are_each_answered_once(asked: list[str]) -> None:
    found = library.answers("domain_to_ascii", ["ü.de", None, "ü.de", "☃.de"])
    assert found == {"ü.de": "xn--tda.de", "☃.de": None}
    assert asked == ["ü.de", "☃.de"]


def test_without_calls__an_address_that_needs_the_library__is_none(evaluate: Evaluate) -> None:
    tree = EMAIL.normalise(VALUE)
    assert {call.name for call in library.calls_in(tree)} == {"domain_to_ascii"}
    plain = library.without_calls(tree)
    assert library.calls_in(plain) == []
    with duckdb.connect() as connection:
        query = exp.select(plain).from_("(VALUES ('Ada@example.org'), ('ada@bücher.example')) AS t(value)")
        rows = connection.execute(query.sql("duckdb")).fetchall()
    assert rows == [("ada@example.org",), (None,)]
