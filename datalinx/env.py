"""The settings that an operator gives by environment: each one declared here once, with its type and its words.

The page of the docs that lists them is made from `SETTINGS`, so a variable that is read is a variable that is
documented. Reading raises `EnvironmentInvalid` with the variable's name and what would be right.
"""

import base64
import binascii
import ipaddress
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")


class EnvironmentInvalid(Exception):
    """A variable holds something that cannot be used. The message names it and says what would be right."""


@dataclass(frozen=True)
class Setting(Generic[T]):
    """One environment variable: its name, how its text becomes a value, its default and what it is for."""

    name: str
    parse: Callable[[str], T]
    default: T
    description: str
    secret: bool = False

    def read(self) -> T:
        """Return the variable's value, its default when it is empty. Raises EnvironmentInvalid."""
        text = os.environ.get(self.name, "").strip()
        if not text:
            return self.default
        try:
            return self.parse(text)
        except ValueError as error:
            shown = "the given value" if self.secret else repr(text)
            raise EnvironmentInvalid(f"{self.name}: {shown} cannot be used: {error}.") from None


def parse_size(text: str) -> int:
    """Return the bytes that a size such as `512MB`, `2GiB` or `1048576` means (a K is 1,024)."""
    units = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}
    lowered = text.strip().lower().removesuffix("b").removesuffix("i")
    number, unit = (lowered[:-1], lowered[-1]) if lowered[-1:].isalpha() else (lowered, "")
    if unit not in units or not number.strip().replace(".", "", 1).isdigit():
        raise ValueError("write a size such as 512MB or 2GB")
    return int(float(number) * units[unit])


def _integer(at_least: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not text.isdigit() or int(text) < at_least:
            raise ValueError(f"write a whole number, {at_least} or more")
        return int(text)

    return parse


def _choice(*values: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in values:
            raise ValueError(f"write {', '.join(values[:-1])} or {values[-1]}")
        return text

    return parse


def _url(*schemes: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        shown = " or ".join(f"{scheme}://…" for scheme in schemes)
        try:
            given = urlsplit(text)
            # An IPv6 address without brackets and a port above 65,535 are found out only when they are asked for.
            _ = given.port, given.hostname
        except ValueError:
            raise ValueError(f"write it as {shown}, with reserved characters percent-encoded") from None
        if given.scheme not in schemes:
            raise ValueError(f"write {shown}")
        return text

    return parse


def _folder(text: str) -> Path:
    return Path(text).expanduser().resolve()


def _storage(text: str) -> str:
    return text if text.startswith("s3://") else _url("file")(text) if "://" in text else str(_folder(text))


def _fernet_keys(text: str) -> tuple[str, ...]:
    keys = tuple(part.strip() for part in text.split(",") if part.strip())
    for key in keys:
        try:
            valid = len(base64.b64decode(key.encode(), altchars=b"-_", validate=True)) == 32
        except (binascii.Error, UnicodeEncodeError):
            valid = False
        if not valid:
            raise ValueError(
                "write Fernet keys (32 bytes in URL-safe base64), the newest first, with commas between"
            )
    return keys


def _secret_key(text: str) -> str:
    if len(text) < 32:
        raise ValueError("write at least 50 random characters; fewer than 32 are refused")
    return text


def _networks(text: str) -> tuple[str, ...]:
    parts = tuple(part.strip() for part in text.split(",") if part.strip())
    for part in parts:
        try:
            ipaddress.ip_network(part)
        except ValueError:
            raise ValueError(f"{part!r} is no network; write them as 10.0.0.0/8,::1/128") from None
    return parts


HOME = Setting(
    "DATALINX_HOME",
    _folder,
    Path(".datalinx").resolve(),
    "Folder of the embedded data: database, files, keys, logs.",
)
ENV = Setting(
    "DATALINX_ENV", _choice("development", "production"), "development", "`development` or `production`."
)
ADMIN_EMAIL = Setting("DATALINX_ADMIN_EMAIL", str, "", "First start: the administrator's e-mail address.")
ADMIN_PASSWORD = Setting(
    "DATALINX_ADMIN_PASSWORD", str, "", "First start: the administrator's password.", secret=True
)
ORGANIZATION = Setting("DATALINX_ORGANIZATION", str, "", "First start: the first organization's name.")
SECRET_KEY = Setting(
    "DATALINX_SECRET_KEY",
    _secret_key,
    "",
    "Signs tokens and sessions; made in the home folder when empty.",
    secret=True,
)
ENCRYPTION_KEYS = Setting[tuple[str, ...]](
    "DATALINX_ENCRYPTION_KEYS",
    _fernet_keys,
    (),
    "Comma-separated Fernet keys, newest first; made in the home folder when empty.",
    secret=True,
)
PUBLIC_URL = Setting(
    "DATALINX_PUBLIC_URL", _url("http", "https"), "", "The address that people reach this instance by."
)
DATABASE_URL = Setting(
    "DATABASE_URL",
    _url("postgresql", "postgres", "sqlite"),
    "",
    "`postgresql://user:password@host/name`; SQLite in the home folder when empty.",
    secret=True,
)
BROKER_URL = Setting(
    "DATALINX_BROKER_URL",
    _url("redis", "rediss", "amqp", "amqps"),
    "",
    "`redis://…` or `amqp://…`; a folder in the home when empty.",
    secret=True,
)
CACHE_URL = Setting(
    "DATALINX_CACHE_URL",
    _url("redis", "rediss"),
    "",
    "`redis://…` for counters and cache; a file in the home when empty.",
    secret=True,
)
STORAGE_URL = Setting(
    "DATALINX_STORAGE_URL", _storage, "", "A folder or `s3://bucket/prefix`; a folder in the home when empty."
)
MEMORY_LIMIT = Setting(
    "DATALINX_MEMORY_LIMIT",
    parse_size,
    0,
    "Memory for the engine of one run, such as `2GB`; told from the machine or the container when empty.",
)
THREADS = Setting(
    "DATALINX_THREADS",
    _integer(1),
    0,
    "Threads for the engine of one run; told from the machine or the container when empty.",
)
CONCURRENCY = Setting("DATALINX_CONCURRENCY", _integer(1), 2, "Runs that one worker does at the same time.")
ORGANIZATION_RUNS = Setting(
    "DATALINX_ORGANIZATION_RUNS",
    _integer(0),
    0,
    "Runs of one organization that may go on at the same time; 0 sets no bound.",
)
WEB_PROCESSES = Setting(
    "DATALINX_WEB_PROCESSES",
    _integer(1),
    0,
    "Web processes, 16 threads each; one for SQLite and one a core otherwise when empty.",
)
PORT = Setting(
    "DATALINX_PORT", _integer(1), 8000, "Port of the web container, where its health check looks for it."
)
SPARK_REMOTE = Setting("DATALINX_SPARK_REMOTE", str, "", "`sc://host:port` or a Spark master address.")
OUTBOUND_ALLOW_CIDRS = Setting[tuple[str, ...]](
    "DATALINX_OUTBOUND_ALLOW_CIDRS",
    _networks,
    (),
    "Networks that webhooks and connectors may reach beside public addresses.",
)
METRICS_TOKEN = Setting(
    "DATALINX_METRICS_TOKEN", str, "", "Bearer token for `/metrics`; without it loopback only.", secret=True
)
SNAPSHOT_DAYS = Setting(
    "DATALINX_SNAPSHOT_DAYS",
    _integer(1),
    30,
    "How many days a table's older versions stay readable; the newest five always do.",
)
SNAPSHOT_MAX = Setting(
    "DATALINX_SNAPSHOT_MAX",
    _integer(5),
    1000,
    "How many versions of a table stay readable at most, however young they are.",
)
RESOLUTION_SECONDS = Setting(
    "DATALINX_RESOLUTION_SECONDS",
    _integer(1),
    21_600,
    "How many seconds a resolution of identity may take.",
)
REJECTED_DAYS = Setting(
    "DATALINX_REJECTED_DAYS",
    _integer(1),
    90,
    "How many days the rejected rows of an ended run are kept.",
)
RUN_DAYS = Setting(
    "DATALINX_RUN_DAYS",
    _integer(1),
    365,
    "How many days ended runs are kept; the newest of each pipeline and those behind a present table always are.",
)
RUN_LOG_DAYS = Setting(
    "DATALINX_RUN_LOG_DAYS",
    _integer(1),
    90,
    "How many days the log of an ended run is kept.",
)
EVENT_DAYS = Setting(
    "DATALINX_EVENT_DAYS",
    _integer(1),
    30,
    "How many days events are kept, with their deliveries and what came of each attempt.",
)
TRUSTED_PROXIES = Setting(
    "DATALINX_TRUSTED_PROXIES",
    _integer(0),
    0,
    "How many proxies in front of this instance add to `X-Forwarded-For`.",
)
LOG_LEVEL = Setting(
    "DATALINX_LOG_LEVEL", _choice("DEBUG", "INFO", "WARNING", "ERROR"), "INFO", "Least level logged."
)

SETTINGS: tuple[Setting[object], ...] = tuple(
    value for value in list(globals().values()) if isinstance(value, Setting)
)


def check_all() -> None:
    """Read every variable once. Raises EnvironmentInvalid at the first that cannot be used."""
    for setting in SETTINGS:
        setting.read()
