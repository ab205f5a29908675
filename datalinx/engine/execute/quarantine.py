"""The quarantine as an input: rejected rows become the rows again that they were when they were read.

A rejected row keeps its source values as JSON. Each is brought back to the type that it had, and the row is taken
up only if it gives the very same JSON again; what does not, and what never was a row, stays where it is.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from datalinx.engine.compile.plan import SourceColumn
from datalinx.engine.connectors.base import FILE_COLUMN, RECORD_COLUMN, Part, Scan
from datalinx.engine.execute.json_rows import pointer, row_json
from datalinx.engine.execute.rejects import MALFORMED_RECORD
from datalinx.engine.execute.results import Limits
from datalinx.engine.execute.session import Session
from datalinx.engine.execute.text import listed, literal, quoted
from datalinx.engine.types.casts import kind_of

# The label of the places of rows that come from the quarantine, until their own locators are put back.
_LABEL = "quarantine"
_NESTED = {"nested", "json"}
_WIDE = {"HUGEINT", "UHUGEINT", "BIGNUM", "VARINT"}


@dataclass(frozen=True)
class Quarantine:
    """Rejected rows that wait, as an input of `rows` rows.

    `waiting` are the rejected rows of the choice, and `unreadable` those of them that cannot be an input again:
    malformed records, and rows whose values JSON could not carry. `path` is the file of the rows, with the
    numbers of the rejected rows that each stands for: those that a join made of one row of the input are one
    row again.
    """

    scan: Scan
    rows: int
    waiting: int
    unreadable: int
    path: Path


@dataclass(frozen=True)
class Released:
    """What became of a quarantine: `rejected` are rows that stay in it, `passed` numbers of those that left.

    Both are files, None when there are no such rows; `count` is how many rejected rows left.
    """

    rejected: Path | None
    passed: Path | None
    count: int


def open_quarantine(
    rejected: Path,
    columns: Sequence[SourceColumn],
    *,
    folder: Path,
    limits: Limits,
    reason: str = "",
    passed: Sequence[Path] = (),
) -> Quarantine:
    """Return the rows of a file of rejected rows that are not in `passed`, as they stood in their input.

    `columns` are those of the input, with the types that it had. `reason` chooses by first fault. Files are
    written into `folder`.
    """
    path = folder / "quarantine.parquet"
    waiting = (
        f"SELECT file_row_number AS number, * FROM read_parquet({literal(rejected)}, file_row_number = true)"
    )
    waiting = f"SELECT * EXCLUDE (file_row_number) FROM ({waiting}) AS w"
    if passed:
        waiting += f" ANTI JOIN read_parquet({listed(passed)}) AS p ON p.number = w.number"
    if reason:
        waiting += f" WHERE w.reason = {literal(reason)}"
    values = [f"c{position}" for position in range(len(columns))]
    again = row_json((each.name, value, each.type) for each, value in zip(columns, values, strict=True))
    with _session(folder, limits, [rejected, *passed]) as session:
        session.run(f"CREATE TEMP TABLE waiting AS {waiting}")
        session.run(
            f"CREATE TEMP TABLE rebuilt AS SELECT number, locator, row, {', '.join(values)} FROM ("
            f"SELECT number, locator, row, {', '.join(rebuilt_values(columns))} FROM ({parsed_rows(columns)}) "
            f"WHERE reason <> {literal(MALFORMED_RECORD)}) WHERE {again} = row"
        )
        # Rows that a join made of one row of the input have its locator; without one each stands for itself.
        session.run(
            f"COPY (SELECT list(number ORDER BY number) AS numbers, any_value(locator) AS locator, "
            f"{', '.join(_kept(columns))} FROM rebuilt "
            "GROUP BY coalesce(locator, ''), CASE WHEN locator IS NULL THEN number END, row "
            f"ORDER BY min(number)) TO {literal(path)} (FORMAT parquet, COMPRESSION zstd)"
        )
        rows = session.number(f"SELECT count(*) FROM read_parquet({literal(path)})")
        wait = session.number("SELECT count(*) FROM waiting")
        unreadable = wait - session.number("SELECT count(*) FROM rebuilt")
    return Quarantine(_scan(path, columns, rows), rows, wait, unreadable, path)


def close_quarantine(
    quarantine: Quarantine, rejected: Path | None, *, folder: Path, limits: Limits
) -> Released:
    """Tell the rows that left a quarantine from those that an execution rejected again.

    `rejected` is the execution's file; the one returned has the rows' first locators.
    """
    stays, passed = folder / "still-rejected.parquet", folder / "passed.parquet"
    files = [quarantine.path, *([rejected] if rejected else [])]
    with _session(folder, limits, files) as session:
        session.run(
            "CREATE TEMP TABLE waited AS SELECT file_row_number + 1 AS place, numbers, locator AS first "
            f"FROM read_parquet({literal(quarantine.path)}, file_row_number = true)"
        )
        again = "SELECT NULL AS place WHERE FALSE"
        if rejected is not None:
            again = (
                "SELECT CAST(regexp_extract(locator, ':([0-9]+)$', 1) AS BIGINT) AS place, "
                f"* RENAME (file_row_number AS nth) FROM read_parquet({literal(rejected)}, file_row_number = true)"
            )
        session.run(f"CREATE TEMP TABLE again AS {again}")
        if rejected is not None:
            session.keep_order(True)
            session.run(
                "COPY (SELECT a.* EXCLUDE (place, nth) REPLACE (w.first AS locator) FROM again AS a "
                f"LEFT JOIN waited AS w ON w.place = a.place ORDER BY a.nth) TO {literal(stays)} "
                "(FORMAT parquet, COMPRESSION zstd)"
            )
        left = "FROM waited AS w ANTI JOIN again AS a ON a.place = w.place"
        count = session.number(f"SELECT sum(len(w.numbers)) {left}")
        if count:
            session.run(
                f"COPY (SELECT unnest(w.numbers) AS number {left}) TO {literal(passed)} (FORMAT parquet)"
            )
    return Released(stays if rejected is not None else None, passed if count else None, count)


@contextmanager
def _session(folder: Path, limits: Limits, files: Sequence[Path]) -> Iterator[Session]:
    with Session(limits=limits, workdir=folder) as session:
        session.confine(files=files, folders=[folder])
        yield session


def _scan(path: Path, columns: Sequence[SourceColumn], rows: int) -> Scan:
    names = ", ".join(
        f"CAST(c{position} AS {column.type}) AS {quoted(column.name)}"
        for position, column in enumerate(columns)
    )
    return Scan(
        sql=f"SELECT {names} FROM read_parquet({literal(path)})",
        numbered_sql=(
            f"SELECT {names}, {literal(_LABEL)} AS {FILE_COLUMN}, file_row_number + 1 AS {RECORD_COLUMN} "
            f"FROM read_parquet({literal(path)}, file_row_number = true)"
        ),
        numbering="free",
        locator="row",
        columns=tuple(columns),
        files=(path,),
        parts=(Part(_LABEL, path, rows),),
        label=_LABEL,
        rows=rows,
    )


def _kept(columns: Sequence[SourceColumn]) -> Iterator[str]:
    """The columns of the file; Parquet has no whole number of more than 64 bits, so these are written as text."""
    for position, column in enumerate(columns):
        value = f"any_value(c{position})"
        yield (
            f"CAST({value} AS VARCHAR) AS c{position}"
            if column.type.upper() in _WIDE
            else f"{value} AS c{position}"
        )


def parsed_rows(columns: Sequence[SourceColumn]) -> str:
    """The rows of the table `waiting` with their JSON read once: `texts`, and `jsons` where the JSON is needed."""
    paths = listed(pointer(column.name) for column in columns)
    nested = [column for column in columns if kind_of(column.type) in _NESTED]
    values = (
        f", json_extract(row, {listed(pointer(column.name) for column in nested)}) AS jsons" if nested else ""
    )
    return f"SELECT *, json_extract_string(row, {paths}) AS texts{values} FROM waiting"


def rebuilt_values(columns: Sequence[SourceColumn]) -> Iterator[str]:
    """Each column's value in its own type, `row_json` backwards; NULL where the text does not give one."""
    nested = 0
    for position, column in enumerate(columns):
        text = f"texts[{position + 1}]"
        kind = kind_of(column.type)
        if kind in _NESTED:
            nested += 1
            value = f"jsons[{nested}]"
            # What JSON has no word for was kept as text, and a text that looks so was too.
            whole = value if kind == "json" else f"TRY_CAST({value} AS {column.type})"
            of_text = f"TRY_CAST({text} AS {column.type})"
            yield (
                f"CASE json_type({value}) WHEN 'NULL' THEN NULL WHEN 'VARCHAR' THEN coalesce({of_text}, {whole}) "
                f"ELSE {whole} END AS c{position}"
            )
        elif kind == "null":
            yield f"CAST(NULL AS {column.type}) AS c{position}"
        else:
            yield f"TRY_CAST({text} AS {column.type}) AS c{position}"
