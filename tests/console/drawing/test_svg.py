"""The elements of drawings: escaping, cutting, numbers."""

import re
from xml.etree import ElementTree

import pytest
from django.template import Context, Template
from hypothesis import given
from hypothesis import strategies as st

from datalinx.console.drawing.svg import Drawing, element, join, number, plain, shorten

TURNING = "\u202e\u2066\u200f"


def test_element__with_text_and_attributes__escapes_both() -> None:
    drawn = element("text", "<b>&", class_='"x', text_anchor="end")
    assert drawn == '<text class="&quot;x" text-anchor="end">&lt;b&gt;&amp;</text>'


def test_element__within_an_element__stands_as_it_is() -> None:
    assert element("g", element("title", "a<b")) == "<g><title>a&lt;b</title></g>"


def test_element__attributes_that_are_none_or_false__are_left_out() -> None:
    assert element("a", href=None, hidden=False, inert=True, x=1.005) == '<a inert x="1"></a>'


@given(st.text(), st.text())
def test_element__of_any_text__is_one_well_formed_element(text: str, attribute: str) -> None:
    drawn = element("text", text, id=attribute)
    # Form feeds and the like are fine in HTML; what controls anything is gone.
    parsed = ElementTree.fromstring(re.sub("[\ufffe\uffff]", "", drawn))  # we made it
    assert parsed.tag == "text"
    assert list(parsed) == []
    assert list(parsed.attrib) == ["id"]


def test_plain__characters_that_turn_or_control__are_replaced() -> None:
    assert plain(f"a{TURNING}\x00\x1bb") == "a" + "\ufffd" * 5 + "b"


def test_drawing__in_a_template__is_not_escaped_again() -> None:
    shown = Template("{{ drawing }} {{ text }}").render(Context({"drawing": element("g"), "text": "<g>"}))
    assert shown == "<g></g> &lt;g&gt;"


def test_join__of_drawings__is_a_drawing() -> None:
    assert isinstance(join([element("a"), element("b")]), Drawing)


@pytest.mark.parametrize(
    ("value", "text"), [(1, "1"), (1.5, "1.5"), (-0.126, "-0.13"), (100, "100"), (0, "0")]
)
def test_number__of_a_coordinate__has_two_decimals_at_most(value: float, text: str) -> None:
    assert number(value) == text


def test_shorten__text_that_fits__is_whole() -> None:
    assert shorten("email", 100) == "email"


def test_shorten__text_that_does_not_fit__ends_with_an_ellipsis() -> None:
    cut = shorten("a_very_long_name_of_a_column", 100)
    assert cut.endswith("…")
    assert "a_very_long_name_of_a_column".startswith(cut[:-1])
    assert len(cut) <= 15


def test_shorten__wide_characters__count_more() -> None:
    assert len(shorten("顧客の名前と住所と電話番号", 80)) < len(shorten("customers name", 80))
