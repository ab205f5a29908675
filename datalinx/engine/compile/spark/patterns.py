"""Patterns: from RE2's syntax to Java's, so that both find the same. What cannot be the same is refused.

Java's own reading is never relied on: its `\\s` has one sign more, its `.` stops at more than a line feed, its `$`
passes over a line feed at the end, its `\\b` and `(?i)` follow other rules of Unicode. Java tries one way after the
other, so alternatives that begin alike are written once, as RE2 walks them anyway.
"""

import re
from dataclasses import dataclass, replace
from functools import lru_cache

from datalinx.engine.compile.spark import characters
from datalinx.engine.compile.spark.characters import Characters
from datalinx.engine.compile.spark.refusal import cannot

_WORD = Characters(characters.WORD).java
_BOUNDARY = f"(?:(?<={_WORD})(?!{_WORD})|(?<!{_WORD})(?={_WORD}))"
_NO_BOUNDARY = f"(?:(?<={_WORD})(?={_WORD})|(?<!{_WORD})(?!{_WORD}))"
_NOTHING = Characters()
_ESCAPES = {"a": 7, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11}


@dataclass(frozen=True)
class Node:
    """A part of a pattern.

    `kind` is set (of characters), text (Java's own, of no width), sequence, choice, group (captures) or repeat.
    """

    kind: str
    parts: tuple["Node", ...] = ()
    characters: Characters = _NOTHING
    java: str = ""
    least: int = 0
    most: int | None = 0
    lazy: bool = False

    @property
    def nullable(self) -> bool:
        """Whether it matches the empty text."""
        match self.kind:
            case "set":
                return False
            case "text":
                return True
            case "choice":
                return any(part.nullable for part in self.parts)
            case "repeat":
                return self.least == 0 or self.parts[0].nullable
        return all(part.nullable for part in self.parts)


@dataclass(frozen=True)
class _Flags:
    ignores_case: bool = False
    multiline: bool = False
    dot_all: bool = False
    swaps_greed: bool = False


@dataclass(frozen=True)
class Pattern:
    """A pattern in Java's syntax. `groups` is the number of its groups; `starts`: it matches at the start alone."""

    java: str
    groups: int
    nullable: bool
    starts: bool

    @property
    def full(self) -> str:
        """The pattern of a whole text."""
        return rf"\A(?:{self.java})\z"


@lru_cache(maxsize=512)
def translated(pattern: str, options: str = "") -> Pattern:
    """Return the pattern in Java's syntax; raise `Invalid` `ENGINE_CANNOT` for what Java cannot do alike."""
    if "l" in options:
        pattern = re.sub(r"([^A-Za-z0-9_])", r"\\\1", pattern)
    flags = _Flags(
        ignores_case=options.rfind("i") > options.rfind("c"),
        dot_all=options.rfind("s") > max(options.rfind(letter) for letter in "mnp"),
    )
    reader = _Reader(pattern, flags)
    tree = reader.choice()
    if reader.rest:
        raise reader.refusal("a parenthesis is closed that is not open")
    return Pattern(_written(tree), reader.groups, tree.nullable, _starts(tree))


def replacement(text: str, *, shift: int = 0) -> str:
    """Return what RE2 puts in place of a match, `\\1` and the like, as Java writes it."""
    made = []
    for found in re.finditer(r"\\(.)|([^\\])|\\", text, re.DOTALL):
        escaped, plain = found.groups()
        if escaped is not None and escaped.isdecimal() and escaped.isascii():
            made.append(f"${int(escaped) + shift}")
        elif escaped == "\\" or plain == "\\":
            made.append("\\\\")
        elif plain is not None:
            # A digit could be taken for a part of the number of the group before it.
            made.append(f"\\{plain}" if plain in "$0123456789" else plain)
        else:
            raise cannot("regexp_replace", "In the replacement stands a backslash before no digit.")
    return "".join(made)


class _Reader:
    """Reads RE2's syntax from the left."""

    def __init__(self, text: str, flags: _Flags) -> None:
        self._text = text
        self._at = 0
        self._flags = flags
        self.groups = 0

    @property
    def rest(self) -> str:
        return self._text[self._at :]

    def refusal(self, what: str) -> Exception:
        return cannot(
            f"the pattern {self._text[:60]}", f"Write it without what Java has no equal for: {what}."
        )

    def choice(self) -> Node:
        """Alternatives up to a closing parenthesis or the end."""
        before, branches = self._flags, [self._sequence()]
        while self._takes("|"):
            branches.append(self._sequence())
        self._flags = before
        return _chosen(branches)

    def _sequence(self) -> Node:
        parts: list[Node] = []
        while self.rest and self._peek() not in "|)":
            if self._takes("\\Q"):
                quoted, _, after = self.rest.partition("\\E")
                parts += [self._one(ord(letter)) for letter in quoted]
                self._at = len(self._text) - len(after)
                continue
            part = self._atom()
            if part is not None:
                parts.append(self._repeated(part))
        return parts[0] if len(parts) == 1 else Node("sequence", tuple(parts))

    def _atom(self) -> Node | None:
        letter = self._next()
        match letter:
            case "(":
                return self._group()
            case "[":
                return Node("set", characters=self._class())
            case ".":
                any_ = () if self._flags.dot_all else characters.NEWLINE
                return Node("set", characters=Characters(any_, negated=True))
            case "^":
                return Node("text", java=r"(?:\A|(?<=\n))" if self._flags.multiline else r"\A")
            case "$":
                return Node("text", java=r"(?:(?=\n)|\z)" if self._flags.multiline else r"\z")
            case "\\":
                return self._escape()
            case "*" | "+" | "?":
                raise self.refusal("a repetition of nothing")
        return self._one(ord(letter))

    def _group(self) -> Node | None:
        if not self._takes("?"):
            return self._captured()
        if found := re.match(r"P?<\w+>", self.rest):
            self._at += found.end()
            return self._captured()
        found = re.match(r"([imsU]*)(?:-([imsU]+))?([:)])", self.rest)
        if found is None:
            raise self.refusal("a group of this kind")
        self._at += found.end()
        on, off, end = found.groups()
        before = self._flags
        self._flags = replace(
            before,
            ignores_case=("i" in on or before.ignores_case) and "i" not in (off or ""),
            multiline=("m" in on or before.multiline) and "m" not in (off or ""),
            dot_all=("s" in on or before.dot_all) and "s" not in (off or ""),
            swaps_greed=("U" in on or before.swaps_greed) and "U" not in (off or ""),
        )
        if end == ")":
            return None
        inner = self.choice()
        self._flags = before
        self._close()
        return inner

    def _captured(self) -> Node:
        self.groups += 1
        inner = self.choice()
        self._close()
        return Node("group", (inner,))

    def _close(self) -> None:
        if not self._takes(")"):
            raise self.refusal("a parenthesis that is not closed")

    def _repeated(self, part: Node) -> Node:
        while found := re.match(r"(?:([*+?])|\{(\d+)(,?)(\d*)\})(\??)", self.rest):
            self._at += found.end()
            sign, low, comma, high, lazy = found.groups()
            least, most = {"*": (0, None), "+": (1, None), "?": (0, 1)}.get(sign or "", (0, None))
            if not sign:
                least = int(low)
                most = int(high) if high else (None if comma else least)
            if most is None and part.nullable:
                raise self.refusal("a repetition of what may be empty")
            if most is None and _is_loose(part):
                # Java would try every way of dividing a long text among the two.
                raise self.refusal("a repetition of a repetition, such as (a+)+")
            is_lazy = bool(lazy) != self._flags.swaps_greed
            part = Node("repeat", (part,), least=least, most=most, lazy=is_lazy)
        return part

    def _escape(self) -> Node:
        letter = self._next()
        match letter:
            case "A":
                return Node("text", java=r"\A")
            case "z":
                return Node("text", java=r"\z")
            case "b":
                return Node("text", java=_BOUNDARY)
            case "B":
                return Node("text", java=_NO_BOUNDARY)
        found = self._escaped_class(letter)
        if found is not None:
            return Node("set", characters=found)
        return self._one(self._code(letter))

    def _escaped_class(self, letter: str) -> Characters | None:
        """The set that `\\d`, `\\W`, `\\pL` and the like mean."""
        if letter.lower() in characters.PERL:
            return Characters(characters.PERL[letter.lower()], negated=letter.isupper())
        if letter not in "pP":
            return None
        found = re.match(r"\{(\^?)(\w+)\}|(\w)", self.rest)
        if found is None:
            raise self.refusal("a class of Unicode")
        self._at += found.end()
        name = found[2] or found[3]
        negated = (letter == "P") != bool(found[1])
        if self._flags.ignores_case and name != "L":
            raise self.refusal("a class of Unicode without regard to case")
        java = name if re.fullmatch("[A-Z][a-z]?", name) else f"Is{name}"
        return Characters(classes=(rf"\{'P' if negated else 'p'}{{{java}}}",))

    def _code(self, letter: str) -> int:
        """The code point that an escape means."""
        if letter in _ESCAPES:
            return _ESCAPES[letter]
        if letter == "x":
            found = re.match(r"\{([0-9A-Fa-f]+)\}|([0-9A-Fa-f]{2})", self.rest)
            if found is None:
                raise self.refusal("a code point")
            self._at += found.end()
            return int(found[1] or found[2], 16)
        if letter in "01234567":
            found = re.match(r"[0-7]{0,2}", self.rest)
            digits = letter + (found[0] if found else "")
            if letter != "0" and len(digits) == 1:
                raise self.refusal("a reference to a group")
            self._at += len(digits) - 1
            return int(digits, 8)
        if letter.isalnum():
            raise self.refusal(rf"\{letter}")
        return ord(letter)

    def _class(self) -> Characters:
        """A class in brackets; the opening one is read already."""
        negated = self._takes("^")
        ranges: list[tuple[int, int]] = []
        classes: list[str] = []
        is_first = True
        while is_first or self._peek() != "]":
            is_first = False
            if found := re.match(r"\[:(\^?)(\w+):\]", self.rest):
                self._at += found.end()
                posix = characters.POSIX[found[2]]
                ranges += characters.inverted(posix) if found[1] else posix
                continue
            low = self._member()
            if isinstance(low, Characters):
                ranges += characters.inverted(low.ranges) if low.negated else low.ranges
                classes += low.classes
                continue
            high = low
            if self._peek() == "-" and self.rest[1:2] not in {"]", ""}:
                self._next()
                end = self._member()
                if isinstance(end, Characters) or end < low:
                    raise self.refusal("a range in a class")
                high = end
            ranges.append((low, high))
        self._next()
        found_ranges = characters.of(ranges).ranges
        if self._flags.ignores_case:
            found_ranges = characters.folded(found_ranges)
        return characters.of(found_ranges, classes, negated=negated)

    def _member(self) -> int | Characters:
        letter = self._next()
        if letter != "\\":
            return ord(letter)
        letter = self._next()
        found = self._escaped_class(letter)
        return found if found is not None else self._code(letter)

    def _one(self, code: int) -> Node:
        ranges = ((code, code),)
        return Node(
            "set", characters=Characters(characters.folded(ranges) if self._flags.ignores_case else ranges)
        )

    def _peek(self) -> str:
        if self._at >= len(self._text):
            raise self.refusal("a bracket that is not closed")
        return self._text[self._at]

    def _next(self) -> str:
        letter = self._peek()
        self._at += 1
        return letter

    def _takes(self, text: str) -> bool:
        if self._text.startswith(text, self._at):
            self._at += len(text)
            return True
        return False


def _is_loose(node: Node) -> bool:
    """Whether one repetition without end can be all that it matches."""
    match node.kind:
        case "repeat":
            return node.most is None or _is_loose(node.parts[0])
        case "group" | "choice":
            return any(map(_is_loose, node.parts))
        case "sequence":
            return any(
                _is_loose(part) and all(other.nullable for other in node.parts if other is not part)
                for part in node.parts
            )
    return False


def _starts(node: Node) -> bool:
    """Whether it matches at the start of the text alone."""
    match node.kind:
        case "text":
            return node.java == r"\A"
        case "sequence":
            return bool(node.parts) and _starts(node.parts[0])
        case "choice":
            return all(map(_starts, node.parts))
        case "group":
            return _starts(node.parts[0])
    return False


def _chosen(branches: list[Node]) -> Node:
    """The alternatives; those that begin with the same character share it, single characters are one set.

    Alternatives that begin with different characters exclude each other, so that their order does not matter.
    """
    if len(branches) == 1:
        return branches[0]
    if all(branch.kind == "set" and not branch.characters.negated for branch in branches):
        ranges = [each for branch in branches for each in branch.characters.ranges]
        classes = [each for branch in branches for each in branch.characters.classes]
        return Node("set", characters=characters.of(ranges, classes))
    heads = [_head(branch) for branch in branches]
    if None in heads or len(set(heads)) == len(heads):
        return Node("choice", tuple(branches))
    by_head: dict[int, list[Node]] = {}
    for head, branch in zip(heads, branches, strict=True):
        if head is not None:
            by_head.setdefault(head, []).append(branch)
    made = [
        group[0]
        if len(group) == 1
        else _joined(_first(group[0]), _chosen([_tail(branch) for branch in group]))
        for group in by_head.values()
    ]
    return _chosen(made)


def _head(node: Node) -> int | None:
    first = _first(node)
    return first.characters.single if first.kind == "set" else None


def _first(node: Node) -> Node:
    return node.parts[0] if node.kind == "sequence" and node.parts else node


def _tail(node: Node) -> Node:
    rest = node.parts[1:] if node.kind == "sequence" else ()
    return rest[0] if len(rest) == 1 else Node("sequence", rest)


def _joined(first: Node, rest: Node) -> Node:
    parts = rest.parts if rest.kind == "sequence" else (rest,)
    return Node("sequence", (first, *parts))


def _written(node: Node) -> str:
    match node.kind:
        case "set":
            return node.characters.java
        case "text":
            return node.java
        case "group":
            return f"({_written(node.parts[0])})"
        case "choice":
            return "|".join(_written(part) for part in node.parts)
        case "repeat":
            return _atomic(node.parts[0]) + _times(node)
    return "".join(_closed(part) for part in node.parts)


def _closed(node: Node) -> str:
    return f"(?:{_written(node)})" if node.kind == "choice" else _written(node)


def _atomic(node: Node) -> str:
    return _written(node) if node.kind in {"set", "group"} else f"(?:{_written(node)})"


def _times(node: Node) -> str:
    short = {(0, None): "*", (1, None): "+", (0, 1): "?"}.get((node.least, node.most))
    if short is None:
        most = "" if node.most is None else str(node.most)
        short = f"{{{node.least}}}" if node.least == node.most else f"{{{node.least},{most}}}"
    return short + ("?" if node.lazy else "")
