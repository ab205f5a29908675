"""Connectors: a folder each that holds everything about its kind of source, found here by name.

A new kind of source is a folder beside this file and one line in it.
"""

from datalinx.engine.connectors.base import Connector
from datalinx.engine.connectors.file.connector import FileConnector
from datalinx.errors import Invalid

_CONNECTORS: dict[str, Connector] = {connector.name: connector for connector in (FileConnector(),)}


def list_connectors() -> tuple[Connector, ...]:
    """Return all connectors."""
    return tuple(_CONNECTORS.values())


def get_connector(name: str) -> Connector:
    """Return the connector of that name; raise `Invalid` `UNKNOWN_CONNECTOR` with those that there are."""
    try:
        return _CONNECTORS[name]
    except KeyError:
        known = ", ".join(_CONNECTORS)
        message = f"There is no connector {name[:100]!r}. There are: {known}."
        raise Invalid("UNKNOWN_CONNECTOR", message) from None


__all__ = ["get_connector", "list_connectors"]
