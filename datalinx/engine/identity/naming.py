"""Canonical ids that last: a person keeps the id that most of its records had, and what else happened is told.

Reads `records`, `before` (records' earlier ids by number), `joined` (records by number and component `c`) and
`links`; makes `named`: every component with its id, and since which generation that id is somebody's.
"""

from collections.abc import Sequence

import duckdb

from datalinx.engine.identity.model import Moment
from datalinx.engine.query.tables import quote_text
from datalinx.engine.spec.identity import IdentityDocument

# Ids and components that want each other are matched in rounds, each of which settles most of what is left. What
# is not settled after these are people torn apart and put together in circles: they get new ids.
MAX_ROUNDS = 50
PREFIX, DIGITS = "idr_", 26


def name_components(connection: duckdb.DuckDBPyConnection, moment: Moment) -> None:
    """Make `named`.

    An id goes to the component with most of its records; ties go to the older id, then to the smaller name.
    """
    connection.execute(
        "CREATE TABLE components AS SELECT c, min(n) AS first, count(*) AS records, bool_or(limited) AS limited "
        "FROM joined GROUP BY c"
    )
    connection.execute(
        "CREATE TABLE votes AS SELECT j.c, f.first, b.canonical_id AS id, b.born, count(*) AS votes "
        "FROM joined AS j JOIN before AS b USING (n) JOIN components AS f USING (c) GROUP BY ALL"
    )
    connection.execute("CREATE TABLE named (c INTEGER, canonical_id VARCHAR, born INTEGER)")
    for _ in range(MAX_ROUNDS):
        [[settled]] = connection.execute(_ROUND).fetchall()
        if not settled:
            break
    text = f"{quote_text(moment.seed)} || ' ' || CAST(length(r.t) AS VARCHAR) || ' ' || r.t || r.k"
    connection.execute(
        f"INSERT INTO named SELECT c, '{PREFIX}' || left(sha256({text}), {DIGITS}), {moment.generation} "
        "FROM components ANTI JOIN named USING (c) JOIN records AS r ON r.n = components.first"
    )


_ROUND = """
INSERT INTO named
SELECT c, id, born FROM (
  SELECT *, row_number() OVER (PARTITION BY id ORDER BY votes DESC, first) AS of_id,
    row_number() OVER (PARTITION BY c ORDER BY votes DESC, born, id) AS of_component
  FROM votes WHERE c NOT IN (SELECT c FROM named) AND id NOT IN (SELECT canonical_id FROM named)
) WHERE of_id = 1 AND of_component = 1
"""


def tell_history(connection: duckdb.DuckDBPyConnection, document: IdentityDocument, moment: Moment) -> None:
    """Make `happened`: which records went from one id to another, how, and by which rules.

    The rules of a merge are those of its new links: between different earlier people, or with records of none.
    """
    names = names_list([rule.name for rule in document.rules])
    connection.execute(
        f"CREATE TABLE happened AS WITH met AS (SELECT j.c, l.rule FROM links AS l JOIN joined AS j USING (n) "
        "LEFT JOIN before AS b USING (n) GROUP BY j.c, l.rule, l.h "
        "HAVING count(*) > 1 AND (count(b.canonical_id) < count(*) OR min(b.canonical_id) <> max(b.canonical_id))), "
        f"rules AS (SELECT c, list({names}[rule + 1] ORDER BY rule) AS rules FROM (SELECT DISTINCT c, rule FROM met) "
        "GROUP BY c) "
        f"SELECT {moment.generation} AS generation, "
        f"CAST({quote_text(moment.at.isoformat())} AS TIMESTAMP WITH TIME ZONE) AS at, "
        "CASE WHEN l.canonical_id IS NULL THEN 'merged' ELSE 'split' END AS kind, v.id AS from_id, "
        "n.canonical_id AS into_id, v.votes AS records, "
        "CASE WHEN l.canonical_id IS NULL THEN coalesce(r.rules, []) ELSE [] END AS rules "
        "FROM votes AS v JOIN named AS n USING (c) LEFT JOIN named AS l ON l.canonical_id = v.id "
        "LEFT JOIN rules AS r USING (c) WHERE v.id <> n.canonical_id"
    )


def names_list(names: Sequence[str]) -> str:
    """SQL of a list of texts; of none it has an empty one, so that it has a type."""
    return f"[{', '.join(quote_text(name) for name in names or [''])}]"
