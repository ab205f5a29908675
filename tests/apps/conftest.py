"""A database that threads share as processes do in production, for what happens at the same moment."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connections


@pytest.fixture
def shared_database(
    request: pytest.FixtureRequest, django_db_setup: None, django_db_blocker: Any, tmp_path: Path
) -> Iterator[None]:
    """Give every thread a connection of its own to one database without an open transaction.

    SQLite in memory is one connection's own; a copy in a file, thrown away afterwards, is what a server has.
    """
    if connections["default"].vendor != "sqlite":
        request.getfixturevalue("transactional_db")
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
