"""What workers do for analytics: keep audiences fresh."""

from datalinx.alone import alone
from datalinx.celery import app


@app.task(name="analytics.refresh")
def refresh() -> None:
    """Refresh the audiences whose tables have changed."""
    from apps.analytics.services.audiences import refresh_due_audiences

    # As `monitoring.watch` does: of the processes of a machine one reads tables at a time.
    with alone("reading") as leave:
        if leave is not None:
            refresh_due_audiences()
