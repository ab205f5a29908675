"""From the addresses that an operator gives to what Django and Celery need to reach the servers.

No address means the embedded form: SQLite, a cache file and a folder of messages, all in the home.
"""

import os
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

Configuration = dict[str, Any]

# A message that no worker confirmed is offered again after this time. No task runs as long: a run is a row with
# a lease of its own, and its message only wakes a worker up.
VISIBILITY_SECONDS = 3600

# How long RabbitMQ may take to answer. Without memory or disk it takes no message and says nothing, for as long as that
# lasts: nobody who sends a message waits for it longer than this a few times.
ANSWER_SECONDS = 3

# A server that is gone without a word (a failover, a firewall that forgot) is noticed within half a minute, where the
# system's own answer is two hours. In libpq's words; what the address says comes first.
_POSTGRESQL_SILENCE = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}

# The database holds rows about the work, never the customers' data: a statement of half a minute is a fault.
_POSTGRESQL_LIMITS = {
    "statement_timeout": 30_000,
    "lock_timeout": 10_000,
    "idle_in_transaction_session_timeout": 60_000,
}


def database(url: str, home: Path) -> Configuration:
    """Return Django's entry for the database at `url`, or for the SQLite file in the home."""
    if not url:
        return _sqlite(home / "datalinx.sqlite3")
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return _sqlite(Path(unquote(parts.path.removeprefix("/"))))
    options: Configuration = dict(parse_qsl(parts.query))
    limits = " ".join(f"-c {name}={value}" for name, value in _POSTGRESQL_LIMITS.items())
    options.setdefault("options", limits)
    for name, value in {"connect_timeout": 10, **_POSTGRESQL_SILENCE}.items():
        options.setdefault(name, value)
    options.setdefault("application_name", "datalinx")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.removeprefix("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(parts.hostname or ""),
        "PORT": str(parts.port or ""),
        "OPTIONS": options,
        # One connection for each thread, kept: the web server's threads live as long as its process does. A pool
        # would have threads of its own, which the worker's forks do not inherit.
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
    }


def _sqlite(path: Path) -> Configuration:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.fspath(path),
        # As above: opening a file is cheap, but reading its schema again for each request is not.
        "CONN_MAX_AGE": 600,
        "OPTIONS": {
            "timeout": 30,
            # A transaction that begins by reading and then writes cannot wait for its turn; one that says at
            # once that it will write can.
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA journal_size_limit=67108864;",
        },
    }


def cache(url: str, home: Path) -> Configuration:
    """Return Django's entry for the cache at `url`, or for the cache file in the home."""
    if not url:
        return {"BACKEND": "datalinx.cache.SqliteCache", "LOCATION": os.fspath(home / "cache.sqlite3")}
    return {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": url,
        "KEY_PREFIX": "datalinx",
        "OPTIONS": {"socket_timeout": 5, "socket_connect_timeout": 2, "health_check_interval": 25},
    }


def broker(url: str, home: Path) -> Configuration:
    """Return Celery's settings for the broker at `url`, or for the folder of messages in the home."""
    if not url:
        folder = os.fspath(home / "broker")
        return {
            "broker_url": "folder://localhost",
            "broker_transport": "datalinx.broker:Transport",
            "broker_transport_options": {"folder": folder, "polling_interval": 0.1},
            # Orders to workers are broadcasts, which a folder does not have; a run is cancelled by its row.
            "worker_enable_remote_control": False,
        }
    if urlsplit(url).scheme.startswith("amqp"):
        options = {"confirm_publish": True, "read_timeout": ANSWER_SECONDS, "write_timeout": ANSWER_SECONDS}
        return {"broker_url": url, "broker_transport_options": options}
    return {
        "broker_url": url,
        "visibility_timeout": VISIBILITY_SECONDS,
        "broker_transport_options": {
            "visibility_timeout": VISIBILITY_SECONDS,
            # Left to itself, the transport looks for what a dead worker held only every hundred seconds.
            "unacked_restore_interval": 5,
            "unacked_restore_throttle": 1,
            "socket_timeout": 5,
            "socket_connect_timeout": 5,
            "socket_keepalive": True,
            "health_check_interval": 25,
        },
    }
