"""A drawn mapping."""

import re

from hypothesis import given
from hypothesis import strategies as st

from datalinx.console.drawing.mapping import NARROW, WIDE, draw_mapping
from datalinx.console.drawing.picture import Box, Curve, Origin, Picture, Target

BOX = Box("crm/contacts", "contacts", "crm · as c", (Origin("mail", "VARCHAR"), Origin("notes", used=False)))
PICTURE = Picture(
    title="customers",
    boxes=(BOX,),
    targets=(
        Target("email", "email", "decorated", href="?field=email#field", selected=True),
        Target("origin", "string", "constant", made_of='"crm"'),
        Target("city", "string"),
    ),
    curves=(Curve("crm/contacts", "mail", "email", "decorated"),),
)


def test_mapping__drawn__joins_the_columns_by_a_curve_of_its_kind() -> None:
    drawn = draw_mapping(PICTURE)
    [path] = re.findall(r'<path d="([^"]*)" class="edge k-decorated chosen"', drawn)
    assert path.startswith(f"M{WIDE.column + 0.5} ")
    assert path.split(" ")[-2] == f"{WIDE.width - WIDE.column - 0.5}"
    assert "mail → email (decorated)" in drawn


def test_mapping__unmapped_column__is_marked_in_words() -> None:
    drawn = draw_mapping(PICTURE)
    assert re.search(r'class="target k-none".*?>city<.*?>unmapped<', drawn)


def test_mapping__constant__shows_its_value_where_no_curve_comes_in() -> None:
    assert re.search(r'class="made-of"[^>]*><title>&quot;crm&quot;</title>', draw_mapping(PICTURE))


def test_mapping__columns__lead_to_what_is_said_about_them() -> None:
    assert '<a href="?field=email#field">' in draw_mapping(PICTURE)


def test_mapping__narrow__fits_a_phone() -> None:
    drawn = draw_mapping(PICTURE, NARROW)
    assert f'viewBox="0 0 {NARROW.width} ' in drawn
    assert NARROW.width <= 390


def test_mapping__long_columns__say_how_many_are_left_out() -> None:
    box = Box("s/t", "t", "s", (), more=1_234)
    drawn = draw_mapping(Picture("x", (box,), PICTURE.targets, (), more=7))
    assert "and 1,234 more, not used" in drawn
    assert "and 7 more, in the table below" in drawn
    assert "10 columns" in drawn


def test_mapping__curve_from_a_column_that_is_not_drawn__is_left_out() -> None:
    lost = Curve("crm/contacts", "nobody", "email", "direct")
    assert "<path" not in draw_mapping(Picture("x", (BOX,), PICTURE.targets, (lost,)))


@given(st.text(max_size=40))
def test_mapping__of_hostile_names__is_escaped_everywhere(name: str) -> None:
    hostile = f'"><script>{name}'
    picture = Picture(
        hostile,
        (Box(hostile, hostile, hostile, (Origin(hostile, hostile, roles=(hostile,)),)),),
        (Target(hostile, hostile, "constant", hostile, hostile), Target(hostile + "2", hostile, "direct")),
        (Curve(hostile, hostile, hostile + "2", "direct"),),
    )
    assert "<script" not in draw_mapping(picture)
