"""From names and measured values to one suggestion for each target column, with its reasons."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from datalinx.engine.compile.plan import SourceColumn
from datalinx.engine.execute.results import Limits
from datalinx.engine.spec.schema import TargetColumn, TargetTable
from datalinx.engine.suggest.candidates import Proposal, full_name, proposals
from datalinx.engine.suggest.measuring import Fit, TableSample, measure
from datalinx.engine.suggest.names import name_similarity
from datalinx.engine.types.casts import kind_of
from datalinx.engine.types.registry import TypeRegistry

# Below this nothing is proposed; two proposals that are nearer than the margin leave it to the person.
LEAST_CONFIDENCE = 0.3
AMBIGUOUS_MARGIN = 0.1
# Source columns that are looked at closely for one target column, and alternatives that are shown.
_SHORTLIST = 4
_ALTERNATIVES = 3
# How much a name alone, and values alone, can make certain.
_BY_NAME, _BY_VALUES = 0.9, 0.8
# What values of a base type tell by fitting: every number fits a decimal, few texts fit a date by chance.
_TELLING = {"uuid": 0.5, "date": 0.4, "datetime": 0.4, "timestamp": 0.4, "boolean": 0.2, "time": 0.3}
# Types that every value fits, so that another meaning of the values speaks against them.
_PLAIN = frozenset({"string", "text"})
# What is left of the confidence when no row of the sample had a value, when day and month could be
# exchanged, when another target column has the better claim, and when the values are plainly something else.
_UNSEEN, _EITHER_DATE, _TAKEN, _OTHER_MEANING = 0.8, 0.6, 0.7, 0.5


@dataclass(frozen=True)
class Reason:
    """One thing that speaks for or against a suggestion: a stable code and a sentence."""

    code: str
    message: str


@dataclass(frozen=True)
class Suggestion:
    """What could make one target column. `confidence` goes from 0 to 1.

    `alternatives` are the next best, best first; with `ambiguous` the first of them is about as good.
    """

    target: str
    source: str
    table: str
    alias: str
    proposal: Proposal
    confidence: float
    reasons: tuple[Reason, ...]
    alternatives: tuple["Suggestion", ...] = ()
    ambiguous: bool = False


@dataclass(frozen=True)
class _Pair:
    """A target column beside a source column (or two), before its values are looked at."""

    target: TargetColumn
    proposal: Proposal
    name_score: float


def suggest_fields(
    table: TargetTable,
    samples: Sequence[TableSample],
    *,
    types: TypeRegistry,
    targets: Collection[str],
    refused: Collection[tuple[str, tuple[str, ...]]] = (),
    meanings: Mapping[tuple[str, str], str] | None = None,
    limits: Limits | None = None,
) -> list[Suggestion]:
    """Return at most one suggestion for each column of the table that `targets` names, in the table's order.

    `refused` are (target column, source columns) that a person has said no to. `meanings` gives the semantic
    types that are plainly those of source columns, by (alias, column). The samples are read, bounded.
    """
    columns = [column for column in table.columns if column.name in targets]
    found: dict[str, list[Suggestion]] = {column.name: [] for column in columns}
    for sample in samples:
        pairs = [
            pair
            for pair in _pairs(table, columns, sample, types, meanings or {})
            if (pair.target.name, pair.proposal.columns) not in refused
        ]
        fits = measure(
            [(pair.target, pair.proposal) for pair in pairs], sample, types=types, limits=limits or Limits()
        )
        for pair, fit in zip(pairs, fits, strict=True):
            if fit is not None:
                found[pair.target.name].append(_judged(pair, fit, sample, types, meanings or {}))
    ranked = {name: _best_of_each_column(each) for name, each in found.items()}
    return _chosen(ranked, [column.name for column in columns])


def table_score(table: TargetTable, name: str, columns: Sequence[str]) -> float:
    """Return how well the names of a source's table fit a target table: which to look at first."""
    context = (table.name, name)
    best = (
        max((name_similarity(column.name, other, context) for other in columns), default=0.0)
        for column in table.columns
    )
    return sum(best) / len(table.columns) + 0.2 * name_similarity(table.name, name)


def _pairs(
    table: TargetTable,
    columns: Sequence[TargetColumn],
    sample: TableSample,
    types: TypeRegistry,
    meanings: Mapping[tuple[str, str], str],
) -> list[_Pair]:
    """Return what is worth measuring: columns of like names, and columns of the very meaning."""
    found = []
    context = (table.name, sample.table)
    for target in columns:
        scored = [(name_similarity(target.name, column.name, context), column) for column in sample.columns]
        scored.sort(key=lambda pair: -pair[0])
        near = [(score, column) for score, column in scored if score >= LEAST_CONFIDENCE][:_SHORTLIST]
        alike = [
            (score, column)
            for score, column in scored
            if meanings.get((sample.alias, column.name)) == target.type and (score, column) not in near
        ]
        for score, column in (*near, *alike[:_SHORTLIST]):
            found += [
                _Pair(target, proposal, score)
                for proposal in proposals(target, column, alias=sample.alias, types=types)
            ]
        if combined := full_name(target, sample.columns, alias=sample.alias):
            found.append(_Pair(target, combined, 0.95))
    return found


def _judged(
    pair: _Pair, fit: Fit, sample: TableSample, types: TypeRegistry, meanings: Mapping[tuple[str, str], str]
) -> Suggestion:
    share = fit.share
    telling = _telling(pair, sample, types)
    confidence = 1 - (1 - _BY_NAME * pair.name_score) * (1 - _BY_VALUES * telling * (share or 0.0))
    confidence *= _UNSEEN if share is None else share
    reasons = [_name_reason(pair), _value_reason(fit)]
    meaning = meanings.get((sample.alias, pair.proposal.columns[0]))
    if meaning == pair.target.type:
        reasons.append(Reason("meaning", f"The values look like {meaning}."))
    elif meaning is not None and pair.target.type in _PLAIN and pair.name_score < 1:
        confidence *= _OTHER_MEANING
        reasons.append(Reason("other_meaning", f"The values look like {meaning}, which is something else."))
    return Suggestion(
        target=pair.target.name,
        source=sample.source,
        table=sample.table,
        alias=sample.alias,
        proposal=pair.proposal,
        confidence=confidence,
        reasons=tuple(reasons),
    )


def _telling(pair: _Pair, sample: TableSample, types: TypeRegistry) -> float:
    """How much it tells that a column's values fit: nothing for text, much for an address with an @."""
    semantic = types.semantic(pair.target.type)
    if semantic is not None:
        return semantic.weight
    sources = {column.name: column for column in sample.columns}
    read: SourceColumn = sources[pair.proposal.columns[0]]
    return _TELLING.get(types.base_of(pair.target.type).name, 0.0) if kind_of(read.type) == "text" else 0.0


def _name_reason(pair: _Pair) -> Reason:
    names = " and ".join(f"`{name}`" for name in pair.proposal.columns)
    if pair.name_score >= 0.95:
        return Reason("same_name", f"{names} says the same as `{pair.target.name}`.")
    if pair.name_score >= LEAST_CONFIDENCE:
        return Reason("like_name", f"{names} is like `{pair.target.name}` ({pair.name_score:.0%}).")
    return Reason("other_name", f"{names} is not named like `{pair.target.name}`.")


def _value_reason(fit: Fit) -> Reason:
    if not fit.given:
        return Reason("no_values", "No row of the sample has a value, so what it holds could not be checked.")
    code = "values_fit" if fit.fitting == fit.given else "values_differ"
    return Reason(code, f"{fit.fitting:,} of {fit.given:,} sampled values fit.")


def _best_of_each_column(found: Sequence[Suggestion]) -> list[Suggestion]:
    """Of the ways from the same source columns the best one; the first, which is the simplest, of equals."""
    best: dict[tuple[str, tuple[str, ...]], Suggestion] = {}
    for each in found:
        key = (each.alias, each.proposal.columns)
        if key not in best or each.confidence > best[key].confidence:
            best[key] = each
    marked = [_either_date(each, found) for each in best.values()]
    kept = [each for each in marked if each.confidence >= LEAST_CONFIDENCE]
    return sorted(kept, key=lambda each: -each.confidence)


def _either_date(chosen: Suggestion, found: Sequence[Suggestion]) -> Suggestion:
    """A date whose day and month could be exchanged in every sampled value is not for us to decide."""
    rivals = [
        each
        for each in found
        if each.proposal.columns == chosen.proposal.columns
        and each.alias == chosen.alias
        and each.confidence == chosen.confidence
        and each.proposal.formats != chosen.proposal.formats
        and each.proposal.formats
        and chosen.proposal.formats
    ]
    if not rivals:
        return chosen
    formats = ", ".join(f"`{name}`" for each in (chosen, *rivals) for name in each.proposal.formats)
    reason = Reason("day_or_month", f"Every sampled value fits each of {formats}: say which it is.")
    lower = chosen.confidence * _EITHER_DATE
    others = tuple(
        replace(each, confidence=lower, reasons=(*each.reasons, reason)) for each in rivals[:_ALTERNATIVES]
    )
    return replace(
        chosen, confidence=lower, reasons=(*chosen.reasons, reason), alternatives=others, ambiguous=True
    )


def _chosen(ranked: Mapping[str, list[Suggestion]], order: Sequence[str]) -> list[Suggestion]:
    """Give each source column to the target column that it fits best; others may have it at a discount."""
    taken: dict[tuple[str, str], str] = {}
    chosen: dict[str, Suggestion] = {}
    waiting = {name: list(each) for name, each in ranked.items() if each}
    while waiting:
        name = max(waiting, key=lambda key: waiting[key][0].confidence)
        best, *rest = waiting[name]
        holder = taken.get((best.alias, best.proposal.columns[0]))
        if holder is not None and not any(reason.code == "taken" for reason in best.reasons):
            reason = Reason("taken", f"The column is already proposed for `{holder}`.")
            lower = replace(best, confidence=best.confidence * _TAKEN, reasons=(*best.reasons, reason))
            rest = rest if lower.confidence < LEAST_CONFIDENCE else [*rest, lower]
            waiting[name] = sorted(rest, key=lambda each: -each.confidence)
            if not waiting[name]:
                del waiting[name]
            continue
        del waiting[name]
        for column in best.proposal.columns:
            taken.setdefault((best.alias, column), name)
        chosen[name] = _with_alternatives(best, rest)
    return [chosen[name] for name in order if name in chosen]


def _with_alternatives(best: Suggestion, rest: Sequence[Suggestion]) -> Suggestion:
    others = (*best.alternatives, *(replace(each, alternatives=()) for each in rest))[:_ALTERNATIVES]
    close = any(best.confidence - each.confidence < AMBIGUOUS_MARGIN for each in others)
    return replace(
        best,
        confidence=round(best.confidence, 3),
        alternatives=tuple(replace(each, confidence=round(each.confidence, 3)) for each in others),
        ambiguous=best.ambiguous or close,
    )
