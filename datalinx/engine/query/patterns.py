"""Users' regular expressions: whether the engine that will run them can read them."""

from contextlib import closing

import duckdb

from datalinx.engine.query.trusted import shared_cursor


def pattern_fault(pattern: str) -> str | None:
    """What RE2 says against a pattern, as a sentence; None when it can be read.

    RE2 runs in linear time and bounds its own memory, so a pattern that it reads is no danger.
    """
    with closing(shared_cursor()) as cursor:
        try:
            cursor.execute("SELECT regexp_matches('', $pattern)", {"pattern": pattern}).fetchall()
        except duckdb.Error as error:
            said = str(error).splitlines()[0].partition(": ")[2] or str(error)
            return f"The pattern cannot be read: {said.rstrip('.')}."
    return None
