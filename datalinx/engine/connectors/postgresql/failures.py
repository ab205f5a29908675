"""What PostgreSQL refuses, in sentences of our own.

Its texts are never passed on: they hold the role's name and rows' values, and a hostile server writes whatever it
likes. The SQLSTATE tells the case (https://www.postgresql.org/docs/current/errcodes-appendix.html); a refused
login has none in libpq, so there its English text is looked through for words, and nothing of it is shown.
"""

import re

import psycopg

from datalinx.engine.connectors.postgresql.config import PostgresqlConfig
from datalinx.errors import DatalinxError, Failed, Unavailable

_STATE = re.compile(r"[0-9A-Z]{5}")


def explain_login(error: psycopg.Error, config: PostgresqlConfig) -> DatalinxError:
    """Return why a connection that reached the server came to nothing."""
    text = str(error).lower()
    if isinstance(error, psycopg.errors.ConnectionTimeout):
        return Unavailable("TIMED_OUT", f"{config.host} did not answer in {config.connect_timeout} seconds.")
    if re.search(r"\bssl\b|\btls\b|certificate|server common name", text):
        message = (
            f"No secure connection to {config.host} with sslmode {config.sslmode}: the server offers none, or its "
            "certificate does not hold. Check the mode and the certificate of the authority."
        )
        return Unavailable("TLS_FAILED", message)
    if "database" in text and "does not exist" in text:
        message = f"The server has no database {config.database!r}; make it, or name another one."
        return Failed("DATABASE_NOT_FOUND", message)
    if re.search(r"too many|starting up|shutting down|remaining connection slots", text):
        message = f"{config.host} takes no more connections now; it is full, starting or stopping."
        return Unavailable("CONNECTION_FAILED", message)
    if re.search(r"closed the connection|could not connect|connection refused|reset by peer", text):
        message = (
            f"{config.host} broke the connection off; check that PostgreSQL listens at port {config.port}."
        )
        return Unavailable("CONNECTION_FAILED", message)
    message = (
        "The server refused the login: check the user, the password, and that its pg_hba.conf lets it in."
    )
    return Failed("LOGIN_REFUSED", message)


def explain_statement(error: psycopg.Error, doing: str) -> DatalinxError:
    """Return why a statement failed. `doing` says in words what was under way."""
    state = error.sqlstate or ""
    if isinstance(error, psycopg.OperationalError) and (not state or state[:2] in {"08", "57"}):
        if state == "57014":
            return Unavailable("TIMED_OUT", f"{doing} took longer than the destination's statement_timeout.")
        return Unavailable("CONNECTION_LOST", f"The connection was lost while {doing[0].lower()}{doing[1:]}.")
    if state in _KNOWN:
        kind, code, why = _KNOWN[state]
        return kind(code, f"{doing} failed: {why}")
    if state[:2] in {"22", "23"}:
        message = f"{doing} failed: PostgreSQL cannot hold a value, or a constraint of the table forbids it"
        return Failed("VALUE_REFUSED", f"{message} (SQLSTATE {state}).")
    if state[:2] == "53":
        return Unavailable("DESTINATION_FULL", f"{doing} failed: the server is out of disk, memory or slots.")
    shown = state if _STATE.fullmatch(state) else "unknown"
    return Failed("STATEMENT_REFUSED", f"{doing} failed: PostgreSQL refused it (SQLSTATE {shown}).")


_LOCKED = "somebody else holds the table; it is tried again."
_KNOWN: dict[str, tuple[type[Failed] | type[Unavailable], str, str]] = {
    "42501": (Failed, "ACCESS_REFUSED", "the user lacks a right; grant CREATE on the schema, or the table."),
    "25006": (Failed, "ACCESS_REFUSED", "the server is read-only; name the primary server."),
    "42701": (
        Failed,
        "STATEMENT_REFUSED",
        "a column has a name that PostgreSQL keeps, such as xmin; rename it.",
    ),
    "55P03": (Unavailable, "TARGET_LOCKED", _LOCKED),
    "40P01": (Unavailable, "TARGET_LOCKED", _LOCKED),
    "40001": (Unavailable, "TARGET_LOCKED", _LOCKED),
    "2BP01": (
        Failed,
        "TARGET_IN_USE",
        "a view or a constraint needs a column that has to go; drop it first.",
    ),
    "22021": (Failed, "VALUE_REFUSED", "a text has a character that the database's encoding lacks."),
    "22P05": (Failed, "VALUE_REFUSED", "a text or JSON has a character that the database's encoding lacks."),
    "22008": (Failed, "VALUE_REFUSED", "a date or time is beyond what PostgreSQL can hold."),
}
