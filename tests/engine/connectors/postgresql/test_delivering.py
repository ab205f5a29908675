"""A delivery makes the target equal to one version, exactly once, and leaves the old rows when it breaks."""

import threading
import time
from datetime import time as clock
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
import pytest

from datalinx.errors import Cancelled, DatalinxError, Failed, Invalid, Unavailable
from tests.warehouse import PASSWORD, Warehouse

from .conftest import Sender

pytestmark = pytest.mark.postgresql

TWO = "SELECT * FROM (VALUES (1, 'Ann'), (2, 'Bo')) AS t(id, name)"
OTHER = "SELECT * FROM (VALUES (2, 'Bo'), (3, 'Cy')) AS t(id, name)"
MERGE: dict[str, Any] = {"mode": "merge", "keys": ("id",)}


def failing(code: str, act: Any) -> DatalinxError:
    with pytest.raises(DatalinxError) as caught:
        act()
    assert caught.value.code == code, caught.value
    assert PASSWORD not in str(caught.value)
    return caught.value


def leftovers(sender: Sender) -> list[tuple[Any, ...]]:
    query = "SELECT tablename FROM pg_tables WHERE schemaname = 'mart' AND tablename LIKE '%staging%'"
    return sender.warehouse.sql(query)


@pytest.mark.parametrize("mode", ["replace", "merge"])
def test_deliver__version_after_version__target_equals_the_last(sender: Sender, mode: str) -> None:
    given = MERGE if mode == "merge" else {}
    assert sender.send(TWO, 1, **given).outcome == "delivered"
    assert sender.rows() == [(1, "Ann"), (2, "Bo")]
    done = sender.send("SELECT * FROM (VALUES (2, 'Bea'), (3, NULL)) AS t(id, name)", 2, **given)
    assert (done.outcome, done.snapshot, done.rows) == ("delivered", 2, 2)
    assert sender.rows() == [(2, "Bea"), (3, None)]
    assert sender.send(f"{TWO} WHERE false", 3, **given).rows == 0
    assert sender.rows() == []
    assert leftovers(sender) == []


def test_deliver__the_same_version_again__changes_nothing(sender: Sender) -> None:
    sender.send(TWO, 1)
    before = sender.rows("id, xmin::text, ctid::text")
    done = sender.send(TWO, 1)
    assert (done.outcome, done.snapshot, done.rows) == ("unchanged", 1, 2)
    assert sender.rows("id, xmin::text, ctid::text") == before


def test_deliver__older_version__never_goes_over_a_newer_one(sender: Sender) -> None:
    sender.send(OTHER, 7)
    done = sender.send(TWO, 6)
    assert (done.outcome, done.snapshot) == ("superseded", 7)
    assert sender.rows("id") == [(2,), (3,)]


def test_deliver__target_that_was_dropped__is_made_again(sender: Sender) -> None:
    sender.send(TWO, 1)
    sender.warehouse.sql("DROP TABLE mart.customers")
    assert sender.send(TWO, 1).outcome == "delivered"
    assert len(sender.rows()) == 2


def test_merge__rows_that_are_equal__stay_untouched(sender: Sender) -> None:
    sender.send(TWO, 1, **MERGE)
    before = dict(sender.rows("id, xmin::text"))
    sender.send(OTHER, 2, **MERGE)
    after = dict(sender.rows("id, xmin::text"))
    assert after[2] == before[2]
    assert sorted(after) == [2, 3]


def test_merge__keys_that_repeat_or_are_missing__is_refused(sender: Sender) -> None:
    sender.send(TWO, 1, **MERGE)
    for rows in ("(1, 'a'), (1, 'b')", "(2, 'a'), (NULL, 'b')"):
        select = f"SELECT * FROM (VALUES {rows}) AS t(id, name)"
        assert (
            "id" in failing("KEY_NOT_UNIQUE", lambda select=select: sender.send(select, 2, **MERGE)).message
        )
    assert sender.rows("id") == [(1,), (2,)]


def test_merge__by_several_keys_alone__equals_the_version(sender: Sender) -> None:
    both: dict[str, Any] = {"mode": "merge", "keys": ("id", "name")}
    sender.send(TWO, 1, **both)
    sender.send(OTHER, 2, **both)
    assert sender.rows() == [(2, "Bo"), (3, "Cy")]


def test_deliver__every_type__round_trips(sender: Sender) -> None:
    select = """SELECT * FROM (VALUES
        (1, true, 2147483647::INTEGER, 9223372036854775807::BIGINT, 0.1::FLOAT, 1e300::DOUBLE,
         12345678901234567890123456789.123456789::DECIMAL(38, 9), DATE '2024-02-29', TIME '23:59:59.999999',
         TIMESTAMP '2024-01-01 12:00:00.123456', TIMESTAMPTZ '2024-01-01 12:00:00.123456+02',
         'ä"\\n\\.,''x', uuid '6f9619ff-8b86-d011-b42d-00cf4fc964ff', '\\x00\\xFF'::BLOB, '{"a": [1, null]}'),
        (2, false, (-2147483648)::INTEGER, (-9223372036854775808)::BIGINT, 'NaN'::FLOAT, '-Infinity'::DOUBLE,
         -0.000000001::DECIMAL(38, 9), DATE '0044-03-15 (BC)', TIME '00:00:00', TIMESTAMP '0044-03-15 (BC) 01:00:00',
         TIMESTAMPTZ '0044-03-15 (BC) 01:00:00+00', '', uuid '00000000-0000-0000-0000-000000000000', ''::BLOB, 'null'),
        (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)
    ) AS t(n, b, i, l, f, d, m, day, hour, ts, tz, t, u, raw, j)"""
    sender.send(select, 1, json=frozenset({"j"}))
    names = "n, b, i, l, f, d, m, hour, t, u, raw, j"
    rows = sender.rows(names)
    assert rows[0] == (
        *(1, True, 2**31 - 1, 2**63 - 1, pytest.approx(0.1), 1e300),
        Decimal("12345678901234567890123456789.123456789"),
        clock(23, 59, 59, 999999),
        "ä\"\\n\\.,'x",
        UUID("6f9619ff-8b86-d011-b42d-00cf4fc964ff"),
        b"\x00\xff",
        {"a": [1, None]},
    )
    assert str(rows[1][4]) == "nan"
    assert (rows[1][1], rows[1][5], rows[1][8], rows[1][10]) == (False, float("-inf"), "", b"")
    assert rows[2] == (3, *[None] * 11)
    dates = sender.warehouse.sql("SELECT day, ts, tz AT TIME ZONE 'UTC' FROM mart.customers WHERE n = 1")
    assert [str(value) for value in dates[0]] == [
        "2024-02-29",
        "2024-01-01 12:00:00.123456",
        "2024-01-01 10:00:00.123456",
    ]
    old = sender.rows("n, day::text, ts::text, (tz AT TIME ZONE 'UTC')::text")[1]
    assert old == (2, "0044-03-15 BC", "0044-03-15 01:00:00 BC", "0044-03-15 01:00:00 BC")
    types = dict(
        sender.warehouse.sql(
            "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute "
            "WHERE attrelid = 'mart.customers'::regclass AND attnum > 0"
        )
    )
    assert types == {
        "n": "integer",
        "b": "boolean",
        "i": "integer",
        "l": "bigint",
        "f": "real",
        "d": "double precision",
        "m": "numeric(38,9)",
        "day": "date",
        "hour": "time without time zone",
        "ts": "timestamp without time zone",
        "tz": "timestamp with time zone",
        "t": "text",
        "u": "uuid",
        "raw": "bytea",
        "j": "jsonb",
    }
    again = sender.send(select, 2, json=frozenset({"j"}), mode="merge", keys=("n",))
    assert again.rows == 3


def test_deliver__one_column_with_nulls_and_empty_texts__keeps_them_apart(sender: Sender) -> None:
    sender.send("SELECT * FROM (VALUES (''), (NULL), ('\\.'), ('NULL'), (E'a\\n\\\\.\\nb')) AS t(v)", 1)
    assert sorted(sender.rows(), key=str) == sorted(
        [("",), (None,), ("\\.",), ("NULL",), ("a\n\\.\nb",)], key=str
    )


def test_deliver__text_with_a_nul__is_refused_and_named(sender: Sender) -> None:
    sender.send(TWO, 1)
    bad = "SELECT 1 AS id, 'secret' || chr(0) || 'text' AS name"
    error = failing("VALUE_REFUSED", lambda: sender.send(bad, 2))
    assert "`name`" in error.message
    assert "secret" not in error.message
    assert sender.rows("id") == [(1,), (2,)]


def test_deliver__date_beyond_what_postgresql_holds__is_refused_without_the_value(sender: Sender) -> None:
    error = failing("VALUE_REFUSED", lambda: sender.send("SELECT TIMESTAMP '5000-01-01 (BC)' AS ts", 1))
    assert "5000" not in error.message


@pytest.mark.parametrize("name", ["Select", 'a"b; DROP TABLE x; --', "tab.le", "größe ✓", "%s", "{}"])
def test_deliver__hostile_names__are_only_names(sender: Sender, name: str) -> None:
    sender.warehouse.sql("CREATE TABLE mart.x ()")
    quoted = name.replace('"', '""')
    for snapshot, mode in ((1, "replace"), (2, "merge"), (3, "replace")):
        select = f'SELECT {snapshot} AS "{quoted}", 1 AS "user"'
        sender.send(select, snapshot, target=name, mode=mode, keys=(name,))
        assert sender.rows(table=quoted) == [(snapshot, 1)]
    assert sender.warehouse.sql("SELECT count(*) FROM mart.x") == [(0,)]


def test_deliver__column_of_a_name_that_postgresql_keeps__is_told(sender: Sender) -> None:
    assert "xmin" in failing("STATEMENT_REFUSED", lambda: sender.send("SELECT 1 AS xmin", 1)).message


def test_deliver__columns_that_come_go_and_change__follow_and_rights_and_others_stay(sender: Sender) -> None:
    sender.send("SELECT 1 AS id, 'a' AS gone, 5 AS kind", 1, **MERGE)
    sender.warehouse.sql(
        "GRANT SELECT ON mart.customers TO PUBLIC; ALTER TABLE mart.customers ADD COLUMN note text DEFAULT 'mine';"
        "CREATE VIEW mart.seen AS SELECT id FROM mart.customers"
    )
    sender.send("SELECT 1 AS id, 'b' AS new, 'five' AS kind", 2, **MERGE)
    assert sender.rows("id, new, kind, note") == [(1, "b", "five", "mine")]
    assert sender.warehouse.sql("SELECT id FROM mart.seen") == [(1,)]
    granted = sender.warehouse.sql(
        "SELECT 1 FROM information_schema.role_table_grants WHERE table_name = 'customers' AND grantee = 'PUBLIC'"
    )
    assert granted == [(1,)]
    with pytest.raises(psycopg.errors.UndefinedColumn):
        sender.rows("gone")


def test_deliver__column_that_a_view_needs__cannot_go(sender: Sender) -> None:
    sender.send(TWO, 1)
    sender.warehouse.sql("CREATE VIEW mart.seen AS SELECT name FROM mart.customers")
    failing("TARGET_IN_USE", lambda: sender.send("SELECT 1 AS id", 2))
    assert sender.rows() == [(1, "Ann"), (2, "Bo")]


def test_deliver__table_of_somebody_else__keeps_its_rows(sender: Sender) -> None:
    role = sender.warehouse.role
    sender.warehouse.sql(
        f'CREATE TABLE mart.customers (id integer, name varchar(3)); ALTER TABLE mart.customers OWNER TO "{role}";'
        "INSERT INTO mart.customers VALUES (9, 'own'); CREATE VIEW mart.look AS SELECT 1 AS id"
    )
    failing("TARGET_TAKEN", lambda: sender.send(TWO, 1))
    failing("TARGET_TAKEN", lambda: sender.send(TWO, 1, target="look"))
    assert sender.rows() == [(9, "own")]
    sender.warehouse.sql("DELETE FROM mart.customers")
    assert sender.send(TWO, 1).outcome == "delivered"
    failing("TARGET_TAKEN", lambda: sender.send(TWO, 2, origin="tbl_2"))
    # The column is as its maker wanted it, and what does not fit is refused, not cut.
    failing("VALUE_REFUSED", lambda: sender.send("SELECT 1 AS id, 'Long' AS name", 2))
    assert sender.rows() == [(1, "Ann"), (2, "Bo")]


def test_deliver__table_that_foreign_keys_lead_to__is_merged_not_replaced(sender: Sender) -> None:
    sender.send(TWO, 1, **MERGE)
    sender.warehouse.sql(
        "CREATE TABLE mart.orders (customer integer REFERENCES mart.customers ON DELETE CASCADE);"
        "INSERT INTO mart.orders VALUES (1), (2)"
    )
    failing("TARGET_IN_USE", lambda: sender.send(OTHER, 2))
    sender.send(OTHER, 2, **MERGE)
    assert sender.rows("id") == [(2,), (3,)]
    assert sender.rows(table="orders") == [(2,)]


def test_deliver__trigger_that_swallows_rows__is_noticed(sender: Sender) -> None:
    sender.send(TWO, 1)
    sender.warehouse.sql(
        "CREATE FUNCTION mart.no() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
        "CREATE TRIGGER no BEFORE INSERT ON mart.customers FOR EACH ROW EXECUTE FUNCTION mart.no()"
    )
    failing("DELIVERY_INCOMPLETE", lambda: sender.send(OTHER, 2))
    assert sender.rows("id") == [(1,), (2,)]


def test_deliver__schema_or_rights_missing__says_so(sender: Sender) -> None:
    failing("ACCESS_REFUSED", lambda: sender.send(TWO, 1, schema="nowhere"))
    sender.warehouse.sql(f'REVOKE CREATE ON SCHEMA mart FROM "{sender.warehouse.role}"')
    failing("ACCESS_REFUSED", lambda: sender.send(TWO, 1))


def test_deliver__address_that_may_not_be_reached__is_refused(sender: Sender) -> None:
    connection = sender.warehouse.connection()
    with pytest.raises(Invalid) as caught:
        sender.send(TWO, 1, connection=type(connection)(connection.config, connection.credentials))
    assert caught.value.code == "ADDRESS_NOT_ALLOWED"


def test_deliver__several_files_of_many_rows__brings_all(sender: Sender) -> None:
    table = sender.table("SELECT range::INTEGER AS id, 'x' || range AS name FROM range(50_000)", files=3)
    assert sender.send(table, 1).rows == 50_000
    assert sender.rows("count(*), count(DISTINCT id), sum(id)") == [(50_000, 50_000, 1_249_975_000)]


def break_off(warehouse: Warehouse, *, when: str, act: str = "pg_terminate_backend") -> threading.Thread:
    """End the delivery's session once its statement looks like `when`."""

    def watch() -> None:
        ends_at = time.monotonic() + 20
        while time.monotonic() < ends_at:
            query = (
                f"SELECT {act}(pid) FROM pg_stat_activity WHERE application_name = 'datalinx' "
                "AND datname = current_database() AND query LIKE %s AND pid <> pg_backend_pid()"
            )
            if warehouse.sql(query, when):
                return
            time.sleep(0.005)

    thread = threading.Thread(target=watch)
    thread.start()
    return thread


@pytest.mark.parametrize("mode", ["replace", "merge"])
@pytest.mark.parametrize("when", ["COPY%", "%mart%.%customers%"])
def test_deliver__server_ends_the_session_in_the_middle__leaves_the_old_rows(
    sender: Sender, mode: str, when: str
) -> None:
    given = MERGE if mode == "merge" else {}
    sender.send(TWO, 1, **given)
    table = sender.table("SELECT range::INTEGER AS id, repeat('x', 200) AS name FROM range(120_000)")
    killer = break_off(sender.warehouse, when=when)
    with pytest.raises(Unavailable) as caught:
        sender.send(table, 2, **given)
    killer.join()
    assert caught.value.code == "CONNECTION_LOST"
    assert sender.rows() == [(1, "Ann"), (2, "Bo")]
    assert leftovers(sender) == []
    assert sender.send(table, 2, **given).outcome == "delivered"
    assert sender.rows("count(*)") == [(120_000,)]


def test_deliver__readers_meanwhile__see_all_of_one_version(sender: Sender) -> None:
    sender.send("SELECT range::INTEGER AS id, 1 AS version FROM range(20_000)", 1)
    seen, done = set(), threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.update(
                sender.warehouse.sql("SELECT count(*), min(version), max(version) FROM mart.customers")
            )

    reader = threading.Thread(target=read)
    reader.start()
    for snapshot in range(2, 6):
        sender.send(f"SELECT range::INTEGER AS id, {snapshot} AS version FROM range(20_000)", snapshot)
    done.set()
    reader.join()
    assert all(count == 20_000 and low == high for count, low, high in seen)


def test_deliver__asked_to_stop__ends_soon_and_leaves_the_old_rows(sender: Sender) -> None:
    sender.send(TWO, 1)
    table = sender.table("SELECT range::INTEGER AS id, repeat('x', 200) AS name FROM range(120_000)")
    with pytest.raises(Cancelled):
        sender.send(table, 2, should_stop=lambda: True)
    # Somebody holds the table: the delivery waits within a statement, and is stopped there.
    stop = threading.Event()
    with psycopg.connect(sender.warehouse.url, dbname=sender.warehouse.database) as holder:
        holder.execute("LOCK TABLE mart.customers")
        threading.Timer(1.5, stop.set).start()
        started = time.monotonic()
        with pytest.raises(Cancelled):
            sender.send(OTHER, 2, should_stop=stop.is_set)
    assert time.monotonic() - started < 8
    assert sender.rows("id") == [(1,), (2,)]


def test_deliver__several_at_once__end_with_the_newest(sender: Sender) -> None:
    """First deliveries too: the control table is made once, whoever comes first."""
    outcomes: list[str] = []

    def send(snapshot: int) -> None:
        outcomes.append(sender.send(tables[snapshot], snapshot).outcome)

    tables = {number: sender.table(f"SELECT {number} AS id") for number in range(1, 6)}
    threads = [threading.Thread(target=send, args=[number]) for number in tables]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sender.rows() == [(5,)]
    assert len(outcomes) == 5
    assert set(outcomes) <= {"delivered", "superseded"}


def test_deliver__statement_over_its_time__is_told(sender: Sender) -> None:
    sender.send(TWO, 1)
    with psycopg.connect(sender.warehouse.url, dbname=sender.warehouse.database) as holder:
        holder.execute("LOCK TABLE mart.customers")
        connection = sender.warehouse.connection(statement_timeout=1)
        failing("TIMED_OUT", lambda: sender.send(OTHER, 2, connection=connection))


def test_deliver__a_failure__is_told_without_its_cause(sender: Sender) -> None:
    """The cause would carry values and the role's name into a log."""
    sender.warehouse.sql(f'REVOKE CREATE ON SCHEMA mart FROM "{sender.warehouse.role}"')
    with pytest.raises(Failed) as caught:
        sender.send(TWO, 1)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert sender.warehouse.role not in str(caught.value)
