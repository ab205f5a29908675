"""What workers do for workspaces: deliver events."""

import logging

from datalinx.celery import app

logger = logging.getLogger(__name__)


@app.task(name="workspaces.deliver")
def deliver() -> None:
    """Attempt the deliveries that are due."""
    from apps.workspaces.services.deliveries import deliver_due

    deliver_due()


def wake_delivery() -> None:
    """Wake a worker for new deliveries; when the broker is away, the next tick does it."""
    try:
        deliver.delay()
    except Exception:  # The rows stay, and the tick looks for them.
        logger.warning("the deliveries could not be sent to a worker yet", exc_info=True)
