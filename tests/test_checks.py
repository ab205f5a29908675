"""What stops a start: each with its id, a sentence, and a way out."""

from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.test.utils import override_settings

from datalinx.checks import (
    check_servers,
    stop_if_database_is_newer,
    stop_if_database_is_older,
    stop_if_wrong,
)

PRODUCTION: dict[str, Any] = {
    "ENVIRONMENT": "production",
    "PUBLIC_URL": "https://datalinx.example",
    "SECRET_KEY": "abcdefghijklmnopqrstuvwxyz" * 2,
}


def test_checks__of_the_settings_of_tests__find_nothing() -> None:
    stop_if_wrong()


@pytest.mark.parametrize(
    ("changes", "identifier", "way_out"),
    [
        ({"SECRET_KEY_IS_MISSING": True}, "datalinx.E001", "DATALINX_SECRET_KEY"),
        ({"ENCRYPTION_KEYS_ARE_MISSING": True}, "datalinx.E002", "DATALINX_ENCRYPTION_KEYS"),
        ({**PRODUCTION, "PUBLIC_URL": ""}, "datalinx.E003", "DATALINX_PUBLIC_URL"),
        ({**PRODUCTION, "PUBLIC_URL": "http://datalinx.example"}, "datalinx.E003", "https"),
        ({**PRODUCTION, "SECRET_KEY": "x" * 40}, "datalinx.E004", "50 random characters"),
    ],
)
def test_checks__of_a_wrong_setting__stop_the_start(
    changes: dict[str, Any], identifier: str, way_out: str
) -> None:
    with override_settings(**changes), pytest.raises(ImproperlyConfigured) as caught:
        stop_if_wrong()
    assert identifier in str(caught.value)
    assert way_out in str(caught.value)
    assert "\n" not in str(caught.value)


def test_checks__of_production_as_it_should_be__find_nothing() -> None:
    with override_settings(**PRODUCTION):
        stop_if_wrong()


def test_checks__of_a_server_database_with_a_local_cache__only_warn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", "django.db.backends.postgresql")
    with override_settings(**PRODUCTION, CACHE_URL=""):
        (message,) = check_servers(None)
        assert message.id == "datalinx.W001"
        stop_if_wrong()


@pytest.mark.django_db
def test_migrations__of_the_models__are_complete() -> None:
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


@pytest.mark.django_db
def test_worker__on_a_database_of_a_newer_version__refuses_in_one_sentence() -> None:
    stop_if_database_is_newer()
    MigrationRecorder(connection).record_applied("pipelines", "9999_of_the_future")
    with pytest.raises(ImproperlyConfigured, match=r"newer version \(pipelines.9999_of_the_future\)"):
        stop_if_database_is_newer()


@pytest.mark.django_db
def test_worker__on_a_database_of_an_older_version__refuses_in_one_sentence() -> None:
    stop_if_database_is_older()
    MigrationRecorder(connection).record_unapplied("pipelines", "0002_replay_and_verify")
    with pytest.raises(
        ImproperlyConfigured, match=r"older than this version: .*prepare.*\[datalinx.E007\]$"
    ) as told:
        stop_if_database_is_older()
    assert "\n" not in str(told.value)
