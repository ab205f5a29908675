"""The settings that an operator gives by environment: each one declared here once, with its type and its words.

The page of the docs that lists them is made from `SETTINGS`, so a variable that is read is a variable that is
documented. Reading raises `EnvironmentInvalid` with the variable's name and what would be right.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

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
        text = os.environ.get(self.name, "").strip()
        if not text:
            return self.default
        try:
            return self.parse(text)
        except ValueError as error:
            shown = "the given value" if self.secret else repr(text)
            raise EnvironmentInvalid(f"{self.name}: {shown} cannot be used: {error}") from error


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError("write a whole number") from None


def _list(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def parse_size(text: str) -> int:
    """Return the bytes that a size such as `512MB`, `2GiB` or `1048576` means (a K is 1,024)."""
    units = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}
    lowered = text.strip().lower().removesuffix("b").removesuffix("i")
    number, unit = (lowered[:-1], lowered[-1]) if lowered[-1:].isalpha() else (lowered, "")
    if unit not in units or not number.strip().replace(".", "", 1).isdigit():
        raise ValueError("write a size such as 512MB or 2GB")
    return int(float(number) * units[unit])


def _environment(text: str) -> str:
    if text not in {"development", "production"}:
        raise ValueError("write development or production")
    return text


HOME = Setting("DATALINX_HOME", lambda text: Path(text).expanduser().resolve(), Path(".datalinx").resolve(),
               "Folder of the embedded data: database, files, keys, logs.")  # fmt: skip
ENV = Setting("DATALINX_ENV", _environment, "development", "`development` or `production`.")
ADMIN_EMAIL = Setting("DATALINX_ADMIN_EMAIL", str, "", "First start: the administrator's e-mail address.")
ADMIN_PASSWORD = Setting(
    "DATALINX_ADMIN_PASSWORD", str, "", "First start: the administrator's password.", True
)
ORGANIZATION = Setting("DATALINX_ORGANIZATION", str, "", "First start: the first organization's name.")
SECRET_KEY = Setting(
    "DATALINX_SECRET_KEY", str, "", "Signs tokens and sessions; made in the home folder when empty.", True
)
ENCRYPTION_KEYS = Setting(
    "DATALINX_ENCRYPTION_KEYS",
    _list,
    (),
    "Comma-separated Fernet keys, newest first; made in the home folder when empty.",
    True,
)
PUBLIC_URL = Setting("DATALINX_PUBLIC_URL", str, "", "The address that people reach this instance by.")
DATABASE_URL = Setting(
    "DATABASE_URL",
    str,
    "",
    "`postgresql://user:password@host/name`; SQLite in the home folder when empty.",
    True,
)
BROKER_URL = Setting(
    "DATALINX_BROKER_URL", str, "", "`redis://…` or `amqp://…`; a folder in the home when empty.", True
)
CACHE_URL = Setting(
    "DATALINX_CACHE_URL", str, "", "`redis://…` for counters and cache; a file in the home when empty.", True
)
STORAGE_URL = Setting(
    "DATALINX_STORAGE_URL", str, "", "A folder or `s3://bucket/prefix`; a folder in the home when empty."
)
MEMORY_LIMIT = Setting(
    "DATALINX_MEMORY_LIMIT",
    parse_size,
    0,
    "Memory for the engine of one run, such as `2GB`; told from the machine when empty.",
)
THREADS = Setting(
    "DATALINX_THREADS", _integer, 0, "Threads for the engine of one run; told from the machine when empty."
)
SPARK_REMOTE = Setting("DATALINX_SPARK_REMOTE", str, "", "`sc://host:port` or a Spark master address.")
OUTBOUND_ALLOW_CIDRS = Setting(
    "DATALINX_OUTBOUND_ALLOW_CIDRS",
    _list,
    (),
    "Networks that webhooks and connectors may reach beside public addresses.",
)
METRICS_TOKEN = Setting(
    "DATALINX_METRICS_TOKEN", str, "", "Bearer token for `/metrics`; without it loopback only.", True
)
TRUSTED_PROXIES = Setting(
    "DATALINX_TRUSTED_PROXIES",
    _integer,
    0,
    "How many proxies in front of this instance add to `X-Forwarded-For`.",
)

SETTINGS: tuple[Setting[object], ...] = tuple(
    value for value in list(globals().values()) if isinstance(value, Setting)
)
