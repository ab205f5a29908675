"""A receiver for events, and one clock for Python and the database."""

from typing import Any

import pytest
from django.utils import timezone
from pytest_httpserver import HTTPServer

from apps.workspaces.services import deliveries
from datalinx import clock
from tests.apps.workspaces.hooks import Receiver


@pytest.fixture
def receiver(httpserver: HTTPServer, settings: Any) -> Receiver:
    settings.OUTBOUND_ALLOW_CIDRS = ("127.0.0.0/8",)
    return Receiver(httpserver)


@pytest.fixture(autouse=True)
def frozen_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the database's clock be the one that tests stop and move, and forget what was learnt of receivers."""
    monkeypatch.setattr(clock, "database_now", timezone.now)
    deliveries._health.clear()
