"""Comparing a type with its reference library: where the two differ must be one of the listed ways."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

Ways = Mapping[str, Callable[[str], bool]]
"""The ways to differ by name; each tells of a case whether it is one of them. `docs/types.md` lists them too."""


def compare(
    cases: Sequence[str], ours: Sequence[object], theirs: Sequence[object], ways: Ways, *, least: int
) -> Counter[str]:
    """Require that ours and theirs are equal in every case that is none of the listed ways to differ.

    Return how many cases differ in each way. At least `least` different cases are needed, each listed way must
    have been met, and the reference must have had something to say of a good part of them.
    """
    found: Counter[str] = Counter()
    unlisted = []
    for case, own, other in zip(cases, ours, theirs, strict=True):
        if own == other:
            continue
        way = next((name for name, fits in ways.items() if fits(case)), None)
        if way is None:
            unlisted.append((case, own, other))
        else:
            found[way] += 1
    assert unlisted == [], f"{len(unlisted)} cases differ in a way that is not listed: {unlisted[:5]}"
    assert len(set(cases)) >= least
    assert set(found) == set(ways), f"never met: {set(ways) - set(found)}"
    taken = sum(other not in (None, False) for other in theirs)
    assert taken / len(cases) > 0.1
    return found
