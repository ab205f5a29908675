"""Who delivers, in a process of its own: the platform's deliverer, and a bare loop of signed POSTs.

`python -m benchmarks.delivering <events> <url>` makes an instance with so many events for one webhook; for each line
that it reads, `datalinx`, `bare` or `client`, it sends all of them and prints the seconds, and those of processors: its
own, and with PostgreSQL on this machine those of the process that serves it.
"""

import http.client
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.home import Home, open_home
from benchmarks.processes import processor_seconds

EVENT = "pipeline.completed"
DATABASE = "BENCH_DELIVERING_DATABASE"


def main() -> None:
    """Serve until there is nothing more to read."""
    output = os.fdopen(os.dup(1), "w", buffering=1)
    # What libraries print is not an answer.
    os.dup2(2, 1)
    events, url = int(sys.argv[1]), sys.argv[2]
    with open_home(database=os.environ.get(DATABASE, "")) as home:
        _furnish(home, events, url)
        output.write("ready\n")
        for line in sys.stdin:
            who = line.strip()
            seconds, used = _deliver(events) if who == "datalinx" else _bare(url, _POSTS[who])
            output.write(f"{seconds} {used}\n")


def _furnish(home: Home, events: int, url: str) -> None:
    from django.conf import settings

    from apps.workspaces.services.webhooks import create_webhook
    from datalinx.events import emit

    settings.OUTBOUND_ALLOW_CIDRS = ("127.0.0.0/8",)
    create_webhook(workspace=home.workspace, actor=home.actor, url=url, events=[EVENT])
    from django.db import transaction

    totals = {"read": 10_000, "rejected": 12, "inserted": 9_988}
    with transaction.atomic():
        for number in range(events):
            emit(
                EVENT,
                workspace=home.workspace,
                pipeline_id="pl_1",
                run_id=f"run_{number}",
                status="success",
                error=None,
                totals=totals,
            )


def _deliver(events: int) -> tuple[float, float]:
    """Let everything be due anew, and return what it takes until nothing is. Raises RuntimeError if any failed."""
    from apps.workspaces.models import Delivery, DeliveryAttempt
    from apps.workspaces.services.deliveries import deliver_due
    from datalinx import clock

    DeliveryAttempt.objects.all().delete()
    Delivery.objects.update(status="pending", attempts=0, due_at=clock.database_now(), delivered_at=None)
    server = _database_process()
    watch = _Watch(server)
    deliver_due(seconds=3600)
    taken = watch.read()
    arrived = Delivery.objects.filter(status="delivered", attempts=1).count()
    if not arrived == DeliveryAttempt.objects.count() == events:
        raise RuntimeError(f"of {events} deliveries {arrived} arrived at the first attempt")
    return taken


class _Watch:
    """The time since it was made, of the clock and of the processors: this process and, unless it is 0, another."""

    def __init__(self, beside: int = 0) -> None:
        self._beside = beside
        self._used, self._started = self._processors(), time.perf_counter()

    def _processors(self) -> float:
        return time.process_time() + (processor_seconds(self._beside) if self._beside else 0.0)

    def read(self) -> tuple[float, float]:
        return time.perf_counter() - self._started, self._processors() - self._used


def _database_process() -> int:
    """Return the id of the process that serves our connection, 0 when it is none of this machine's."""
    from django.db import connection

    if connection.vendor == "sqlite":
        return 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        found = int(cursor.fetchone()[0])
    name = Path(f"/proc/{found}/comm")
    return found if name.exists() and name.read_text().strip() == "postgres" else 0


def _bare(url: str, post_all: Callable[..., None]) -> tuple[float, float]:
    """Send the same with as many threads as the deliverer gives to one webhook, and keep no books."""
    from apps.workspaces.models import Event, Webhook
    from apps.workspaces.services.lanes import AT_ONCE
    from apps.workspaces.services.webhooks import live_secrets

    secrets = live_secrets(Webhook.objects.get())
    rows = iter(list(Event.objects.order_by("sequence").values_list("pk", "body")))
    lock = threading.Lock()
    threads = [threading.Thread(target=post_all, args=(url, rows, lock, secrets)) for _ in range(AT_ONCE)]
    watch = _Watch()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return watch.read()


def _send_all(url: str, rows: Iterator[tuple[str, str]], lock: threading.Lock, secrets: list[str]) -> None:
    from apps.workspaces.services.sending import sign

    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port)
    while True:
        with lock:
            found = next(rows, None)
        if found is None:
            break
        event_id, body = found
        timestamp = int(time.time())
        headers = {
            "Content-Type": "application/json",
            "webhook-id": event_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": sign(message_id=event_id, timestamp=timestamp, body=body, secrets=secrets),
        }
        connection.request("POST", parts.path, body=body.encode(), headers=headers)
        answer = connection.getresponse()
        answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"the receiver answered {answer.status}")
    connection.close()


def _send_all_by_client(
    url: str, rows: Iterator[tuple[str, str]], lock: threading.Lock, secrets: list[str]
) -> None:
    from django.conf import settings

    from apps.workspaces.services.sending import Message, send
    from datalinx.outbound import Outbound

    with Outbound(allow=settings.OUTBOUND_ALLOW_CIDRS) as client:
        while True:
            with lock:
                found = next(rows, None)
            if found is None:
                return
            outcome = send(client, Message(url, *found, tuple(secrets)))
            if not outcome.delivered:
                raise RuntimeError(outcome.error)


_POSTS: Mapping[str, Callable[..., None]] = {"bare": _send_all, "client": _send_all_by_client}


if __name__ == "__main__":
    main()
