"""Destinations: made, changed, tested. Pipelines name them to say where their tables go."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.sources.models import Destination
from apps.sources.services.documents import check_documents, inside
from apps.workspaces.models import Workspace
from datalinx.caller import Caller
from datalinx.engine.connectors import get_writer
from datalinx.engine.connectors.base import Connection, TestStep
from datalinx.errors import FieldError, Invalid
from datalinx.redaction import remember
from datalinx.sealed import seal, unseal


def create_destination(
    *,
    workspace: Workspace,
    actor: Caller,
    name: str,
    connector: str,
    config: Mapping[str, Any] | None = None,
    credentials: Mapping[str, Any] | None = None,
) -> Destination:
    """Make a destination.

    Raises Invalid DESTINATION_NAME_TAKEN, UNKNOWN_CONNECTOR, CONNECTOR_CANNOT_WRITE, ADDRESS_NOT_ALLOWED, and for
    faults of the documents.
    """
    _check(connector, config or {}, credentials or {})
    destination = Destination(workspace=workspace, connector=connector, created_by=actor.id)
    return _save(destination, name=name, config=config or {}, credentials=credentials)


def update_destination(*, destination: Destination, actor: Caller, **values: Any) -> Destination:
    """Change a destination; its credentials are replaced in place when they are given.

    Where it leads to changes only together with them: otherwise whoever may change a destination could have a
    password that they do not know sent to a server of their own. Raises Invalid CREDENTIALS_REQUIRED.
    """
    config, credentials = values.get("config", destination.config), values.get("credentials")
    if values.get("connector", destination.connector) != destination.connector:
        message = "A destination keeps its connector; make another destination instead."
        raise Invalid("CONNECTOR_IS_FIXED", message, errors=[FieldError("connector", "fixed", message)])
    if credentials is None and destination.sealed_credentials:
        _refuse_new_address(destination, config)
    given = credentials if credentials is not None else open_credentials(destination)
    _check(destination.connector, config, given)
    if config != destination.config or credentials is not None:
        destination.status = Destination.Status.UNTESTED
    return _save(
        destination, name=values.get("name", destination.name), config=config, credentials=credentials
    )


def _refuse_new_address(destination: Destination, config: Mapping[str, Any]) -> None:
    for key in sorted(get_writer(destination.connector).addressed_by):
        if config.get(key) != destination.config.get(key):
            message = f"With another {key} the credentials have to be given again."
            raise Invalid(
                "CREDENTIALS_REQUIRED", message, errors=[FieldError("credentials", "required", message)]
            )


def _check(connector: str, config: Mapping[str, Any], credentials: Mapping[str, Any]) -> None:
    kind = get_writer(connector)
    check_documents(kind, config, credentials)
    try:
        kind.check(_connection(config, credentials))
    except Invalid as error:
        raise inside(error, "config") from error


def _save(
    destination: Destination,
    *,
    name: str,
    config: Mapping[str, Any],
    credentials: Mapping[str, Any] | None,
) -> Destination:
    destination.name, destination.config = name, dict(config)
    if credentials is not None:
        destination.sealed_credentials = seal(dict(credentials), context=f"destination:{destination.pk}")
    try:
        with transaction.atomic():
            destination.save()
    except IntegrityError as error:
        message = f"There is a destination named {name!r} already; choose another name."
        raise Invalid(
            "DESTINATION_NAME_TAKEN", message, errors=[FieldError("name", "taken", message)]
        ) from error
    return destination


def delete_destination(*, destination: Destination, actor: Caller) -> None:
    """Delete a destination. What was delivered to it stays there."""
    destination.delete()


def open_credentials(destination: Destination) -> dict[str, Any]:
    """Return a destination's credentials as they were given."""
    if not destination.sealed_credentials:
        return {}
    credentials = dict(unseal(destination.sealed_credentials, context=f"destination:{destination.pk}"))
    remember(credentials, scope=destination.workspace_id)
    return credentials


def open_connection(destination: Destination) -> Connection:
    """Return a destination as its connector sees it."""
    return _connection(destination.config, open_credentials(destination))


def _connection(config: Mapping[str, Any], credentials: Mapping[str, Any]) -> Connection:
    return Connection(config=config, credentials=credentials, allow=settings.OUTBOUND_ALLOW_CIDRS)


def test_destination(*, destination: Destination, actor: Caller) -> list[TestStep]:
    """Try a destination step by step, and note how it went."""
    steps = get_writer(destination.connector).test(open_connection(destination))
    passed = all(step.passed for step in steps)
    destination.status = Destination.Status.OK if passed else Destination.Status.FAILED
    destination.last_tested_at = timezone.now()
    destination.save(update_fields=["status", "last_tested_at", "updated_at"])
    return steps
