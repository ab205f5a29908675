"""What identifies inputs and outputs in a run's manifest."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb

from datalinx.engine.compile.plan import CompiledMapping
from datalinx.engine.connectors.base import Scan
from datalinx.engine.execute.results import DataFile, InputReport, StoredTable
from datalinx.engine.execute.session import Session
from datalinx.engine.execute.stored import Layout

_MODULUS = 2**64


def report_inputs(
    session: Session, compiled: CompiledMapping, scans: Mapping[str, Scan]
) -> dict[str, InputReport]:
    """Return what each relation of the plan held: its rows and its fingerprint."""
    return {read.relation: _report(session, scans[read.relation]) for read in compiled.reads}


def _report(session: Session, scan: Scan) -> InputReport:
    rows = scan.rows if scan.rows is not None else session.number(f"SELECT count(*) FROM ({scan.sql})")
    return InputReport(rows, input_fingerprint(scan))


def input_fingerprint(scan: Scan) -> str:
    """Return what tells whether an input is what it was."""
    return scan.fingerprint or _files_fingerprint(scan.files)


def _files_fingerprint(files: Sequence[Path]) -> str:
    """A digest of names, sizes and times of change: it changes when a file was replaced."""
    digest = hashlib.sha256()
    for path in files:
        facts = path.stat()
        digest.update(f"{path.name}\0{facts.st_size}\0{facts.st_mtime_ns}\0".encode())
    return digest.hexdigest()


def output_hash(
    session: Session,
    layout: Layout,
    *,
    base: StoredTable,
    added: Sequence[DataFile],
    removed: Sequence[Path],
) -> str:
    """Return a hash of all rows of the table after a load, whatever their order and files.

    It is the sum of the rows' hashes, so that only files that come and go have to be read when the base's hash
    is known. The part before the colon names the way of hashing; hashes are comparable when it is equal.
    """
    method = _method(layout)
    known, _, value = (base.output_hash or "").partition(":")
    gone = set(removed)
    kept = [path for path in base.files if path not in gone]
    total = _sum(session, layout, [file.path for file in added])
    # Of a base that is replaced as a whole nothing is left to know, and none of its files has to be read.
    if known == method and kept:
        total += int(value, 16) - _sum(session, layout, removed)
    else:
        total += _sum(session, layout, kept)
    return f"{method}:{total % _MODULUS:016x}"


def _method(layout: Layout) -> str:
    """A name for the way of hashing: rows hash differently when columns or DuckDB's own hash do."""
    columns = "\0".join(f"{column.name} {column.type}" for column in layout.columns)
    release = ".".join(duckdb.__version__.split(".")[:2])
    return f"{release}-{hashlib.sha256(columns.encode()).hexdigest()[:12]}"


def _sum(session: Session, layout: Layout, files: Sequence[Path]) -> int:
    if not files:
        return 0
    columns = ", ".join(f"b{number}" for number in range(len(layout.columns)))
    return session.number(f"SELECT sum(hash({columns})) FROM ({layout.read(files)})")
