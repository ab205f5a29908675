"""The database's time: what is due is decided by the one clock that all hosts share."""

from datetime import UTC, datetime

from django.db import connection


def database_now() -> datetime:
    """Return the database's present time."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT CURRENT_TIMESTAMP")
        [now] = cursor.fetchone() or [None]
    # SQLite answers with a text, in UTC.
    moment = now if isinstance(now, datetime) else datetime.fromisoformat(str(now))
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
