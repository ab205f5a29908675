"""What workers do for workspaces: deliver events, and sweep those that are old."""

import logging
from collections.abc import Callable

from datalinx.alone import alone
from datalinx.celery import app

logger = logging.getLogger(__name__)


@app.task(name="workspaces.deliver")
def deliver() -> None:
    """Attempt the deliveries that are due, unless another process of this machine is doing so."""
    from apps.workspaces.services.claiming import find_ready
    from apps.workspaces.services.deliveries import deliver_due

    while True:
        # With many threads: a second process would only take the place of other tasks.
        with alone("deliveries") as leave:
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
