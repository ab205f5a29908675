"""Patterns: from RE2's syntax to Java's, or refused. The executed comparison stands with the functions."""

import pytest

from datalinx.engine.compile.spark.patterns import replacement, translated
from datalinx.errors import Invalid


@pytest.mark.parametrize(
    ("pattern", "java"),
    [
        (r"\s", r"[\x{9}-\x{A}\x{C}-\x{D} ]"),
        (r"a.c", r"a[^\x{A}]c"),
        (r"(?s)a.c", r"a[\x{0}-\x{10FFFF}]c"),
        (r"^a$", r"\Aa\z"),
        (r"(?i)k", "[Kk\u212a]"),
        (r"(?i)i", "[Ii]"),
        (r"[[:digit:]_]", r"[0-9\x{5F}]"),
        (r"\pL", r"[\p{L}]"),
        (r"\Qa.b\E", r"a\.b"),
        (r"abc|abd|x", "ab[c-d]|x"),
        (r"a|b|c", "[a-c]"),
        (r"(?P<y>\d{4})", "([0-9]{4})"),
    ],
)
def test_pattern__of_re2__is_written_for_java(pattern: str, java: str) -> None:
    assert translated(pattern).java == java


@pytest.mark.parametrize("pattern", [r"(a*)*", r"(a+)+$", r"(\s*\w+)*", r"\C", r"(?i)\p{Lu}"])
def test_pattern__that_java_cannot_follow__is_refused(pattern: str) -> None:
    with pytest.raises(Invalid) as caught:
        translated(pattern)

    assert caught.value.code == "ENGINE_CANNOT"


def test_pattern__option_l__is_taken_letter_by_letter() -> None:
    assert translated("a.b", "l").java == r"a\.b"


def test_replacement__groups_and_signs__are_written_for_java() -> None:
    assert replacement(r"\1-$x\\9", shift=1) == r"$2-\$x\\\9"
