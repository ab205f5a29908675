"""Variables become values, or one sentence that names the variable and says what would be right."""

import base64
from pathlib import Path
from typing import Any

import pytest

from datalinx import connections, env, machine

KEY = base64.urlsafe_b64encode(b"k" * 32).decode()


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1048576", 1048576),
        ("512MB", 512 * 1024**2),
        ("2GiB", 2 * 1024**3),
        ("1.5g", 1536 * 1024**2),
        ("64 K", 65536),
        ("1tb", 1024**4),
    ],
)
def test_size__as_people_write_it__is_bytes(text: str, size: int) -> None:
    assert env.parse_size(text) == size


@pytest.mark.parametrize("text", ["", "much", "-1", "2 parsecs", "1e9", "1.2.3M"])
def test_size__of_something_else__is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="512MB"):
        env.parse_size(text)


@pytest.mark.parametrize(
    ("setting", "text", "hint"),
    [
        (env.ENV, "staging", "development or production"),
        (env.THREADS, "0", "1 or more"),
        (env.THREADS, "many", "whole number"),
        (env.TRUSTED_PROXIES, "-1", "0 or more"),
        (env.BROKER_URL, "kafka://host", "redis"),
        (env.DATABASE_URL, "mysql://host/name", "postgresql"),
        (env.DATABASE_URL, "postgresql://host:99999/name", "postgresql"),
        (env.STORAGE_URL, "ftp://host/x", "file"),
        (env.SECRET_KEY, "short", "50 random characters"),
        (env.ENCRYPTION_KEYS, "abc", "Fernet"),
        (env.ENCRYPTION_KEYS, f"{KEY},ключ", "Fernet"),
        (env.OUTBOUND_ALLOW_CIDRS, "127.0.0.1/8", "10.0.0.0/8"),
        (env.PUBLIC_URL, "datalinx.example", "https"),
        (env.LOG_LEVEL, "loud", "DEBUG"),
    ],
)
def test_setting__with_a_value_that_cannot_be__says_which_and_what_would_do(
    setting: env.Setting[Any], text: str, hint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(setting.name, text)
    with pytest.raises(env.EnvironmentInvalid, match=setting.name) as caught:
        setting.read()
    assert hint in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "setting", [each for each in env.SETTINGS if each.secret], ids=lambda each: each.name
)
def test_secret_setting__that_cannot_be_used__is_not_shown(
    setting: env.Setting[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(setting.name, "canary")
    if setting.parse is str:
        assert setting.read() == "canary"
        return
    with pytest.raises(env.EnvironmentInvalid) as caught:
        setting.read()
    assert "canary" not in str(caught.value)


def test_setting__that_is_empty__has_its_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATALINX_THREADS", "  ")
    assert env.THREADS.read() == 0


def test_encryption_keys__several__keep_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    newer = base64.urlsafe_b64encode(b"n" * 32).decode()
    monkeypatch.setenv("DATALINX_ENCRYPTION_KEYS", f"{newer}, {KEY}")
    assert env.ENCRYPTION_KEYS.read() == (newer, KEY)


def test_settings__all_of_them__are_described_and_named_once() -> None:
    assert len({each.name for each in env.SETTINGS}) == len(env.SETTINGS)
    assert all(each.description.endswith(".") for each in env.SETTINGS)
    fixed = {
        "DATALINX_HOME", "DATALINX_ADMIN_EMAIL", "DATALINX_ADMIN_PASSWORD", "DATALINX_ORGANIZATION", "DATALINX_ENV",
        "DATALINX_SECRET_KEY", "DATALINX_ENCRYPTION_KEYS", "DATALINX_PUBLIC_URL", "DATABASE_URL",
        "DATALINX_BROKER_URL", "DATALINX_CACHE_URL", "DATALINX_STORAGE_URL", "DATALINX_MEMORY_LIMIT",
        "DATALINX_THREADS", "DATALINX_SPARK_REMOTE", "DATALINX_OUTBOUND_ALLOW_CIDRS", "DATALINX_METRICS_TOKEN",
        "DATALINX_TRUSTED_PROXIES",
    }  # fmt: skip
    assert fixed <= {each.name for each in env.SETTINGS}


def test_database__by_address__reaches_django_decoded() -> None:
    entry = connections.database(
        "postgresql://us%40er:p%2Fw@db.example:6432/name?sslmode=require", Path("/home")
    )
    assert (entry["USER"], entry["PASSWORD"], entry["HOST"], entry["PORT"]) == (
        "us@er",
        "p/w",
        "db.example",
        "6432",
    )
    assert entry["NAME"] == "name"
    assert entry["OPTIONS"]["sslmode"] == "require"
    assert "statement_timeout" in entry["OPTIONS"]["options"]


def test_database__that_is_gone_without_a_word__is_noticed_within_half_a_minute() -> None:
    options = connections.database("postgresql://host/name?keepalives_idle=7", Path("/home"))["OPTIONS"]
    # What the address says comes first.
    assert options["keepalives_idle"] == "7"
    options = connections.database("postgresql://host/name", Path("/home"))["OPTIONS"]
    assert options["keepalives_idle"] + options["keepalives_count"] * options["keepalives_interval"] <= 30
    assert options["tcp_user_timeout"] <= 30_000


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("", "/home/datalinx.sqlite3"),
        ("sqlite:////data/x.sqlite3", "/data/x.sqlite3"),
        ("sqlite:///x.db", "x.db"),
    ],
)
def test_database__of_sqlite__waits_for_its_turn_to_write(url: str, path: str) -> None:
    entry = connections.database(url, Path("/home"))
    assert entry["NAME"] == path
    assert entry["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert "journal_mode=WAL" in entry["OPTIONS"]["init_command"]


def test_broker__without_an_address__is_a_folder_in_the_home() -> None:
    assert connections.broker("", Path("/home"))["broker_transport_options"]["folder"] == "/home/broker"


def test_broker__of_rabbitmq__is_waited_for_a_few_seconds() -> None:
    options = connections.broker("amqp://host//", Path("/home"))["broker_transport_options"]
    assert options["confirm_publish"]
    assert options["read_timeout"] == options["write_timeout"] == connections.ANSWER_SECONDS


def test_broker__of_redis__gives_back_what_a_dead_worker_held() -> None:
    options = connections.broker("redis://host/0", Path("/home"))["broker_transport_options"]
    assert options["unacked_restore_throttle"] == 1
    assert options["visibility_timeout"] == connections.VISIBILITY_SECONDS


@pytest.mark.parametrize(
    ("files", "limit"),
    [
        ({"memory.max": "1073741824"}, 1024**3),
        ({"memory.max": "max"}, None),
        ({"memory/memory.limit_in_bytes": "536870912"}, 512 * 1024**2),
        ({"memory/memory.limit_in_bytes": "9223372036854771712"}, None),
        ({}, None),
    ],
)
def test_memory__of_a_container__is_its_limit(
    files: dict[str, str], limit: int | None, tmp_path: Path
) -> None:
    _write(tmp_path, files)
    whole = machine.memory_bytes(tmp_path / "nothing")
    assert machine.memory_bytes(tmp_path) == (limit or whole)


@pytest.mark.parametrize(
    ("files", "count"),
    [
        ({"cpu.max": "100000 100000"}, 1),
        ({"cpu.max": "50000 100000"}, 1),
        ({"cpu/cpu.cfs_quota_us": "100000", "cpu/cpu.cfs_period_us": "100000"}, 1),
        ({"cpu.max": "max 100000"}, None),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None),
    ],
)
def test_processors__of_a_container__are_its_quota(
    files: dict[str, str], count: int | None, tmp_path: Path
) -> None:
    _write(tmp_path, files)
    assert machine.processors(tmp_path) == (count or machine.processors(tmp_path / "nothing"))


def test_memory_for_one_run__on_any_machine__leaves_half_to_the_rest() -> None:
    assert machine.memory_for_one_run(1) <= max(machine.memory_bytes() // 2, 256 * 1024**2)
    assert machine.memory_for_one_run(10**6) == 256 * 1024**2


def _write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
