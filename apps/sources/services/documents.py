"""The documents of a connector, `config` and `credentials`: checked alike for sources and for destinations."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from datalinx.engine.connectors.base import Connector
from datalinx.engine.spec.base import Document, parse_document
from datalinx.errors import FieldError, Invalid


def check_documents(kind: Connector, config: Mapping[str, Any], credentials: Mapping[str, Any]) -> None:
    """Check both documents against the connector's own. Raises Invalid with paths to every fault."""
    _check(kind.config_model, config, "config")
    _check(kind.credentials_model, credentials, "credentials")


def _check(model: type[BaseModel], document: Mapping[str, Any], path: str) -> None:
    if not issubclass(model, Document):
        raise TypeError(f"{model.__name__} is not a Document")
    try:
        parse_document(model, dict(document))
    except Invalid as error:
        raise inside(error, path) from error


def inside(error: Invalid, path: str) -> Invalid:
    """Return the refusal of a part of a body as one of the body."""
    faults = [FieldError(f"{path}.{fault.field}", fault.code, fault.message) for fault in error.errors]
    return Invalid(error.code, f"{path}: {error.message}", errors=faults)
