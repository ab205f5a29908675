"""What workers do for analytics: keep audiences fresh."""

from datalinx.celery import app


@app.task(name="analytics.refresh")
def refresh() -> None:
    """Refresh the audiences whose tables have changed."""
    from apps.analytics.services.audiences import refresh_due_audiences

    refresh_due_audiences()
