"""Repeated keys: which rows `deduplicate` drops, and which make a key that nobody said how to resolve."""

from datalinx.engine.compile.plan import CompiledMapping
from datalinx.engine.execute.staged import Staged

Key = tuple[str, ...]


def drop_duplicates(staged: Staged) -> int:
    """Make the table `dropped` of the rows that lose against another of equal keys; return how many leave."""
    rule = staged.compiled.deduplicate
    if rule is None:
        return 0
    keys = staged.values(rule.keys)
    orders = [f"o{number}" for number in range(len(rule.order))]
    # The order has to be total, or two runs over the same rows could keep different ones. Where the place does
    # not tell rows apart their values do; of equal rows it does not matter which.
    values = [] if staged.is_total else [f"v{number}" for number in range(len(staged.compiled.fields))]
    order = [
        f"{column} {'DESC' if term.descending else 'ASC'} NULLS LAST"
        for column, term in zip(orders, rule.order, strict=True)
    ]
    order += [f"{column} NULLS LAST" for column in ("place", *values)]
    columns = dict.fromkeys([*keys, *orders, *values])
    nth = f"row_number() OVER (PARTITION BY {', '.join(keys)} ORDER BY {', '.join(order)})"
    staged.make(
        "dropped",
        f"SELECT rid FROM (SELECT rid, {nth} AS nth FROM ({staged.suspects(keys, columns)})) WHERE nth > 1",
    )
    return staged.leave("dropped")


def reject_repeated_keys(staged: Staged) -> dict[Key, str]:
    """Make a table of `rid` for each key that repeats among the rows left; return key and table.

    The primary key has to be unique, and so have the keys of a merge; all rows of a repeated key leave.
    """
    tables: dict[Key, str] = {}
    for number, key in enumerate(unique_keys(staged.compiled)):
        table, keys = f"repeated{number}", staged.values(key)
        rows = f"count(*) OVER (PARTITION BY {', '.join(keys)})"
        suspects = staged.suspects(keys, keys)
        staged.make(table, f"SELECT rid FROM (SELECT rid, {rows} AS rows FROM ({suspects})) WHERE rows > 1")
        if staged.leave(table):
            tables[key] = table
    return tables


def unique_keys(compiled: CompiledMapping) -> list[Key]:
    """The keys that have to be checked, without those that `deduplicate` has made unique."""
    loaded = compiled.load.keys if compiled.load.mode in {"merge", "history"} else ()
    resolved = set(compiled.deduplicate.keys) if compiled.deduplicate else None
    wanted = dict.fromkeys(key for key in (compiled.primary_key, loaded) if key)
    return [key for key in wanted if resolved is None or not resolved <= set(key)]
