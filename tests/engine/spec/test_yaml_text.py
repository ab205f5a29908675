"""YAML from anywhere: plain values of what is right, and a sentence with the path for what is hostile or broken."""

import time
from typing import Any

import pytest

from datalinx.engine.spec.yaml_text import MAX_BYTES, MAX_DEPTH, read_yaml
from datalinx.errors import Invalid

BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9)
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("a: [1, -2, 1.5, true, False, ~, null, '']", {"a": [1, -2, 1.5, True, False, None, None, ""]}),
        # What YAML 1.1 takes for a truth value, a number of base 60 or a date stays what people wrote.
        (
            "[NO, yes, 12:30, 2026-01-02, 0x10, 1_000, '1', 1e999]",
            ["NO", "yes", "12:30", "2026-01-02", "0x10", "1_000", "1", "1e999"],
        ),
        ("a: &x {b: 1, c: 2}\nd: {<<: *x, c: 3}\ne: [*x]", {
            "a": {"b": 1, "c": 2}, "d": {"b": 1, "c": 3}, "e": [{"b": 1, "c": 2}],
        }),
        ("{<<: [{a: 1}, {a: 2, b: 3}]}", {"a": 1, "b": 3}),
        ("'<<': x", {"<<": "x"}),
        ("1: x\ntrue: y", {"1": "x", "true": "y"}),
        ("a: '{{ var(1) }}'", {"a": "{{ var(1) }}"}),
        ("a: |\n  two\n  lines\n", {"a": "two\nlines\n"}),
        ("a: !!str 5", {"a": "5"}),
    ],
)  # fmt: skip
def test_read__of_plain_yaml__is_plain_values(text: str, value: Any) -> None:
    assert read_yaml(text) == value


def test_read__as_deep_as_is_taken__is_read() -> None:
    found = read_yaml("[" * MAX_DEPTH + "]" * MAX_DEPTH)
    for _ in range(MAX_DEPTH - 1):
        (found,) = found
    assert found == []


@pytest.mark.parametrize(
    ("text", "path", "words"),
    [
        ("a:\n  b: 1\n  b: 2", "document.a.b", "stands here twice"),
        ("[" * 900_000, "document[0][0]", "deeper than 32 levels"),
        ("- " * 400_000, "document[0][0]", "deeper than 32 levels"),
        (BOMB, "document.a", "too large"),
        ("a: &a " + "x" * 900_000 + "\nb: [*a, *a, *a, *a]", "document.b[2]", "too large"),
        ("[" + "1," * 490_000 + "]", "document[", "too many values"),
        ("x" * (MAX_BYTES + 1), "document", "larger than 1,000,000 bytes"),
        ("ä" * (MAX_BYTES // 2 + 1), "document", "larger than 1,000,000 bytes"),
        ("a: &a [*a]", "document.a[0]", "names nothing"),
        ("a: *nothing", "document.a", "names nothing"),
        ("a: !!python/object/apply:os.system [ls]", "document.a", "tag"),
        ("a: !!binary aGk=", "document.a", "tag"),
        ("a: !!set {b}", "document.a", "tag"),
        ('a: "x\\0y"', "document.a", "U+0000"),
        ("a: \ud800", "document", "half of a character"),
        ('a: "\\ud800"', "document.a", "not YAML"),
        ("a: [", "document.a", "not YAML"),
        ("a: b: c", "document", "line 1"),
        ("a: 1\n---\nb: 1", "document", "several documents"),
        ("? [a]\n: b", "document", "key"),
        ("{<<: 5}", "document", "no mapping"),
        ("\t- a", "document", "not YAML"),
    ],
)
def test_read__of_hostile_or_broken_yaml__is_refused_soon_with_the_path(
    text: str, path: str, words: str
) -> None:
    begun = time.monotonic()
    with pytest.raises(Invalid) as caught:
        read_yaml(text)
    assert time.monotonic() - begun < 20
    (fault,) = caught.value.errors
    assert caught.value.code == "YAML_INVALID"
    assert fault.field.startswith(path)
    assert words in fault.message
    assert len(caught.value.message) < 1_000


def test_read__of_many_merges_of_many_keys__takes_no_square_of_time() -> None:
    keys = ", ".join(f"k{n}: 1" for n in range(20_000))
    begun = time.monotonic()
    found = read_yaml(f"a: &a {{x: 1}}\nb: {{{keys}, <<: [{', '.join(['*a'] * 10_000)}]}}")
    assert len(found["b"]) == 20_001
    assert time.monotonic() - begun < 20
