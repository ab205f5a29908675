"""Connectors: a folder each that holds everything about its kind of source or destination, found here by name.

A new kind is a folder beside this file and one line in it.
"""

from datalinx.engine.connectors.base import Connector, Reader, Writer
from datalinx.engine.connectors.file.connector import FileConnector
from datalinx.engine.connectors.postgresql.connector import PostgresqlConnector
from datalinx.errors import Invalid

_CONNECTORS: dict[str, Connector] = {
    connector.name: connector for connector in (FileConnector(), PostgresqlConnector())
}


def list_connectors() -> tuple[Connector, ...]:
    """Return all connectors."""
    return tuple(_CONNECTORS.values())


def get_reader(name: str) -> Reader:
    """Return the connector of that name for sources; raise `Invalid` `UNKNOWN_CONNECTOR`, `CONNECTOR_CANNOT_READ`."""
    found = _get(name)
    if found.reads and isinstance(found, Reader):
        return found
    able = ", ".join(each.name for each in list_connectors() if each.reads)
    message = f"The connector {name} is for destinations. For sources there are: {able}."
    raise Invalid("CONNECTOR_CANNOT_READ", message)


def get_writer(name: str) -> Writer:
    """Return that for destinations; raise `Invalid` `UNKNOWN_CONNECTOR`, `CONNECTOR_CANNOT_WRITE`."""
    found = _get(name)
    if found.writes and isinstance(found, Writer):
        return found
    able = ", ".join(each.name for each in list_connectors() if each.writes)
    message = f"The connector {name} is for sources. For destinations there are: {able}."
    raise Invalid("CONNECTOR_CANNOT_WRITE", message)


def _get(name: str) -> Connector:
    try:
        return _CONNECTORS[name]
    except KeyError:
        known = ", ".join(_CONNECTORS)
        message = f"There is no connector {name[:100]!r}. There are: {known}."
        raise Invalid("UNKNOWN_CONNECTOR", message) from None


__all__ = ["get_reader", "get_writer", "list_connectors"]
