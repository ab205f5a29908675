"""B5 in a short form: a list of 50 rows through Django's handler, in one process, against a stock ModelViewSet."""

import time
from typing import Any

from benchmarks.home import Home
from benchmarks.measure import Comparison, Once, Reach, Taken, interleave, over, require_equal

ROUNDS, REQUESTS, ROWS = 5, 40, 50
STOCK = "stock ModelViewSet, simplejwt, DRF throttle"
BY_KEY, BY_TOKEN = "Datalinx, API key", "Datalinx, JWT"


def compare(home: Home) -> Comparison:
    """Measure B5 on SQLite: authentication, throttle, scope and envelope all on."""
    from django.conf import settings
    from django.test import Client
    from rest_framework_simplejwt.tokens import AccessToken

    from apps.accounts.roles import ADMIN
    from apps.accounts.services.keys import create_service_account
    from apps.accounts.services.sessions import login
    from apps.workspaces.models import Workspace

    settings.ROOT_URLCONF = "benchmarks.stock"
    have = Workspace.objects.for_organization(home.actor.organization_id).count()
    for number in range(ROWS - have):
        Workspace.objects.create(organization=home.user.organization, name=f"room-{number:02}")
    _, key = create_service_account(actor=home.actor, name="bench", role=ADMIN)
    token = login(email=home.user.email, password=home.password)["access_token"]
    stock = str(AccessToken.for_user(home.user))
    found: dict[str, Any] = {}

    def asker(name: str, path: str, rows: str, **headers: str) -> Once:
        client = Client(headers=headers)

        def once() -> Taken:
            started = time.perf_counter()
            for _ in range(REQUESTS):
                answer = client.get(path)
            seconds = (time.perf_counter() - started) / REQUESTS
            if answer.status_code != 200:
                raise RuntimeError(f"{name}: {answer.status_code} {answer.content[:500]!r}")
            found[name] = [row["id"] for row in answer.json()[rows]]
            return Taken(seconds)

        return once

    taken = interleave(
        {
            BY_KEY: asker(BY_KEY, f"/api/workspaces?page_size={ROWS}", "data", **{"X-API-Key": key}),
            BY_TOKEN: asker(
                BY_TOKEN, f"/api/workspaces?page_size={ROWS}", "data", Authorization=f"Bearer {token}"
            ),
            STOCK: asker(STOCK, "/stock/workspaces", "results", Authorization=f"Bearer {stock}"),
        },
        rounds=ROUNDS,
    )
    require_equal("the rows", found)
    return Comparison(
        id="B5",
        title=f"a list of {ROWS} rows, seconds a request, one process, SQLite",
        taken=taken,
        limit=STOCK,
        # To be reached on PostgreSQL; this is SQLite.
        reaches=[
            Reach(f"{name} over the stock list", over(taken, name, STOCK), 0.33)
            for name in (BY_KEY, BY_TOKEN)
        ],
    )
