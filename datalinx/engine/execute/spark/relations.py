"""What the plan reads as relations of one statement of Spark's, each row of the first with its place."""

from collections.abc import Mapping

from sqlglot import exp

from datalinx.engine.compile.plan import CompiledMapping
from datalinx.engine.compile.spark import lower_query, spark_text
from datalinx.engine.execute.relations import Numbering
from datalinx.engine.execute.spark.cluster import Cluster
from datalinx.engine.execute.spark.extract import Extract
from datalinx.engine.execute.spark.text import Expressions, quoted
from datalinx.engine.execute.text import free_name

PLACE = quoted("=place")
_FIRST = quoted("=first")


def place_in_first(compiled: CompiledMapping) -> str:
    """The column of the first relation that numbers its rows, beside columns that may be called anything."""
    columns = compiled.input(compiled.first).columns
    return quoted(free_name("=place", (column.name for column in columns)))


def spark_relations(
    cluster: Cluster,
    compiled: CompiledMapping,
    extracts: Mapping[str, Extract],
    *,
    since: exp.Expression | None,
    numbering: Numbering,
) -> tuple[tuple[str, ...], str]:
    """Return the plan's relations as entries of a WITH clause, and what its FROM clause begins with.

    `since` is a condition on the first input, in DuckDB's terms.
    """
    first = compiled.input(compiled.first)
    place = place_in_first(compiled)
    entries: list[str] = []
    for number, read in enumerate(compiled.reads):
        _read(cluster, f"input{number}", extracts[read.relation])
        if read != first.read:
            columns = extracts[read.relation].columns
            entries.append(_entry(read.relation, f"SELECT {', '.join(columns)} FROM input{number}"))
    known: dict[str, Mapping[str, str]] = {}
    for entry in compiled.inputs:
        if entry.query is not None:
            entries.append(_entry(entry.alias, _lowered(entry.query, known)))
        known[entry.alias] = {column.name: column.type for column in entry.columns}
    entries += [_entry(join.alias, _lowered(join.query, known)) for join in compiled.joins if join.query]
    if first.read is not None:
        columns = extracts[first.read.relation].columns
        view = f"input{compiled.reads.index(first.read)}"
        source = f"SELECT {', '.join([*columns, f'row_index + 1 AS {place}'])} FROM {view}"
    else:
        placed = f", monotonically_increasing_id() AS {place}" if numbering == "column" else ""
        source = f"SELECT *{placed} FROM {quoted(first.alias)}"
    alias = quoted(compiled.first)
    if since is not None:
        source = f"SELECT * FROM ({source}) AS {alias} WHERE {Expressions(compiled, {}).over_inputs(since)}"
    return (*entries, f"{_FIRST} AS ({source})"), f"{_FIRST} AS {alias}"


def _read(cluster: Cluster, view: str, extract: Extract) -> None:
    frame = cluster.read([extract.path], extract.schema)
    cluster.ask(lambda: frame.selectExpr("*", "_metadata.row_index").createOrReplaceTempView(view))


def _lowered(query: exp.Query, known: Mapping[str, Mapping[str, str]]) -> str:
    return spark_text(lower_query(query, relations=known))


def _entry(name: str, sql: str) -> str:
    return f"{quoted(name)} AS ({sql})"
