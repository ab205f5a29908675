"""How well proposals fit: each is run on a sample by the code of a run, all of them in one pass."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from datalinx.engine.compile.mapping import check_mapping, compile_mapping
from datalinx.engine.compile.plan import InputShape, SourceColumn
from datalinx.engine.connectors.base import Scan
from datalinx.engine.execute.preview import preview_table
from datalinx.engine.execute.results import Limits
from datalinx.engine.spec.base import parse_document
from datalinx.engine.spec.mapping import Mapping
from datalinx.engine.spec.schema import TargetColumn, TargetTable
from datalinx.engine.suggest.candidates import Proposal
from datalinx.engine.types.registry import TypeRegistry

SAMPLE_ROWS = 500
# Proposals that are measured in one mapping: more of them take longer to plan than to compute.
_TOGETHER = 100


@dataclass(frozen=True)
class TableSample:
    """A source's table that could be an input, under the alias that it has or would have in the mapping."""

    source: str
    table: str
    alias: str
    columns: tuple[SourceColumn, ...]
    scan: Scan


@dataclass(frozen=True)
class Fit:
    """Of the sampled rows that `given` a value, how many a proposal could read."""

    given: int
    fitting: int

    @property
    def share(self) -> float | None:
        """The share that fits, None when no row had a value."""
        return self.fitting / self.given if self.given else None


def measure(
    pairs: Sequence[tuple[TargetColumn, Proposal]],
    sample: TableSample,
    *,
    types: TypeRegistry,
    limits: Limits,
) -> list[Fit | None]:
    """Return how each proposal fits its target column on the sample; None for one that cannot be compiled."""
    found: list[Fit | None] = []
    for start in range(0, len(pairs), _TOGETHER):
        found += _measure(pairs[start : start + _TOGETHER], sample, types, limits)
    return found


def _measure(
    pairs: Sequence[tuple[TargetColumn, Proposal]], sample: TableSample, types: TypeRegistry, limits: Limits
) -> list[Fit | None]:
    names = [f"p{number}" for number in range(len(pairs))]
    columns = {
        name: target.model_copy(update={"name": name, "nullable": True, "tests": ()})
        for name, (target, _) in zip(names, pairs, strict=True)
    }
    fields = {name: proposal.field for name, (_, proposal) in zip(names, pairs, strict=True)}
    shapes = {sample.alias: InputShape(sample.columns)}
    faults = check_mapping(
        _mapping(sample, fields), table=_table(columns.values()), inputs=shapes, types=types, ctes={}
    )
    for name in {fault.field.split(".")[1] for fault in faults if fault.field.startswith("fields.")}:
        del fields[name], columns[name]
    if not fields:
        return [None] * len(pairs)
    compiled = compile_mapping(
        _mapping(sample, fields), table=_table(columns.values()), inputs=shapes, types=types, ctes={}
    )
    scans = {compiled.reads[0].relation: replace(sample.scan, malformed=None)}
    preview = preview_table(compiled, scans=scans, sample=SAMPLE_ROWS, limits=limits)
    fits = {}
    for name in fields:
        fitting = sum(row[name] is not None for row in preview.rows)
        fits[name] = Fit(fitting + preview.values_nulled.get(name, 0), fitting)
    return [fits.get(name) for name in names]


def _mapping(sample: TableSample, fields: dict[str, dict[str, object]]) -> Mapping:
    return parse_document(
        Mapping,
        {
            "table_name": "sampled",
            "inputs": [{"alias": sample.alias, "source": sample.source, "table": sample.table}],
            "fields": fields,
            "on_invalid": "null",
        },
    )


def _table(columns: "Sequence[TargetColumn] | object") -> TargetTable:
    return TargetTable(name="sampled", columns=tuple(columns))  # type: ignore[arg-type]  # a view of a dict
