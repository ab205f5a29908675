"""The wildcard of a mapping: which column of its input goes where, and which goes nowhere."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from datalinx.engine.compile.faults import Faults
from datalinx.engine.compile.names import match, quote
from datalinx.engine.compile.parsing import did_you_mean
from datalinx.engine.compile.plan import InputShape
from datalinx.engine.spec.mapping import Wildcard
from datalinx.engine.spec.schema import TargetTable

State = Literal["mapped", "explicit", "excluded", "ignored"]


@dataclass(frozen=True)
class EffectiveField:
    """What becomes of one column of the wildcard's input.

    `mapped` goes to `target`; `explicit` would, but a field of the mapping makes that column; `excluded` was
    named in `exclude`; `ignored` has no target column of its name.
    """

    column: str
    source: str
    target: str | None
    state: State


def effective_wildcard(
    wildcard: Wildcard,
    shape: InputShape,
    *,
    table: TargetTable,
    explicit: Collection[str] = (),
    faults: Faults | None = None,
) -> tuple[EffectiveField, ...]:
    """What the wildcard does with each column of its input, in the input's order.

    `explicit` are the target columns that have a field of their own. Unknown names in `rename` and two columns for
    one target (`AMBIGUOUS_FIELD`) are noted in `faults` with their paths.
    """
    faults = faults if faults is not None else Faults()
    names = [column.name for column in shape.columns]
    excluded = {match(name, names) for name in wildcard.exclude}
    renamed = _renamed(wildcard, names, table, faults)
    wanted = {name: wildcard.prefix + renamed.get(name, name) for name in names if name not in excluded}
    targets = _targets(wanted, table)
    for target in dict.fromkeys(targets.values()):
        sources = [name for name, other in targets.items() if other == target]
        if len(sources) > 1 and target not in explicit:
            listed = ", ".join(f"`{name}`" for name in sources)
            message = f"The columns {listed} would all make `{target}`: exclude or rename all but one."
            faults.add("wildcard", "AMBIGUOUS_FIELD", message)
    return tuple(
        _effective(wildcard.input, name, targets.get(name), name in excluded, explicit) for name in names
    )


def _effective(
    alias: str, name: str, target: str | None, is_excluded: bool, explicit: Collection[str]
) -> EffectiveField:
    state: State = "mapped"
    if is_excluded:
        state = "excluded"
    elif target is None:
        state = "ignored"
    elif target in explicit:
        state = "explicit"
    return EffectiveField(name, quote(alias, name), target, state)


def check_excluded(wildcard: Wildcard, shape: InputShape, faults: Faults) -> None:
    """Note names in `exclude` that the input does not have.

    That is asked when a document is saved. A run does not mind a column that is gone if it is not wanted.
    """
    names = [column.name for column in shape.columns]
    for position, name in enumerate(wildcard.exclude):
        if match(name, names) is None:
            message = f"The input `{wildcard.input}` has no column `{name}`.{did_you_mean(name, names)}"
            faults.add(f"wildcard.exclude[{position}]", "UNKNOWN_COLUMN", message)


def _renamed(wildcard: Wildcard, names: list[str], table: TargetTable, faults: Faults) -> Mapping[str, str]:
    targets = [column.name for column in table.columns]
    found = {}
    for source, target in wildcard.rename.items():
        path, known = f"wildcard.rename.{source}", match(source, names)
        if known is None:
            message = f"The input `{wildcard.input}` has no column `{source}`.{did_you_mean(source, names)}"
            faults.add(path, "UNKNOWN_COLUMN", message)
        elif match(wildcard.prefix + target, targets) is None:
            full = wildcard.prefix + target
            message = f"The table `{table.name}` has no column `{full}`.{did_you_mean(full, targets)}"
            faults.add(path, "UNKNOWN_COLUMN", message)
        else:
            found[known] = target
    return found


def _targets(wanted: Mapping[str, str], table: TargetTable) -> dict[str, str]:
    """From source column to target column: the equal name, else the one that is equal without case.

    A name that is equal takes the target from those that are so only without case.
    """
    exact = {column.name for column in table.columns}
    by_lower = {column.name.lower(): column.name for column in table.columns}
    taken = {name for name in wanted.values() if name in exact}
    found = {}
    for source, name in wanted.items():
        target = name if name in exact else by_lower.get(name.lower())
        if target is not None and (name in exact or target not in taken):
            found[source] = target
    return found
