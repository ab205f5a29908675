"""One resolution: from stored tables and the people of before to the people of now, written down as files."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import KW_ONLY, dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from datalinx import errors
from datalinx.engine.identity.components import Components
from datalinx.engine.identity.linking import (
    all_together,
    count_identifiers,
    find_links,
    named_values,
    number_records,
    together_before,
)
from datalinx.engine.identity.model import (
    CLUSTERS,
    COLUMNS,
    HISTORY,
    LINKS,
    RECORDS,
    Budget,
    Moment,
    People,
    Progress,
    Resolved,
    file_table,
)
from datalinx.engine.identity.naming import name_components, names_list, tell_history
from datalinx.engine.identity.stats import count_all, keep_shared_values
from datalinx.engine.query.tables import quote_name, quote_text, table_select
from datalinx.engine.query.timed import limited
from datalinx.engine.query.trusted import open_connection
from datalinx.engine.spec.identity import IdentityDocument


def resolve_identity(
    document: IdentityDocument,
    *,
    people: Sequence[People],
    previous: Path | None,
    history: Path | None,
    moment: Moment,
    folder: Path,
    budget: Budget,
    progress: Progress = lambda share, what: None,
    stopped: Callable[[], bool] = lambda: False,
) -> Resolved:
    """Resolve the records of `people` and write the files of `model.COLUMNS` into `folder`, the caller's own.

    `previous` and `history` are the records and the history of the last resolution, None for the first. The same
    tables and rules again give the same ids, and `changed` is False. `stopped` is asked between two steps.
    Raise `Failed` `MEMORY_EXCEEDED`, `Invalid` `QUERY_TIMEOUT`, `Cancelled` `RESOLUTION_STOPPED`.
    """
    spill = folder / "spill"
    spill.mkdir(parents=True, exist_ok=True)
    opened = open_connection(memory_bytes=budget.memory_bytes, threads=budget.threads, spill=spill)

    def step(share: float, what: str) -> None:
        if stopped():
            raise errors.Cancelled("RESOLUTION_STOPPED", "The resolution was taken over by another worker.")
        progress(share, what)

    with closing(opened) as connection:
        work = _Work(connection, document, people, moment=moment, folder=folder, step=step)
        try:
            with limited(connection, seconds=budget.seconds, memory_bytes=budget.memory_bytes):
                return work.run(previous, history)
        except errors.Invalid as error:
            if error.code != "QUERY_TOO_LARGE":
                raise
            message = (
                f"Resolving {len(people)} tables needs more than {budget.memory_bytes // 1024**2} MB of memory; "
                "give workers more, or leave out tables or rules."
            )
            raise errors.Failed("MEMORY_EXCEEDED", message) from error


@dataclass(frozen=True)
class _Work:
    """One resolution under way."""

    connection: duckdb.DuckDBPyConnection
    document: IdentityDocument
    people: Sequence[People]
    _: KW_ONLY
    moment: Moment
    folder: Path
    step: Progress

    def run(self, previous: Path | None, history: Path | None) -> Resolved:
        """Read, link, join, name, write and count."""
        self.step(0.0, "reading records")
        count = number_records(self.connection, self.people)
        self._remember(previous)
        self.step(0.3, "finding what links them")
        find_links(self.connection, self.document, self.people)
        self.step(0.5, "joining them")
        refused = _join(self.connection, count, self.document.limits.max_cluster_size)
        self.step(0.7, "naming people")
        name_components(self.connection, self.moment)
        tell_history(self.connection, self.document, self.moment)
        self.step(0.8, "writing")
        changed = _keep_records(self.connection, self.moment)
        files = self._write_all(history)
        self.step(0.95, "counting")
        keep_shared_values(self.connection, self.document, self.people)
        stats = {**count_all(self.connection, self.document, self.people), "refused_links": refused}
        return Resolved(files, changed, stats)

    def _remember(self, previous: Path | None) -> None:
        """Make `previous`, the records of the last resolution, and `before`, their ids by the present numbers."""
        self.connection.execute(f"CREATE VIEW previous AS {table_select(file_table(RECORDS, previous))}")
        self.connection.execute(
            "CREATE TABLE before AS SELECT r.n, p.canonical_id, p.born, p.since FROM records AS r "
            'JOIN previous AS p ON p."table" = r.t AND p.key = r.k'
        )

    def _write_all(self, history: Path | None) -> dict[str, Path]:
        names = [rule.name for rule in self.document.rules]
        self.connection.execute(f"CREATE TABLE shown AS {_linked_values(self.document, self.people)}")
        identifiers = count_identifiers(self.people)
        self.connection.execute(f"CREATE VIEW identifiers AS {identifiers or _NO_IDENTIFIERS}")
        past = table_select(file_table(HISTORY, history))
        written = {
            RECORDS: 'SELECT * FROM now ORDER BY "table", key',
            CLUSTERS: _CLUSTERS,
            LINKS: _LINKS.format(names_list(names)),
            HISTORY: f"SELECT * FROM ({past}) UNION ALL SELECT * FROM happened "
            "ORDER BY generation DESC, from_id, into_id",
        }
        return {name: _write(self.connection, name, sql, self.folder) for name, sql in written.items()}


_NO_IDENTIFIERS = "SELECT 0 AS n, '' AS kind, CAST(NULL AS UUID) AS h WHERE false"


def _join(connection: duckdb.DuckDBPyConnection, count: int, limit: int) -> int:
    """Make `joined`: every record with its component and whether a limit cut it; return the links refused."""
    components = Components(count, limit)
    components.link(together_before(connection))
    components.refused = 0
    components.link(all_together(connection))
    table = pa.table(
        {
            "n": pa.array(range(count), pa.int32()),
            "c": pa.Array.from_buffers(pa.int32(), count, [None, pa.py_buffer(components.roots())]),
            "limited": pa.Array.from_buffers(pa.int8(), count, [None, pa.py_buffer(components.limited)]),
        }
    )
    connection.register("components_found", table)
    connection.execute("CREATE TABLE joined AS SELECT n, c, limited <> 0 AS limited FROM components_found")
    connection.unregister("components_found")
    return components.refused


def _linked_values(document: IdentityDocument, people: Sequence[People]) -> str:
    """SQL of what links records as (`rule`, `h`, `n`, `value`)."""
    if not document.rules or not people:
        return "SELECT 0 AS rule, CAST(NULL AS UUID) AS h, 0 AS n, '' AS value WHERE false"
    return (
        f"SELECT rule, h, n, min(value) AS value FROM ({named_values(document, people)}) "
        "SEMI JOIN links USING (rule, h, n) GROUP BY rule, h, n"
    )


def _keep_records(connection: duckdb.DuckDBPyConnection, moment: Moment) -> bool:
    """Make `now`: the records that are there and those that were; return whether anybody's id changed.

    A record that is gone keeps its id in mind, so that it has it again when it comes back.
    """
    connection.execute(
        'CREATE TABLE now AS SELECT r.t AS "table", r.k AS key, m.canonical_id, '
        f"CASE WHEN b.canonical_id = m.canonical_id THEN b.since ELSE {moment.generation} END AS since, m.born, "
        "true AS present FROM records AS r JOIN joined AS j USING (n) JOIN named AS m USING (c) "
        "LEFT JOIN before AS b USING (n) UNION ALL "
        'SELECT p."table", p.key, p.canonical_id, p.since, p.born, false FROM previous AS p '
        'ANTI JOIN records AS r ON p."table" = r.t AND p.key = r.k'
    )
    columns = '"table", key, canonical_id, present'
    [[different]] = connection.execute(
        f"SELECT count(*) FROM (SELECT {columns} FROM now EXCEPT SELECT {columns} FROM previous)"
    ).fetchall()
    return bool(different)


_CLUSTERS = """
SELECT m.canonical_id, c.records, coalesce(i.identifiers, 0) AS identifiers, m.born, c.limited
FROM components AS c JOIN named AS m USING (c)
LEFT JOIN (
  SELECT c, count(*) AS identifiers FROM (SELECT DISTINCT c, kind, h FROM identifiers JOIN joined USING (n)) GROUP BY c
) AS i USING (c)
ORDER BY c.records DESC, m.canonical_id
"""

_LINKS = """
SELECT m.canonical_id, {}[s.rule + 1] AS rule,
  CAST(dense_rank() OVER (PARTITION BY m.canonical_id ORDER BY s.rule, s.h) AS VARCHAR) AS node,
  s.value, r.t AS "table", r.k AS key
FROM shown AS s JOIN records AS r USING (n) JOIN joined AS j USING (n) JOIN named AS m USING (c)
QUALIFY count(*) OVER (PARTITION BY m.canonical_id, s.rule, s.h) > 1
ORDER BY m.canonical_id, node, "table", key
"""


def _write(connection: duckdb.DuckDBPyConnection, name: str, sql: str, folder: Path) -> Path:
    path = folder / name
    columns = ", ".join(
        f"CAST({quote_name(column)} AS {kind}) AS {quote_name(column)}" for column, kind in COLUMNS[name]
    )
    connection.execute(
        f"COPY (SELECT {columns} FROM ({sql})) TO {quote_text(str(path))} (FORMAT parquet, COMPRESSION zstd)"
    )
    return path
