"""A source of a dbt project beside the tables that were discovered: which is which, and what becomes of its words."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from datalinx.engine.compile.dbt import plain_name
from datalinx.engine.dbt.sources import DbtColumn, DbtSource, DbtTable

MAX_TABLE_DESCRIPTION = 10_000
MAX_COLUMN_DESCRIPTION = 2_000
# Of the names that a name could mean, so many are told.
MAX_CANDIDATES = 10

Outcome = Literal[
    "taken", "changed", "unchanged", "undescribed", "too_long", "unknown", "ambiguous", "not_chosen"
]
"""What became of a description; the last three: of a table or a column that was not found or not asked for."""

# How a name may be found, the surest first: as it stands, as our own export writes it, without case.
_SPELLINGS: Sequence[Callable[[str], str]] = (str, plain_name, lambda name: plain_name(name).casefold())


@dataclass(frozen=True)
class KnownTable:
    """A discovered table and what is said of it now."""

    name: str
    columns: Sequence[str]
    description: str = ""
    column_descriptions: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Found:
    """Which of our names a name of dbt means: one, none, or `candidates` between which it does not tell."""

    name: str | None = None
    by: str = ""
    exact: bool = False
    candidates: tuple[str, ...] = ()


@dataclass(frozen=True)
class ColumnMatch:
    """A column of a file: what it is here, and what becomes of its description."""

    given: DbtColumn
    found: Found
    outcome: Outcome
    before: str = ""
    after: str = ""


@dataclass(frozen=True)
class TableMatch:
    """A table of a file: what it is here, and what becomes of its descriptions."""

    given: DbtTable
    found: Found
    outcome: Outcome
    before: str = ""
    after: str = ""
    columns: tuple[ColumnMatch, ...] = ()


def match_source(
    source: DbtSource, tables: Sequence[KnownTable], *, chosen: Collection[str] | None = None
) -> list[TableMatch]:
    """Match every table of a source, in the file's order. Tables that are not `chosen` are told as such."""
    known = {table.name: table for table in tables}
    wanted = [
        {"identifier": table.identifier, "name": table.name} if table.identifier else {"name": table.name}
        for table in source.tables
    ]
    matches = []
    for given, found in zip(source.tables, find_names(wanted, list(known)), strict=True):
        if chosen is not None and given.name not in chosen:
            matches.append(TableMatch(given, found, "not_chosen"))
        elif found.name is None:
            matches.append(TableMatch(given, found, "ambiguous" if found.candidates else "unknown"))
        else:
            matches.append(_match_table(given, found, known[found.name]))
    return matches


def _match_table(given: DbtTable, found: Found, table: KnownTable) -> TableMatch:
    words = table.column_descriptions or {}
    names = find_names([{"name": column.name} for column in given.columns], table.columns)
    columns = []
    for column, each in zip(given.columns, names, strict=True):
        if each.name is None:
            columns.append(ColumnMatch(column, each, "ambiguous" if each.candidates else "unknown"))
            continue
        before = words.get(each.name, "")
        outcome = _outcome(before, column.description, MAX_COLUMN_DESCRIPTION)
        after = column.description if outcome in {"taken", "changed"} else before
        columns.append(ColumnMatch(column, each, outcome, before, after))
    outcome = _outcome(table.description, given.description, MAX_TABLE_DESCRIPTION)
    after = given.description if outcome in {"taken", "changed"} else table.description
    return TableMatch(given, found, outcome, table.description, after, tuple(columns))


def _outcome(before: str, given: str, limit: int) -> Outcome:
    # What a file leaves out is no wish to have it deleted.
    if not given.strip():
        return "undescribed"
    if given == before:
        return "unchanged"
    if len(given) > limit:
        return "too_long"
    return "changed" if before else "taken"


def find_names(wanted: Sequence[Mapping[str, str]], names: Sequence[str]) -> list[Found]:
    """Find, for each of the wanted (its spellings by what they are, the surest first), which of `names` it means.

    Where several mean the same one, the only one that says it exactly has it, else none of them.
    """
    by_spelling: list[dict[str, list[str]]] = []
    for spell in _SPELLINGS:
        spelled: dict[str, list[str]] = {}
        for name in names:
            spelled.setdefault(spell(name), []).append(name)
        by_spelling.append(spelled)
    found = [_find(each, by_spelling) for each in wanted]
    claims = Counter(each.name for each in found if each.name is not None)
    exact = Counter(each.name for each in found if each.exact)
    return [
        replace(each, name=None, candidates=(each.name,))
        if each.name is not None and claims[each.name] > 1 and not (each.exact and exact[each.name] == 1)
        else each
        for each in found
    ]


def _find(spellings: Mapping[str, str], by_spelling: Sequence[Mapping[str, list[str]]]) -> Found:
    for by, wanted in spellings.items():
        for number, (spell, known) in enumerate(zip(_SPELLINGS, by_spelling, strict=True)):
            names = known.get(spell(wanted), [])
            if len(names) == 1:
                return Found(names[0], by, exact=number == 0)
            if names:
                return Found(candidates=tuple(sorted(names)[:MAX_CANDIDATES]))
    return Found()
