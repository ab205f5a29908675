"""A delivery: one version of a stored table brought into a PostgreSQL table, all of it or nothing, in one transaction.

The rows are copied into a staging table of the same schema; then, in the same transaction, they take the place of the
target's rows, the control table says which version that was, and the staging table goes. Whatever breaks before the
commit leaves the old rows; whoever comes again after it finds the version there.
"""

import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from datalinx.engine.connectors.base import Connection, Consignment, Delivered, Limits
from datalinx.engine.connectors.postgresql import control, placing
from datalinx.engine.connectors.postgresql.config import RESERVED
from datalinx.engine.connectors.postgresql.copying import copy_rows
from datalinx.engine.connectors.postgresql.failures import explain_statement
from datalinx.engine.connectors.postgresql.session import open_session, read_config, transaction
from datalinx.engine.connectors.postgresql.types import postgresql_type
from datalinx.errors import Cancelled, DatalinxError, Failed, Unavailable

# How long a delivery waits for somebody who writes to the target.
LOCK_TIMEOUT = "60s"
# The server looks after its side too: a worker that died must not hold the target for hours.
_SERVER_LIMITS = {"tcp_keepalives_idle": "30", "tcp_keepalives_interval": "10", "tcp_keepalives_count": "3"}


def deliver(
    connection: Connection,
    consignment: Consignment,
    *,
    limits: Limits,
    spill: Path,
    should_stop: Callable[[], bool],
) -> Delivered:
    """Make the target equal to the consignment. Raises what the package's other modules raise, and `Cancelled`."""
    config = read_config(connection)
    work = _Delivery(consignment, consignment.schema or config.schema_name, limits, spill, should_stop)
    try:
        with open_session(connection, should_stop=should_stop) as session:
            with transaction(session, config):
                work.find_schema(session)
                control.make_control(session, work.schema)
            with transaction(session, config):
                return work.run(session)
    except psycopg.Error as error:
        if should_stop():
            raise Cancelled("RUN_CANCELLED", "The run was asked to stop.") from None
        # Not chained: the text of the cause holds values of rows, and would stand in a log.
        raise work.named(explain_statement(error, work.doing)) from None


class _Delivery:
    """One delivery within its transaction."""

    def __init__(
        self,
        consignment: Consignment,
        schema: str,
        limits: Limits,
        spill: Path,
        should_stop: Callable[[], bool],
    ) -> None:
        self.consignment, self.schema = consignment, schema
        self.limits, self.spill, self.should_stop = limits, spill, should_stop
        self.target = sql.Identifier(schema, consignment.target)
        self.doing = "Preparing the delivery"
        self.wanted = {
            name: postgresql_type(kind, is_json=name in consignment.json)
            for name, kind in consignment.table.columns
        }

    def named(self, error: DatalinxError) -> DatalinxError:
        """Return the error with the target's name before its sentence."""
        return type(error)(error.code, f"{self.schema}.{self.consignment.target}: {error.message}")

    def find_schema(self, session: psycopg.Connection[Any]) -> None:
        """Raise `Failed` `ACCESS_REFUSED` where there is no such schema."""
        query = "SELECT FROM pg_catalog.pg_namespace WHERE nspname = %s"
        if session.execute(query, [self.schema]).fetchone() is None:
            message = f"The database has no schema {self.schema!r}; make it, or name another one."
            raise Failed("ACCESS_REFUSED", message)

    def run(self, session: psycopg.Connection[Any]) -> Delivered:
        sent = self.consignment
        self._protect(session)
        control.lock_target(session, self.schema, sent.target)
        held = control.read_held(session, self.schema, sent.target)
        found = control.find_relation(session, self.schema, sent.target)
        if found is not None and (there := self._already_there(held, found[0])):
            return there
        self._refuse_foreign(session, held, found)
        rows = self._create(session) if found is None else self._place(session, found[0], held)
        relation = control.find_relation(session, self.schema, sent.target)
        if relation is None:
            message = "Somebody dropped the table meanwhile; it is tried again."
            raise self.named(Unavailable("TARGET_LOCKED", message))
        holds = control.Held(relation[0], sent.origin, sent.snapshot, rows, self.wanted)
        control.write_held(session, self.schema, sent.target, holds, sent.run_id)
        self.doing = "Committing the delivery"
        return Delivered("delivered", sent.snapshot, rows)

    def _protect(self, session: psycopg.Connection[Any]) -> None:
        """Let the server notice soon that this worker is gone, also within a long statement where it can."""
        for name, value in _SERVER_LIMITS.items():
            session.execute("SELECT pg_catalog.set_config(%s, %s, true)", [name, value])
        # Not every version and platform of a server knows this one.
        with suppress(psycopg.Error), session.transaction():
            session.execute("SELECT pg_catalog.set_config('client_connection_check_interval', '5s', true)")

    def _already_there(self, held: control.Held | None, relation: int) -> Delivered | None:
        """Return how it ends when the target holds this version or a newer one of the same table."""
        sent = self.consignment
        if held is None or held.relation != relation or held.origin != sent.origin:
            return None
        if held.snapshot < sent.snapshot:
            return None
        outcome = "unchanged" if held.snapshot == sent.snapshot else "superseded"
        return Delivered(outcome, held.snapshot, held.rows)  # type: ignore[arg-type]  # one of the two

    def _refuse_foreign(
        self, session: psycopg.Connection[Any], held: control.Held | None, found: tuple[int, str] | None
    ) -> None:
        """Raise `Failed` for a target that is somebody else's: its rows would be lost."""
        if found is None:
            return
        if found[1] not in {"r", "p"}:
            raise self.named(Failed("TARGET_TAKEN", "This is no table; deliver under another name."))
        if held is not None and held.origin != self.consignment.origin:
            message = f"The stored table {held.origin} is delivered here already; deliver under another name."
            raise self.named(Failed("TARGET_TAKEN", message))
        if held is None and placing.has_rows(session, self.target):
            message = "The table holds rows that no delivery wrote: empty it, or deliver under another name."
            raise self.named(Failed("TARGET_TAKEN", message))

    def _create(self, session: psycopg.Connection[Any]) -> int:
        """Make the target with its rows; nobody sees it before the commit."""
        self.doing = "Making the table"
        placing.make_table(session, self.target, self.wanted)
        rows = self._copy(session, self.target)
        if self.consignment.mode == "merge":
            self._add_key(session, self.target)
        return rows

    def _place(self, session: psycopg.Connection[Any], relation: int, held: control.Held | None) -> int:
        """Bring the rows into a target that is there."""
        before = held.columns if held is not None else {}
        plan = placing.plan_columns(session, relation, wanted=self.wanted, before=before)
        staging = sql.Identifier(self.schema, f"{RESERVED}staging_{secrets.token_hex(8)}")
        # Of the target's own types, so that what does not fit fails here, before anybody has to wait.
        placing.make_table(session, staging, plan.types, unlogged=True)
        rows = self._copy(session, staging)
        self.doing = "Changing the table"
        session.execute("SELECT pg_catalog.set_config('lock_timeout', %s, true)", [LOCK_TIMEOUT])
        session.execute(sql.SQL("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE").format(self.target))
        if plan != placing.plan_columns(session, relation, wanted=self.wanted, before=before):
            message = "Somebody changed the table's columns meanwhile; it is tried again."
            raise self.named(Unavailable("TARGET_LOCKED", message))
        placing.align_columns(session, self.target, plan)
        if self.consignment.mode == "merge":
            self._add_key(session, staging)
            placing.merge_rows(session, self.target, staging, plan.types, self.consignment.keys)
        else:
            self._replace(session, staging, relation)
        session.execute(sql.SQL("DROP TABLE {}").format(staging))
        self._compare(placing.count_rows(session, self.target), rows)
        return rows

    def _replace(self, session: psycopg.Connection[Any], staging: sql.Identifier, relation: int) -> None:
        if placing.is_referred_to(session, relation):
            message = "Other tables refer to this one by foreign keys: deliver with the mode `merge`."
            raise self.named(Failed("TARGET_IN_USE", message))
        placing.replace_rows(session, self.target, staging, tuple(self.wanted))

    def _copy(self, session: psycopg.Connection[Any], into: sql.Identifier) -> int:
        self.doing = "Copying the rows"
        try:
            return copy_rows(
                session,
                into,
                self.consignment.table,
                limits=self.limits,
                spill=self.spill,
                should_stop=self.should_stop,
            )
        except Failed as error:
            raise self.named(error) from None

    def _add_key(self, session: psycopg.Connection[Any], table: sql.Identifier) -> None:
        self.doing = "Telling the rows apart"
        keys = self.consignment.keys
        try:
            placing.add_primary_key(session, table, keys)
        except (psycopg.errors.UniqueViolation, psycopg.errors.NotNullViolation):
            listed = ", ".join(keys)
            message = f"Rows cannot be merged by {listed}: two have the same values there, or one has none."
            raise self.named(Failed("KEY_NOT_UNIQUE", message)) from None
        self.doing = "Merging the rows"

    def _compare(self, found: int, sent: int) -> None:
        if found != sent:
            message = (
                f"It would hold {found:,} rows after the delivery instead of {sent:,}: a trigger, a rule or a policy "
                "interferes. Nothing was changed."
            )
            raise self.named(Failed("DELIVERY_INCOMPLETE", message))
