"""A user's read-only SQL: the door that the API, saved queries and insights go through.

What holds it, from the outside in: a process of its own per query, killed with its group when the time is
over; kernel limits on memory, CPU, file size and, on Linux with Landlock, on which files open at all; an
empty environment; DuckDB with external access off, exactly the planned files allowed, no spill, its
configuration locked; and two parsers that must agree that the text is one harmless SELECT.
"""

import signal
from collections.abc import Mapping
from functools import cache
from typing import Any, Literal

import orjson

from datalinx.engine.query.client import TIME_SIGNALS, QueryServer, Reply
from datalinx.engine.query.failure import answer_too_large, timed_out, too_large
from datalinx.engine.query.parameters import parameters_to_json
from datalinx.engine.query.tables import QueryResult, TableFiles
from datalinx.engine.query.wire import Job, head_to_refusal, unpack_answer
from datalinx.errors import Failed, Unavailable

Answer = Literal["rows", "csv", "arrow"]

ANSWER_BYTES = 64 * 1024**2
# Below this DuckDB itself does not get far.
MIN_MEMORY_BYTES = 64 * 1024**2


@cache
def default_server() -> QueryServer:
    """The warm server of this process, started by the first query."""
    return QueryServer()


def run_query(
    sql: str,
    *,
    tables: Mapping[str, TableFiles],
    parameters: Mapping[str, Any] | None = None,
    limit: int,
    seconds: float,
    memory_bytes: int,
    threads: int = 2,
    answer: Answer = "rows",
    answer_bytes: int = ANSWER_BYTES,
    server: QueryServer | None = None,
) -> QueryResult:
    """Run one SELECT over `tables` and return at most `limit` rows.

    `parameters` are bound by name (`$since`), see `bind_parameters`. `seconds` is wall time, `memory_bytes`
    what the query may use above its empty process. Values look as in `values.py`.

    Raise `Invalid` with `SQL_NOT_ALLOWED`, `SQL_INVALID`, `UNKNOWN_TABLE`, `INVALID_PARAMETERS`,
    `QUERY_TIMEOUT` or `QUERY_TOO_LARGE`; `details` carry `line` and `column` where they are known.
    `Unavailable` when the engine does not start or a table's files are gone; `Failed` `QUERY_CRASHED` when
    DuckDB ended by a fault of its own.
    """
    job = Job(
        sql=sql,
        tables=dict(tables),
        parameters=parameters_to_json(parameters or {}),
        limit=limit,
        seconds=seconds,
        memory_bytes=max(memory_bytes, MIN_MEMORY_BYTES),
        threads=threads,
        answer=answer,
        answer_bytes=answer_bytes,
    )
    head, body = _ask(job, server or default_server())
    rows = orjson.loads(body) if answer == "rows" else []
    return QueryResult(rows=rows, body=b"" if answer == "rows" else body, **head)


def check_query(
    sql: str,
    *,
    tables: Mapping[str, TableFiles],
    parameters: Mapping[str, Any] | None = None,
    seconds: float = 10.0,
    memory_bytes: int = 256 * 1024**2,
    server: QueryServer | None = None,
) -> list[dict[str, str]]:
    """Say what a query would answer, without running it: its columns. Raise as `run_query` does.

    For documents that hold SQL (saved queries, tests): what can be known is known when they are saved.
    """
    job = Job(
        sql=sql,
        tables=dict(tables),
        parameters=parameters_to_json(parameters or {}),
        limit=0,
        seconds=seconds,
        memory_bytes=max(memory_bytes, MIN_MEMORY_BYTES),
        threads=1,
        answer="check",
        answer_bytes=ANSWER_BYTES,
    )
    head, _ = _ask(job, server or default_server())
    columns: list[dict[str, str]] = head["columns"]
    return columns


def _ask(job: Job, server: QueryServer) -> tuple[dict[str, Any], bytes]:
    reply = server.ask(job.to_bytes(), seconds=job.seconds, max_bytes=2 * job.answer_bytes + 1024**2)
    if reply.answer is None:
        raise _ending(reply, job)
    head, body = unpack_answer(reply.answer)
    if "error" in head:
        raise head_to_refusal(head["error"])
    if "missing" in head:
        raise Unavailable(
            "TABLE_FILES_MISSING",
            f"Files of {', '.join(head['missing'])} are gone: the table has changed meanwhile. Ask again.",
        )
    return head, body


def _ending(reply: Reply, job: Job) -> Exception:
    """The error of a process that gave no whole answer."""
    if reply.timed_out or reply.ended_by in TIME_SIGNALS:
        return timed_out(job.seconds)
    if reply.too_long:
        return answer_too_large(job.answer_bytes)
    if reply.ended_by in (signal.SIGABRT, signal.SIGKILL, signal.SIGSEGV, signal.SIGBUS):
        # An allocation that fails where C++ cannot report it ends in abort; so does a stack that is full;
        # and the system's out-of-memory killer sends SIGKILL.
        return too_large(job.memory_bytes)
    if reply.ended_by is None:
        return Unavailable("QUERY_ENGINE_UNAVAILABLE", "The query engine was stopped meanwhile. Ask again.")
    return Failed("QUERY_CRASHED", "The query engine failed on this query. Simplify it, or report it.")
