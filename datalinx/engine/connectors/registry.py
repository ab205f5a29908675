"""The connectors by name. A new kind of source is a folder beside this file and one line in it."""

from typing import Any

from datalinx.engine.connectors.base import Connector
from datalinx.engine.connectors.file.connector import FileConnector
from datalinx.errors import Invalid

_CONNECTORS: dict[str, Connector] = {connector.name: connector for connector in (FileConnector(),)}


def connector_names() -> tuple[str, ...]:
    """Return the names of all connectors."""
    return tuple(_CONNECTORS)


def get_connector(name: str) -> Connector:
    """Return the connector of that name; raise `Invalid` `UNKNOWN_CONNECTOR` with those that there are."""
    try:
        return _CONNECTORS[name]
    except KeyError:
        known = ", ".join(_CONNECTORS)
        message = f"There is no connector {name[:100]!r}. There are: {known}."
        raise Invalid("UNKNOWN_CONNECTOR", message) from None


def describe_connectors() -> list[dict[str, Any]]:
    """Return every connector as JSON, with the JSON Schemas of its documents, so that a form can be drawn."""
    return [
        {
            "name": connector.name,
            "title": connector.title,
            "description": connector.description,
            "uploads": connector.uploads,
            "config": connector.config_model.model_json_schema(),
            "credentials": connector.credentials_model.model_json_schema(),
        }
        for connector in _CONNECTORS.values()
    ]
