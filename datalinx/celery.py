"""The Celery application: how work leaves a request, and how a worker tells that it lives.

A message carries ids only and is only a wake-up: what is to be done, and how far it got, are rows in the database.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from celery import Celery, bootsteps, signals
from celery.apps.worker import Worker as CeleryWorker
from celery.beat import Scheduler as InMemoryScheduler
from celery.contrib.django.task import DjangoTask
from kombu.exceptions import OperationalError

from datalinx import pool, stopping

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "datalinx.settings")

_REQUEST_ID = "datalinx_request_id"
_TRACE = "datalinx_trace"
_FRESH = "datalinx_fresh"
# A broker that did not take a message is left alone for so long: a message only wakes, and ticks send it again.
_LEFT_ALONE_SECONDS = 5.0


class _Patience:
    """Keeps this process from asking a broker again and again that did not answer just now."""

    def __init__(self) -> None:
        self._silent_until = 0.0

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Send a message within. Raises OperationalError when the broker does not take it, or did not a moment ago."""
        if time.monotonic() < self._silent_until:
            raise OperationalError("the broker did not answer a moment ago")
        try:
            yield
        except (OperationalError, OSError):
            self._silent_until = time.monotonic() + _LEFT_ALONE_SECONDS
            raise


_patience = _Patience()


class Task(DjangoTask[Any, Any]):
    """A task that takes the request that started it along, its id and its trace, into its log lines and tasks.

    With `fresh_seconds` it is dropped when it waited longer. Celery's own `expires` compares the clock of the machine
    that sends with that of the machine that takes.
    """

    abstract = True

    def apply_async(self, *args: Any, fresh_seconds: float | None = None, **options: Any) -> Any:
        from datalinx.api.request_id import current_request_id
        from datalinx.freshness import mark_fresh
        from datalinx.trace import current_trace

        own = {_REQUEST_ID: current_request_id()}
        if fresh_seconds is not None:
            own[_FRESH] = mark_fresh(fresh_seconds)
        if trace := current_trace():
            own[_TRACE] = trace
        headers = {**own, **(options.pop("headers", None) or {})}
        with _patience.asking():
            return super().apply_async(*args, headers=headers, **options)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        from datalinx.api.request_id import set_request_id
        from datalinx.freshness import is_fresh
        from datalinx.trace import carry, parse_traceparent, span

        headers = self.request.headers or {}
        if not is_fresh(headers.get(_FRESH) or ""):
            return None
        set_request_id(headers.get(_REQUEST_ID) or "")
        given = parse_traceparent(headers.get(_TRACE) or "")
        if not given:
            # Ticks belong to no trace, and one of their own every few seconds would say nothing.
            with carry(""):
                return super().__call__(*args, **kwargs)
        with span(f"task {self.name}", parent=given, kind="consumer"):
            return super().__call__(*args, **kwargs)


class _Repeated(bootsteps.StartStopStep):
    """Does something every few seconds while the consumer runs."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, consumer: Any, **options: Any) -> None:
        super().__init__(consumer, **options)
        self._timer: Any = None

    def start(self, consumer: Any) -> None:
        self.do(consumer)
        self._timer = consumer.timer.call_repeatedly(self.seconds(), self.do, (consumer,))

    def stop(self, consumer: Any) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    shutdown = stop

    def seconds(self) -> float:
        """Return how much time lies between two times."""
        return 1.0

    def do(self, consumer: Any) -> None:
        """Do it once, raising nothing: Celery would end the worker."""
        raise NotImplementedError


class SignOfLife(_Repeated):
    """Beats while the consumer runs: a worker that lost its broker falls silent, as it should."""

    def seconds(self) -> float:
        from datalinx.heartbeat import INTERVAL_SECONDS

        return INTERVAL_SECONDS

    def do(self, consumer: Any) -> None:
        _beat("worker", list(consumer.app.amqp.queues.consume_from))


class Oversight(_Repeated):
    """Ends the processes of the pool that hear nothing any more and whose work is to stop."""

    def do(self, consumer: Any) -> None:
        import logging

        from datalinx.registry import registered

        # While all give signs nothing is asked of the database, and nothing is loaded into this process.
        if not any(pool.find_silent()):
            return
        try:
            registered("end_silent_work")()
        except Exception as error:  # Without a database nobody can tell; it is asked again in a second.
            logging.getLogger(__name__).warning("Silent processes were not looked at: %s", error)


class Scheduler(InMemoryScheduler):
    """The static schedule, kept in memory: what people schedule are rows, which a tick looks through.

    It goes by the time that passes, not by the machine's clock: set back by an hour, that would be an hour without
    ticks.
    """

    max_interval = 2

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._due_at: dict[str, float] = {}
        super().__init__(*args, **kwargs)

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Send what is due and return for how many seconds there is nothing to do."""
        _beat("scheduler")
        now = time.monotonic()
        for name, entry in self.schedule.items():
            every = entry.schedule.run_every.total_seconds()  # type: ignore[union-attr]  # all are intervals
            due_at = self._due_at.setdefault(name, now + every)
            if due_at <= now:
                following = due_at + every
                # Of those that it missed while it stood still, one is enough.
                self._due_at[name] = following if following > now else now + every
                self.apply_entry(entry, producer=self.producer)
        return max(0.0, min([now + self.max_interval, *self._due_at.values()]) - time.monotonic())


def _beat(role: str, queues: list[str] | None = None) -> None:
    import logging

    from datalinx.heartbeat import beat

    try:
        beat(role, queues or [])
    except Exception as error:  # A store that is away must not stop the work; it shows on /readyz.
        logging.getLogger(__name__).warning("The %s's sign of life was not stored: %s", role, error)


class Worker(CeleryWorker):
    """A worker whose tasks hear at once that it is to end.

    Celery's own signal comes after the moment that it leaves to its tasks, when they have been cancelled.
    """

    def wait_for_soft_shutdown(self) -> Any:
        stopping.ask_to_stop()
        return super().wait_for_soft_shutdown()


class Application(Celery):
    """Celery with our worker."""

    @cached_property
    def Worker(self) -> Any:  # noqa: N802  # Celery's own name
        return self.subclass_with_self(Worker)


def _make_app() -> Celery:
    from django.conf import settings

    app = Application("datalinx", task_cls="datalinx.celery:Task")
    app.conf.update(settings.CELERY)
    app.steps["consumer"].update((SignOfLife, Oversight))
    app.autodiscover_tasks()
    return app


def messages_in(queue: str) -> int:
    """Return how many messages wait in a queue, 0 when there is none; those that a worker holds are not counted."""
    with app.connection_for_write() as connection:
        # Each transport has a channel of its own kind.
        channel: Any = connection.channel()
        try:
            found: int = channel.queue_declare(queue, passive=True).message_count
        except connection.channel_errors:
            # A queue that nobody has made yet.
            return 0
    return found


@signals.worker_init.connect
def _begin(**_: Any) -> None:
    stopping.begin_anew()


@signals.setup_logging.connect
def _leave_logging_alone(**_: Any) -> None:
    """Django has set logging up already; a receiver here keeps Celery from doing it a second time."""


@signals.worker_init.connect
@signals.beat_init.connect
def _stop_if_wrong(**_: Any) -> None:
    from django.core.exceptions import ImproperlyConfigured

    from datalinx.checks import stop_if_database_is_newer, stop_if_database_is_older, stop_if_wrong

    try:
        stop_if_wrong()
        stop_if_database_is_newer()
        stop_if_database_is_older()
    except ImproperlyConfigured as error:
        # Whatever else a receiver of a signal raises, Celery logs and goes on.
        raise SystemExit(str(error)) from error


app = _make_app()
