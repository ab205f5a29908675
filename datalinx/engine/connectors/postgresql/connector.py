"""The connector of PostgreSQL: what it is called, its documents, and how a connection is tried."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import psycopg
from psycopg import sql
from pydantic import BaseModel, TypeAdapter, ValidationError

from datalinx.engine.connectors.base import Connection, Consignment, Delivered, Limits, StepName, TestStep
from datalinx.engine.connectors.postgresql.config import (
    RESERVED,
    PostgresqlConfig,
    PostgresqlCredentials,
    SchemaName,
    TableName,
)
from datalinx.engine.connectors.postgresql.failures import explain_statement
from datalinx.engine.connectors.postgresql.session import open_session, reach, read_config, transaction
from datalinx.errors import DatalinxError, FieldError
from datalinx.outbound import check_host

# How long a whole test may take, beside the time to connect.
TEST_SECONDS = 30.0
# Which step of a test a refused login belongs to, by its code.
_LOGIN_STEPS: dict[str, StepName] = {
    "TLS_FAILED": "network",
    "TIMED_OUT": "network",
    "CONNECTION_FAILED": "network",
    "DATABASE_NOT_FOUND": "access",
}


class PostgresqlConnector:
    """PostgreSQL 12 and later."""

    name: ClassVar[str] = "postgresql"
    title: ClassVar[str] = "PostgreSQL"
    description: ClassVar[str] = "A schema of a PostgreSQL database that tables are delivered to."
    config_model: ClassVar[type[BaseModel]] = PostgresqlConfig
    credentials_model: ClassVar[type[BaseModel]] = PostgresqlCredentials
    reads: ClassVar[bool] = False
    writes: ClassVar[bool] = True
    uploads: ClassVar[bool] = False
    addressed_by: ClassVar[frozenset[str]] = frozenset({"host", "port", "sslmode", "ca_certificate"})

    def check(self, connection: Connection) -> None:
        """Refuse an address that may never be reached; names are looked up at every connection."""
        check_host(read_config(connection).host, connection.allow, field="host")

    def check_target(self, *, schema: str | None, target: str) -> Iterator[FieldError]:
        """Yield what PostgreSQL, or the platform's own tables, forbid of the names."""
        for field, kind, name in (("schema", SchemaName, schema), ("as", TableName, target)):
            try:
                TypeAdapter(kind).validate_python(name) if name is not None else None
            except ValidationError as error:
                message = str(error.errors()[0]["msg"]).removeprefix("Value error, ")
                yield FieldError(field, "invalid_name", f"{message[0].upper()}{message[1:]}.")

    def deliver(
        self,
        connection: Connection,
        consignment: Consignment,
        *,
        limits: Limits,
        spill: Path,
        should_stop: Callable[[], bool],
    ) -> Delivered:
        """Make a table of the schema equal to the consignment."""
        # Arrow takes its time to load, and most processes never deliver.
        from datalinx.engine.connectors.postgresql.delivering import deliver

        return deliver(connection, consignment, limits=limits, spill=spill, should_stop=should_stop)

    def test(self, context: Connection) -> list[TestStep]:
        """Reach the server, log in, look at the schema, and make a table there that is never committed."""
        try:
            config, address = read_config(context), reach(context)
        except DatalinxError as error:
            return [TestStep("network", False, error.message)]
        steps = [TestStep("network", True, f"{config.host} takes connections at port {config.port}.")]
        ends_at = time.monotonic() + TEST_SECONDS
        try:
            with open_session(context, address=address, should_stop=lambda: time.monotonic() > ends_at) as it:
                steps.append(TestStep("authentication", True, _welcome(it)))
                steps += _try_schema(it, config)
        except DatalinxError as error:
            return _failed_login(steps, error)
        except psycopg.Error as error:
            return [
                *steps,
                TestStep("access", False, explain_statement(error, "Looking at the schema").message),
            ]
        return steps


def _failed_login(steps: list[TestStep], error: DatalinxError) -> list[TestStep]:
    name = _LOGIN_STEPS.get(error.code, "authentication")
    if name == "network":
        return [TestStep(name, False, error.message)]
    if name == "access":
        # The server looks for the database only after it knows who asks.
        steps = [*steps, TestStep("authentication", True, "The server knows the user.")]
    return [*steps, TestStep(name, False, error.message)]


def _welcome(session: psycopg.Connection[Any]) -> str:
    secure = "over TLS" if session.pgconn.ssl_in_use else "without TLS"
    version = session.info.server_version
    return f"Logged in {secure} to PostgreSQL {version // 10_000}.{version % 10_000}."


def _try_schema(session: psycopg.Connection[Any], config: PostgresqlConfig) -> Iterator[TestStep]:
    name = config.schema_name
    found = session.execute(
        "SELECT has_schema_privilege(oid, 'USAGE'), has_schema_privilege(oid, 'CREATE') "
        "FROM pg_catalog.pg_namespace WHERE nspname = %s",
        [name],
    ).fetchone()
    if found is None:
        message = f"The database has no schema {name!r}; make it, or name another one."
        yield TestStep("access", False, message)
        return
    if not all(found):
        message = f"The user may not make tables in {name!r}: GRANT USAGE, CREATE ON SCHEMA to it."
        yield TestStep("access", False, message)
        return
    yield TestStep("access", True, f"The user may make tables in the schema {name!r}.")
    try:
        with transaction(session, config, undo=True):
            trial = sql.Identifier(name, f"{RESERVED}trial")
            session.execute(sql.SQL("CREATE TABLE {} (number integer)").format(trial))
            session.execute(sql.SQL("INSERT INTO {} VALUES (1)").format(trial))
    except psycopg.Error as error:
        yield TestStep("tables", False, explain_statement(error, "Making a table").message)
        return
    yield TestStep("tables", True, "A table was made, written and taken back.")
