"""What a mapping makes of a sample of its input: by the code of a run, with nothing kept."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlglot import exp

from datalinx.engine.compile.plan import CompiledField, CompiledMapping, Step
from datalinx.engine.connectors.base import Scan
from datalinx.engine.execute.checking import check_rows
from datalinx.engine.execute.ledger import require_balance
from datalinx.engine.execute.rejects import REJECT_COLUMNS
from datalinx.engine.execute.results import Limits, Preview
from datalinx.engine.execute.session import Session
from datalinx.engine.execute.standing import against_stored
from datalinx.engine.execute.text import literal, quoted
from datalinx.engine.types.registry import TypeRegistry

MAX_ROWS = 1_000
MAX_EXAMPLES = 5

_TEXT = TypeRegistry().resolve("string")

_INSTANT = "TIMESTAMP WITH TIME ZONE"


def preview_table(
    compiled: CompiledMapping,
    *,
    scans: Mapping[str, Scan],
    sample: int = 100,
    stored: Scan | None = None,
    rows_file: Path | None = None,
    limits: Limits | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Preview:
    """Return what a mapping makes of the first `sample` rows of its first input; other inputs are read whole.

    `stored` is the table as it is, to be compared with. In the counts every valid row is inserted: nothing
    is loaded. Values are Python's. `rows_file` is written as Parquet, in a folder of the caller's own: all valid
    rows in their own types. Raise as `run_table`, but for what its guards raise.
    """
    with Session(limits=limits or Limits(), workdir=None, cancelled=cancelled) as session:
        read = [*scans.values(), *([stored] if stored else [])]
        session.confine(
            files=[path for scan in read for path in scan.files],
            folders=[rows_file.parent] if rows_file else [],
        )
        sources = _source_fields(compiled)
        checked = check_rows(session, _with_sources(compiled, sources), scans, sample=sample)
        valid = session.number(f"SELECT count(*) {checked.staged.valid()}")
        counts = replace(checked.counts, rejected=checked.rejected, inserted=valid)
        require_balance(compiled.table, counts)
        session.keep_order(True)
        rejected, by_reason = _rejected(session, checked.rejects)
        if rows_file is not None:
            named = ", ".join(f"s.v{n} AS {quoted(field.name)}" for n, field in enumerate(compiled.fields))
            to = f"TO {literal(rows_file)} (FORMAT parquet)"
            session.run(f"COPY (SELECT {named} {checked.staged.valid()}) {to}")
        return Preview(
            columns=tuple((field.name, field.type.name) for field in compiled.fields),
            rows=_rows(session, compiled, checked.staged.valid()),
            rejected=rejected,
            counts=counts,
            rejected_by_reason=by_reason,
            values_nulled=checked.values_nulled,
            examples=_examples(session, compiled, sources, checked.staged.valid()),
            stored=against_stored(session, compiled, checked.staged, stored) if stored else None,
        )


def _source_fields(compiled: CompiledMapping) -> dict[tuple[str, str], CompiledField]:
    """The input columns that fields are made of, each as a field of text; of a group's rows there is none."""
    # An input that only a lookup reads has no rows of its own beside those of the first.
    joined = {compiled.first, *(join.alias for join in compiled.joins if join.query is None)}
    known = {
        (entry.alias, column.name)
        for entry in compiled.inputs
        if entry.alias in joined
        for column in entry.columns
    }
    named = {each for field in compiled.fields for each in field.references if each in known}
    if compiled.group_by:
        return {}
    return {
        reference: CompiledField(
            name=f"=source{number}",
            kind="direct",
            type=_TEXT,
            nullable=True,
            value=exp.cast(exp.column(f"=source{number}", quoted=True), "VARCHAR", dialect="duckdb"),
            faults=(),
            on_invalid="quarantine",
            references=(reference,),
        )
        for number, reference in enumerate(sorted(named))
    }


def _with_sources(
    compiled: CompiledMapping, sources: Mapping[tuple[str, str], CompiledField]
) -> CompiledMapping:
    """The mapping with its sources as further fields, so that one pass computes both sides of an example."""
    steps = tuple(
        Step(field.name, exp.column(column, table=alias, quoted=True), 0, "VARCHAR")
        for (alias, column), field in sources.items()
    )
    return replace(compiled, steps=(*compiled.steps, *steps), fields=(*compiled.fields, *sources.values()))


def _examples(
    session: Session,
    compiled: CompiledMapping,
    sources: Mapping[tuple[str, str], CompiledField],
    valid: str,
) -> dict[str, tuple[Mapping[str, Any], ...]]:
    """The first rows by column, those whose text changed before those that stayed as they were."""
    place = {reference: len(compiled.fields) + n for n, reference in enumerate(sources)}
    found: dict[str, tuple[Mapping[str, Any], ...]] = {}
    for number, field in enumerate(compiled.fields):
        named = [reference for reference in field.references if reference in place]
        if not named:
            continue
        after = f"CAST(s.v{number} AS VARCHAR)"
        before = [f"s.v{place[reference]}" for reference in named]
        stays = " AND ".join(f"{each} IS NOT DISTINCT FROM {after}" for each in before)
        rows = session.rows(
            f"SELECT {', '.join(before)}, {after} {valid} ORDER BY ({stays}), s.rowid LIMIT {MAX_EXAMPLES}"
        )
        names = [f"{alias}.{column}" for alias, column in named]
        found[field.name] = tuple(
            {"before": dict(zip(names, row[:-1], strict=True)), "after": row[-1]} for row in rows
        )
    return found


def _rows(session: Session, compiled: CompiledMapping, valid: str) -> tuple[Mapping[str, Any], ...]:
    instants = {field.name for field in compiled.fields if field.type.duckdb == _INSTANT}
    # DuckDB hands instants over only by way of a time zone library that the platform does not have.
    values = [
        f"s.v{n} AT TIME ZONE 'UTC'" if field.name in instants else f"s.v{n}"
        for n, field in enumerate(compiled.fields)
    ]
    names = [field.name for field in compiled.fields]
    found = session.rows(f"SELECT {', '.join(values)} {valid} ORDER BY s.rowid LIMIT {MAX_ROWS}")
    return tuple(
        {name: _in_utc(value) if name in instants else value for name, value in zip(names, row, strict=True)}
        for row in found
    )


def _in_utc(value: datetime | None) -> datetime | None:
    return value.replace(tzinfo=UTC) if value is not None else None


def _rejected(session: Session, rejects: str | None) -> tuple[tuple[Mapping[str, Any], ...], dict[str, int]]:
    if rejects is None:
        return (), {}
    session.run(f"CREATE TEMP TABLE rejected AS {rejects}")
    names = [name for name, _ in REJECT_COLUMNS]
    rows = session.rows(f"SELECT {', '.join(quoted(name) for name in names)} FROM rejected LIMIT {MAX_ROWS}")
    counts = session.rows("SELECT reason, count(*) FROM rejected GROUP BY ALL ORDER BY 2 DESC, 1")
    return tuple(dict(zip(names, row, strict=True)) for row in rows), {name: int(n) for name, n in counts}
