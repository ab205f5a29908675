"""On PostgreSQL deliveries have room for a second version of each row, so that a claim writes into no index.

Nor is there an index for LIKE on their ids, which is only written and never read.
"""

from typing import ClassVar

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

_LIKE = "workspaces_delivery_id_e06361c6_like"


def leave_room(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """Fill pages that are written from now on to one half."""
    if editor.connection.vendor == "postgresql":
        editor.execute("ALTER TABLE workspaces_delivery SET (fillfactor = 50)")
        editor.execute(f"DROP INDEX IF EXISTS {_LIKE}")


def leave_none(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """Fill pages, and make the index again."""
    if editor.connection.vendor == "postgresql":
        editor.execute("ALTER TABLE workspaces_delivery RESET (fillfactor)")
        editor.execute(f"CREATE INDEX IF NOT EXISTS {_LIKE} ON workspaces_delivery (id varchar_pattern_ops)")


class Migration(migrations.Migration):
    dependencies: ClassVar = [("workspaces", "0005_attempts_by_time")]

    operations: ClassVar = [migrations.RunPython(leave_room, leave_none)]
