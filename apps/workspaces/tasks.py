"""What workers do for workspaces: deliver events, and sweep those that are old."""

import fcntl
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from datalinx.celery import app

logger = logging.getLogger(__name__)


@app.task(name="workspaces.deliver")
def deliver() -> None:
    """Attempt the deliveries that are due, unless another process of this machine is doing so."""
    from apps.workspaces.services.claiming import find_ready
    from apps.workspaces.services.deliveries import deliver_due

    while True:
        with _alone() as leave:
            if leave is None or _drain(deliver_due, leave):
                return
        # Whoever was sent away while this process was in told of something that it may have looked past.
        if not find_ready():
            return


def _drain(deliver_due: Callable[..., int], leave: Callable[[], None]) -> bool:
    """Deliver what is due; return whether the time was over and another process goes on."""
    is_over = False

    def hand_over() -> None:
        nonlocal is_over
        is_over = True
        leave()
        wake_delivery()

    deliver_due(when_over=hand_over)
    return is_over


@app.task(name="workspaces.sweep")
def sweep() -> None:
    """Delete events past their days."""
    from apps.workspaces.services.retention import sweep_events

    sweep_events()


def wake_delivery() -> None:
    """Wake a worker for new deliveries; when the broker is away, the next tick does it."""
    try:
        deliver.delay()
    except Exception:  # The rows stay, and the tick looks for them.
        logger.warning("the deliveries could not be sent to a worker yet", exc_info=True)


@contextmanager
def _alone() -> Iterator[Callable[[], None] | None]:
    """Give what lets others of this machine in again, or None when another is in already.

    One process at a time delivers on each machine, with many threads: a second one would only take the place of
    other tasks. The lock ends with the process that holds it.
    """
    folder = Path(settings.HOME) / "run"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder / "deliveries.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        yield None
        return
    try:
        yield lambda: fcntl.flock(descriptor, fcntl.LOCK_UN)
    finally:
        os.close(descriptor)
