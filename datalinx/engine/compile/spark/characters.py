"""Sets of characters of a pattern: read as RE2 means them, written as Java's regular expressions take them."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

LAST = 0x10FFFF
Ranges = tuple[tuple[int, int], ...]

DIGIT: Ranges = ((0x30, 0x39),)
SPACE: Ranges = ((0x09, 0x0A), (0x0C, 0x0D), (0x20, 0x20))
WORD: Ranges = ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A))
NEWLINE: Ranges = ((0x0A, 0x0A),)

PERL = {"d": DIGIT, "s": SPACE, "w": WORD}

POSIX: dict[str, Ranges] = {
    "alnum": ((0x30, 0x39), (0x41, 0x5A), (0x61, 0x7A)),
    "alpha": ((0x41, 0x5A), (0x61, 0x7A)),
    "ascii": ((0x00, 0x7F),),
    "blank": ((0x09, 0x09), (0x20, 0x20)),
    "cntrl": ((0x00, 0x1F), (0x7F, 0x7F)),
    "digit": DIGIT,
    "graph": ((0x21, 0x7E),),
    "lower": ((0x61, 0x7A),),
    "print": ((0x20, 0x7E),),
    "punct": ((0x21, 0x2F), (0x3A, 0x40), (0x5B, 0x60), (0x7B, 0x7E)),
    "space": ((0x09, 0x0D), (0x20, 0x20)),
    "upper": ((0x41, 0x5A),),
    "word": WORD,
    "xdigit": ((0x30, 0x39), (0x41, 0x46), (0x61, 0x66)),
}


@dataclass(frozen=True)
class Characters:
    """A set of characters: code points, and classes of Unicode by Java's name for them (`\\p{L}`)."""

    ranges: Ranges = ()
    classes: tuple[str, ...] = ()
    negated: bool = False

    @property
    def single(self) -> int | None:
        """The only code point that it has, if so."""
        if self.negated or self.classes or len(self.ranges) != 1 or self.ranges[0][0] != self.ranges[0][1]:
            return None
        return self.ranges[0][0]

    @property
    def java(self) -> str:
        """As Java writes it."""
        if self.single is not None:
            return _letter(self.single, inside=False)
        inside = "".join(
            _letter(low, inside=True)
            if low == high
            else f"{_letter(low, inside=True)}-{_letter(high, inside=True)}"
            for low, high in self.ranges
        ) + "".join(self.classes)
        if not inside:
            # No character at all, or any.
            return r"[\x{0}-\x{10FFFF}]" if self.negated else r"[^\x{0}-\x{10FFFF}]"
        return f"[{'^' if self.negated else ''}{inside}]"


def of(
    ranges: Iterable[tuple[int, int]], classes: Iterable[str] = (), *, negated: bool = False
) -> Characters:
    """Return the set of these ranges, in order and joined where they touch."""
    joined: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if joined and low <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(joined[-1][1], high))
        else:
            joined.append((low, high))
    return Characters(tuple(joined), tuple(dict.fromkeys(classes)), negated)


def inverted(ranges: Ranges) -> Ranges:
    """Return all other code points."""
    found, start = [], 0
    for low, high in sorted(ranges):
        if start < low:
            found.append((start, low - 1))
        start = high + 1
    if start <= LAST:
        found.append((start, LAST))
    return tuple(found)


def folded(ranges: Ranges) -> Ranges:
    """Return the code points with all that differ from one of them by case alone, as RE2 folds them."""
    orbits = _orbits()
    added = [
        (other, other)
        for letter, others in orbits.items()
        if any(low <= letter <= high for low, high in ranges)
        for other in others
    ]
    return of((*ranges, *added)).ranges


@cache
def _orbits() -> dict[int, tuple[int, ...]]:
    """The letters with case by code point, each with those that fold to the same letter (Unicode's simple folding)."""
    by_fold: dict[str, list[int]] = {}
    for code in range(LAST + 1):
        letter = chr(code)
        if 0xD800 <= code <= 0xDFFF or (letter.lower() == letter and letter.upper() == letter):
            continue
        by_fold.setdefault(_fold(letter), []).append(code)
    return {
        code: tuple(other for other in orbit if other != code)
        for orbit in by_fold.values()
        if len(orbit) > 1
        for code in orbit
    }


def _fold(letter: str) -> str:
    for form in (letter.casefold(), letter.lower()):
        if len(form) == 1:
            return form
    return letter


def _letter(code: int, *, inside: bool) -> str:
    letter = chr(code)
    if letter.isascii() and letter.isalnum():
        return letter
    if not inside and 0x21 <= code <= 0x7E:
        return f"\\{letter}"
    if code in {0x20, 0x2E, 0x40} or (code > 0xA0 and letter.isprintable() and not letter.isspace()):
        return letter
    return f"\\x{{{code:X}}}"
