"""What a PostgreSQL destination can be told, and what it refuses when it is saved."""

from typing import Any

import pytest

from datalinx.engine.connectors import get_reader, get_writer, list_connectors
from datalinx.engine.connectors.base import Connection
from datalinx.engine.connectors.postgresql.config import PostgresqlConfig, PostgresqlCredentials
from datalinx.engine.spec.base import parse_document
from datalinx.errors import Invalid

GOOD = {"host": "db.example", "database": "sales"}


def test_config__the_least__has_its_defaults() -> None:
    found = parse_document(PostgresqlConfig, GOOD)
    assert (found.port, found.schema_name, found.sslmode) == (5432, "public", "prefer")
    assert (found.connect_timeout, found.statement_timeout) == (10, 3_600)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"port": 0}, "port"),
        ({"port": "5432"}, "port"),
        ({"schema": "pg_catalog"}, "schema"),
        ({"schema": "information_schema"}, "schema"),
        ({"schema": "ä" * 32}, "schema"),
        ({"database": "a\x00b"}, "database"),
        ({"sslmode": "allow"}, "sslmode"),
        ({"sslmode": "verify-ca"}, "ca_certificate"),
        ({"ca_certificate": "/etc/ssl/private/key.pem"}, "ca_certificate"),
        ({"connect_timeout": 0}, "connect_timeout"),
        ({"statement_timeout": 86_401}, "statement_timeout"),
        ({"password": "x"}, "password"),
        ({"options": "-c role=postgres"}, "options"),
    ],
)
def test_config__with_a_fault__names_its_field(change: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse_document(PostgresqlConfig, {**GOOD, **change})
    assert [fault.field for fault in caught.value.errors] == [field]


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "10.0.0.1", "localhost", "::1", "[::1]", "0x7f000001", "127.1"]
)
def test_check__of_a_forbidden_address__is_refused_unless_it_is_allowed(host: str) -> None:
    writer = get_writer("postgresql")
    with pytest.raises(Invalid) as caught:
        writer.check(Connection({**GOOD, "host": host}))
    assert caught.value.code == "ADDRESS_NOT_ALLOWED"
    writer.check(Connection({**GOOD, "host": host}, allow=("127.0.0.0/8", "10.0.0.0/8", "::1/128")))


@pytest.mark.parametrize(
    "host", ["/var/run/postgresql", "a,b", "a b", "host=evil", "@abstract", "user@host", "h:5432", "-x"]
)
def test_check__of_what_is_no_host__is_refused(host: str) -> None:
    with pytest.raises(Invalid) as caught:
        get_writer("postgresql").check(Connection({**GOOD, "host": host}))
    assert caught.value.code == "INVALID_HOST"


def test_connectors__each__says_what_it_can_do() -> None:
    able = {each.name: (each.reads, each.writes) for each in list_connectors()}
    assert able == {"file": (True, False), "postgresql": (False, True)}
    with pytest.raises(Invalid) as caught:
        get_reader("postgresql")
    assert caught.value.code == "CONNECTOR_CANNOT_READ"
    with pytest.raises(Invalid) as caught:
        get_writer("file")
    assert caught.value.code == "CONNECTOR_CANNOT_WRITE"


def test_credentials__in_their_schema_for_forms__are_marked_as_secret() -> None:
    schema = PostgresqlCredentials.model_json_schema()
    assert schema["properties"]["password"]["writeOnly"] is True
