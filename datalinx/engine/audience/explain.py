"""Why somebody is in an audience or not: true, false or unknown on every condition, and what it looked at."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import duckdb
from sqlglot import exp

from datalinx.engine.audience.evaluate import DEFAULT_BUDGET, Budget, evaluation
from datalinx.engine.audience.rules import Block, CompiledAudience, compile_audience
from datalinx.engine.query.tables import TableFiles
from datalinx.engine.query.values import shown_expression, shown_values
from datalinx.engine.spec.audience import AnyRule, AudienceDocument, NotRule
from datalinx.errors import NotFound

Verdict = Literal["true", "false", "unknown"]


@dataclass(frozen=True)
class Explained:
    """One node of a rule for one person. `rule` is the node as in the document, without its parts.

    `seen` is what a leaf looked at: the column's value, the number of related rows, whether the person is in
    the other audience; None for nodes with `parts`.
    """

    path: str
    rule: dict[str, Any]
    verdict: Verdict
    seen: Any
    parts: tuple["Explained", ...]

    def as_dict(self) -> dict[str, Any]:
        """The tree as JSON values."""
        facts = {"path": self.path, "rule": self.rule, "result": self.verdict}
        return facts | (
            {"parts": [part.as_dict() for part in self.parts]} if self.parts else {"seen": self.seen}
        )


def explain_member(
    document: AudienceDocument,
    key: Any,
    *,
    tables: Mapping[str, TableFiles],
    audiences: Mapping[str, TableFiles],
    now: datetime,
    budget: Budget = DEFAULT_BUDGET,
) -> Explained:
    """Evaluate every leaf for the person of `key`, text or a JSON scalar.

    Where a key stands in several rows, the row explains that comes nearest to membership: true before unknown
    before false. Raise `NotFound` `MEMBER_NOT_FOUND` when nobody has that key.
    """
    compiled = compile_audience(document, tables=tables, audiences=audiences, now=now, counting=True)
    with evaluation(compiled, tables, audiences, budget) as connection:
        row = _row_of(connection, compiled, key)
    if row is None:
        raise NotFound("MEMBER_NOT_FOUND", f"`{document.table}` has no row with {document.key} `{key}`.")
    leaves = compiled.root.leaves()
    finish = shown_values([leaf.seen_type for leaf in leaves])
    seen = dict(zip((leaf.path for leaf in leaves), finish(row[1 + len(leaves) :]), strict=True))
    truth = dict(zip((leaf.path for leaf in leaves), row[1 : 1 + len(leaves)], strict=True))
    return _explained(compiled.root, truth, seen)


def _row_of(
    connection: duckdb.DuckDBPyConnection, compiled: CompiledAudience, key: Any
) -> tuple[Any, ...] | None:
    leaves = compiled.root.leaves()
    whole = compiled.root.combine(lambda leaf: leaf.condition.copy())
    columns = [whole.as_("whole")]
    columns += [leaf.condition.copy().as_(f"l{i}") for i, leaf in enumerate(leaves)]
    columns += [(leaf.seen or exp.null()).copy().as_(f"s{i}") for i, leaf in enumerate(leaves)]
    wanted = exp.cast(exp.Placeholder(this="key"), compiled.key_type, dialect="duckdb")
    query = compiled.rows(*columns).where(exp.EQ(this=compiled.key, expression=wanted))
    shown = [f"l{i}" for i in range(len(leaves))]
    shown += [shown_expression(connection, f"s{i}", leaf.seen_type) for i, leaf in enumerate(leaves)]
    sql = (
        f"SELECT whole, {', '.join(shown)} FROM ({query.sql(dialect='duckdb')}) "
        "ORDER BY CASE WHEN whole THEN 0 WHEN whole IS NULL THEN 1 ELSE 2 END LIMIT 1"
    )
    try:
        return connection.execute(sql, {"key": key}).fetchone()
    except (duckdb.ConversionException, duckdb.OutOfRangeException):
        # Text that is no key of this type belongs to nobody.
        return None


def _explained(block: Block, truth: Mapping[str, bool | None], seen: Mapping[str, Any]) -> Explained:
    parts = tuple(_explained(part, truth, seen) for part in block.parts)
    value = _combined(block, [part.verdict for part in parts]) if parts else _verdict(truth[block.path])
    rule = {} if parts else block.rule.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return Explained(block.path, rule, value, seen.get(block.path), parts)


def _verdict(value: bool | None) -> Verdict:
    return "unknown" if value is None else "true" if value else "false"


def _combined(block: Block, verdicts: list[Verdict]) -> Verdict:
    """Kleene's logic, which is SQL's."""
    if isinstance(block.rule, NotRule):
        return {"true": "false", "false": "true", "unknown": "unknown"}[verdicts[0]]  # type: ignore[return-value]  # all three are verdicts
    decisive: Verdict = "true" if isinstance(block.rule, AnyRule) else "false"
    if decisive in verdicts:
        return decisive
    if "unknown" in verdicts:
        return "unknown"
    return "false" if decisive == "true" else "true"
