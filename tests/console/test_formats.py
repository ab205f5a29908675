"""How pages write numbers, times and values."""

from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine

from datalinx.console import times
from datalinx.console.templatetags import console as formats

NOW = datetime(2024, 5, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1234567, "1,234,567"),
        (0.125, "0.12"),
        (3.0, "3"),
        (None, "–"),
        ("text", "text"),
        (True, "–"),
        ("", "–"),
        (-5, "-5"),
    ],
)
def test_number__of_a_value__is_grouped(value: Any, text: str) -> None:
    assert formats.number(value) == text


@pytest.mark.parametrize(("value", "text"), [(99_999, "99,999"), (1_250_000, "1.2M"), (0, "0"), (0.5, "0.5")])
def test_short__of_a_value__is_short_when_it_is_long(value: Any, text: str) -> None:
    assert formats.short(value) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0 %"), (0.01, "< 0.1 %"), (12.34, "12.3 %"), (100, "100 %"), (99.99, "> 99.9 %"), (None, "0 %")],
)
def test_percent__of_a_share__never_hides_what_is_there(share: Any, text: str) -> None:
    assert formats.percent(share) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.004, "4 ms"),
        (0.8, "0.8 s"),
        (42.4, "42 s"),
        (185, "3 min 5 s"),
        (7260, "2 h 1 min"),
        (None, "–"),
    ],
)
def test_duration__of_seconds__fits_its_size(seconds: Any, text: str) -> None:
    assert times.duration(seconds) == text


@pytest.mark.parametrize(
    ("at", "text"),
    [
        ("2024-05-01T11:59:58Z", "just now"),
        ("2024-05-01T11:59:00Z", "1 min ago"),
        ("2024-05-01T09:30:00Z", "2 h ago"),
        ("2024-04-29T12:00:00Z", "2 days ago"),
        ("2024-04-30T11:00:00Z", "1 day ago"),
        ("2024-05-01T12:10:00Z", "in 10 min"),
    ],
)
def test_ago__of_a_time__says_how_long(at: str, text: str) -> None:
    with time_machine.travel(NOW, tick=False):
        assert f">{text}</time>" in times.ago(at)


@pytest.mark.parametrize("value", [None, "", "yesterday", "2024-13-45T00:00:00Z", 5])
def test_times__that_are_none__are_a_dash(value: Any) -> None:
    assert (times.ago(value), times.moment(value), times.clock(value)) == ("–", "–", "")


def test_moment__of_a_time__is_in_utc() -> None:
    shown = times.moment("2024-01-05T10:30:00.123Z")
    assert shown == '<time datetime="2024-01-05T10:30:00.123000+00:00">5 Jan 2024, 10:30 UTC</time>'
    assert ">10:30:00</time>" in times.clock("2024-01-05T10:30:00Z")


def test_took__without_an_end__runs_on() -> None:
    with time_machine.travel(NOW, tick=False):
        assert times.took("2024-05-01T11:59:30Z", None) == "30 s"
    assert times.took("2024-05-01T11:59:30Z", "2024-05-01T12:00:00Z") == "30 s"
    assert times.took(None, None) == "–"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, '<span class="null">null</span>'),
        ("", '<span class="null">empty</span>'),
        (True, "true"),
        (0, "<bdi>0</bdi>"),
        ("<b>", "<bdi>&lt;b&gt;</bdi>"),
        ({"a": [1]}, "<bdi>{&quot;a&quot;: [1]}</bdi>"),
    ],
)
def test_cell__of_a_value__tells_nothing_from_empty(value: Any, text: str) -> None:
    assert formats.cell(value) == text


def test_cell__of_a_long_text__is_cut() -> None:
    assert formats.cell("x" * 5000) == f'<span title="5000 characters">{"x" * 300}…</span>'


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("raise `max_rejected` or not", "raise <code>max_rejected</code> or not"),
        ("<b> `<i>`", "&lt;b&gt; <code>&lt;i&gt;</code>"),
        ("an odd ` mark", "an odd ` mark"),
    ],
)
def test_sentence__with_backticks__shows_code(text: str, shown: str) -> None:
    assert formats.sentence(text) == shown


def test_badge__of_a_hostile_state__is_escaped() -> None:
    assert (
        formats.badge('"><script>')
        == '<span class="badge is-&quot;&gt;&lt;script&gt;">&quot;&gt;&lt;script&gt;</span>'
    )


@pytest.mark.parametrize(
    ("kind", "side"),
    [("BIGINT", "num"), ("DECIMAL(18,2)", "num"), ("VARCHAR", ""), ("INTERVAL", ""), ("integer", "num")],
)
def test_aligned__of_a_type__puts_numbers_to_the_right(kind: str, side: str) -> None:
    assert formats.aligned(kind) == side
