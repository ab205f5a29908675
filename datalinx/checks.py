"""What must be right before anything starts: Django checks with an id and a hint for each."""

import os
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from datalinx import failpoints, trace

TAG = "datalinx"


@checks.register(TAG, deploy=True)
def check_keys(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[checks.CheckMessage]:
    """Both keys come from the environment or the home; keys made for one process would be lost with it."""
    return [
        checks.Error(
            f"There is no {what}.",
            hint=f"Set {variable}, or start `datalinx up` once, which makes one in {settings.HOME}/secrets.",
            id=identifier,
        )
        for what, variable, missing, identifier in (
            ("secret key", "DATALINX_SECRET_KEY", settings.SECRET_KEY_IS_MISSING, "datalinx.E001"),
            (
                "encryption key",
                "DATALINX_ENCRYPTION_KEYS",
                settings.ENCRYPTION_KEYS_ARE_MISSING,
                "datalinx.E002",
            ),
        )
        if missing
    ]


@checks.register(TAG)
def check_production(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[checks.CheckMessage]:
    """In production people come by https, to a name that is known."""
    if settings.ENVIRONMENT != "production":
        return []
    found: list[checks.CheckMessage] = []
    address = urlsplit(settings.PUBLIC_URL)
    if address.scheme != "https" or not address.hostname:
        found.append(
            checks.Error(
                "The public address is missing or is not https.",
                hint="Set DATALINX_PUBLIC_URL=https://…, the address that people use. "
                "Cookies are sent over https alone in production.",
                id="datalinx.E003",
            )
        )
    if len(settings.SECRET_KEY) < 50:
        found.append(
            checks.Error(
                "The secret key is shorter than 50 characters.",
                hint="Set DATALINX_SECRET_KEY to 50 random characters or more.",
                id="datalinx.E004",
            )
        )
    return found


@checks.register(TAG)
def check_servers(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[checks.CheckMessage]:
    """A cache that is shared by several machines goes with a database that is."""
    embedded = settings.DATABASES["default"]["ENGINE"].endswith("sqlite3")
    if embedded or settings.CACHE_URL or settings.ENVIRONMENT != "production":
        return []
    return [
        checks.Warning(
            "The database is a server's, but counters and cache are a file of this machine.",
            hint="Set DATALINX_CACHE_URL when more than one machine runs the platform: limits are counted there.",
            id="datalinx.W001",
        )
    ]


@checks.register(TAG)
def check_failpoints(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[checks.CheckMessage]:
    """What ends processes on purpose is for tests, and does what it says or nothing starts."""
    fault = failpoints.find_fault(os.environ)
    if not fault:
        return []
    return [checks.Error(fault, hint=f"Unset {failpoints.VARIABLE}, or mend it.", id="datalinx.E005")]


@checks.register(TAG)
def check_tracing(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[checks.CheckMessage]:
    """A collector that is named is told of nothing without the packages that speak to it."""
    if not trace.is_wanted() or trace.is_installed():
        return []
    return [
        checks.Warning(
            "A collector of traces is named, but what speaks to it is not installed.",
            hint="Install datalinx[otel], or unset OTEL_EXPORTER_OTLP_ENDPOINT.",
            id="datalinx.W002",
        )
    ]


def stop_if_wrong() -> None:
    """Raise ImproperlyConfigured with the first error of these checks, in one sentence with its hint and id.

    Every process that serves or works calls it: Django and Celery start without looking at the answers.
    """
    for message in checks.run_checks(tags=[TAG], include_deployment_checks=True):
        if message.is_serious() and not message.is_silenced():
            raise ImproperlyConfigured(" ".join(f"{message.msg} {message.hint or ''} [{message.id}]".split()))


def stop_if_database_is_newer() -> None:
    """Raise ImproperlyConfigured when a newer version has changed the database: this one would not understand it."""
    loader = MigrationLoader(connection)
    unknown = sorted(
        f"{app}.{name}" for app, name in loader.applied_migrations if _is_ours(app, name, loader)
    )
    if unknown:
        raise ImproperlyConfigured(
            f"The database was changed by a newer version ({unknown[0]}). "
            "Start a worker of that version, or go back to a backup of before. [datalinx.E006]"
        )


def stop_if_database_is_older() -> None:
    """Raise ImproperlyConfigured when migrations of this version are missing: its queries would fail one by one."""
    loader = MigrationLoader(connection)
    missing = [
        f"{app}.{name}"
        for app, name in sorted(loader.graph.nodes)
        if (app, name) not in loader.applied_migrations
    ]
    if missing:
        count = (
            "1 migration is missing,"
            if len(missing) == 1
            else f"{len(missing)} migrations are missing, first"
        )
        raise ImproperlyConfigured(
            f"The database is older than this version: {count} {missing[0]}. Start the web server of this version "
            "first, which brings it up to date, or run `python -m datalinx.up.prepare`. [datalinx.E007]"
        )


def _is_ours(app: str, name: str, loader: MigrationLoader) -> bool:
    return app in loader.migrated_apps and (app, name) not in loader.disk_migrations
