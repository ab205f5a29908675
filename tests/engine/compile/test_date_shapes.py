"""Dates read by their shape are the dates that trying every format in order reads."""

import random

import duckdb
import pytest

from datalinx.engine.compile.date_shapes import exact_formats

FORMATS = (
    ["%Y-%m-%d", "%d/%m/%Y"],
    ["%d/%m/%Y", "%m/%d/%Y"],
    ["%m/%d/%Y", "%d/%m/%Y", "%Y/%m/%d"],
    ["%d.%m.%y", "%d.%m.%Y"],
    ["%Y%m%d", "%d%m%Y"],
    ["%Y%m%d", "%Y%m%d%H%M%S"],
    ["%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S"],
    ["%Y-%m-%d%H:%M", "%Y-%m-%d %H:%M"],
    ["%d/%m%Y", "%d%m/%Y"],
)

_NUMBERS = (
    "1",
    "01",
    "9",
    "12",
    "13",
    "31",
    "00",
    "24",
    "0024",
    "2024",
    "1999",
    "0999",
    "99",
    "-1",
    "+1",
    " 5",
)
_MARKS = ("-", "/", ".", "", " ", ":", "T", "--", "x", "  ")


def _texts() -> list[str]:
    random_ = random.Random(7)
    found = {
        "",
        " ",
        "2024-02-29",
        "29/02/2024",
        "31/02/2024",
        "20240229",
        "29022024",
        "01/022024",
        "0102/2024",
        "2024-02-29 10:11:12",
    }
    for _ in range(4_000):
        mark = random_.choice(_MARKS)
        parts = random_.choices(_NUMBERS, k=random_.randrange(2, 5))
        found.add(
            mark.join(parts) if random_.random() < 0.7 else "".join(p + random_.choice(_MARKS) for p in parts)
        )
    for _ in range(2_000):
        day = (
            f"{random_.randrange(1, 32):02}",
            f"{random_.randrange(1, 14):02}",
            str(random_.randrange(900, 2100)),
        )
        random_.shuffle(shuffled := list(day))
        clock = random_.choice(("", " 10:11", " 10:11:12", "T10:11:12", "10:11", "101112"))
        found.add(random_.choice(_MARKS).join(shuffled) + clock)
    return sorted(found)


@pytest.mark.parametrize("formats", FORMATS, ids=" or ".join)
def test_exact_formats__texts_of_their_shapes__are_read_as_by_trying_all_in_order(formats: list[str]) -> None:
    exact = exact_formats(formats)
    assert exact
    by_shape = ", ".join(
        f"CASE WHEN regexp_full_match(t, '{shape.pattern}') THEN {_read(pattern)} END"
        for pattern, shape in exact
    )
    by_trying = ", ".join(_read(pattern) for pattern in formats)
    rows = duckdb.execute(
        f"SELECT t, coalesce({by_shape}), coalesce({by_trying}) FROM (SELECT unnest(?) AS t)", [_texts()]
    ).fetchall()
    assert any(found is not None for _, found, _ in rows)
    assert [
        (text, found, wanted) for text, found, wanted in rows if found is not None and found != wanted
    ] == []


def _read(pattern: str) -> str:
    read = f"try_strptime(t, '{pattern}')"
    return f"CASE WHEN year({read}) BETWEEN 1000 AND 9999 THEN {read} END"


@pytest.mark.parametrize(
    ("formats", "wanted"),
    [
        (["%d %B %Y", "%Y-%m-%d"], []),
        (["%Y-%m-%d", "%-d/%m/%Y", "%d/%m/%Y"], ["%Y-%m-%d"]),
        (["%d/%m/%y", "%d/%m/%Y"], ["%d/%m/%y"]),
        (["%Y-%m-%d %z"], []),
        (["%Y-%m-%d", "%d.%m.%Y"], ["%Y-%m-%d", "%d.%m.%Y"]),
    ],
    ids=str,
)
def test_exact_formats__a_format_that_may_read_the_shape_of_another__ends_the_list(
    formats: list[str], wanted: list[str]
) -> None:
    assert [text for text, _ in exact_formats(formats)] == wanted
