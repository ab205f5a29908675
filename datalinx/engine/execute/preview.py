"""What a mapping makes of a sample of its input: by the code of a run, with nothing kept."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from datalinx.engine.compile.plan import CompiledMapping
from datalinx.engine.connectors.base import Scan
from datalinx.engine.execute.checking import check_rows
from datalinx.engine.execute.ledger import require_balance
from datalinx.engine.execute.rejects import REJECT_COLUMNS
from datalinx.engine.execute.results import Limits, Preview
from datalinx.engine.execute.session import Session
from datalinx.engine.execute.text import quoted

MAX_ROWS = 1_000

_INSTANT = "TIMESTAMP WITH TIME ZONE"


def preview_table(
    compiled: CompiledMapping,
    *,
    scans: Mapping[str, Scan],
    sample: int = 100,
    limits: Limits | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Preview:
    """Return what a mapping makes of the first `sample` rows of its first input; other inputs are read whole.

    Every valid row counts as inserted: a preview knows no stored table. Values are Python's. Raise as
    `run_table`, but for what its guards raise.
    """
    with Session(limits=limits or Limits(), workdir=None, cancelled=cancelled) as session:
        session.confine(files=[path for scan in scans.values() for path in scan.files], folders=[])
        checked = check_rows(session, compiled, scans, sample=sample)
        valid = session.number(f"SELECT count(*) {checked.staged.valid()}")
        counts = replace(checked.counts, rejected=checked.rejected, inserted=valid)
        require_balance(compiled.table, counts)
        session.keep_order(True)
        rejected, by_reason = _rejected(session, checked.rejects)
        return Preview(
            columns=tuple((field.name, field.type.name) for field in compiled.fields),
            rows=_rows(session, compiled, checked.staged.valid()),
            rejected=rejected,
            counts=counts,
            rejected_by_reason=by_reason,
            values_nulled=checked.values_nulled,
        )


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
