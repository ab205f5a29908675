"""A database that threads share as processes do in production, for what happens at the same moment."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connections


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let tests that share the database run without a transaction around them, where it is a server's."""
    if connections["default"].vendor == "sqlite":
        return
    for item in items:
        if "shared_database" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.django_db(transaction=True))


@pytest.fixture
def shared_database(django_db_setup: None, django_db_blocker: Any, tmp_path: Path) -> Iterator[None]:
    """Give every thread a connection of its own to one database without an open transaction.

    SQLite in memory is one connection's own; a copy in a file, thrown away afterwards, is what a server has.
    """
    if connections["default"].vendor != "sqlite":
        # The mark below has the tables emptied afterwards instead of a transaction rolled back.
        yield
        return
    with django_db_blocker.unblock():
        inner = connections["default"]
        path = tmp_path / "shared.sqlite3"
        with inner.cursor() as cursor:
            cursor.execute("VACUUM INTO %s", [str(path)])
        name = inner.settings_dict["NAME"]
        connections.settings["default"]["NAME"] = str(path)
        connections["default"] = connections.create_connection("default")
        try:
            yield
        finally:
            connections["default"].close()
            connections.settings["default"]["NAME"] = name
            connections["default"] = inner
