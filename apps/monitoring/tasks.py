"""What workers do for monitoring: look at what has changed."""

from datalinx.celery import app


@app.task(name="monitoring.watch")
def watch() -> None:
    """Look at the alert rules whose ground has changed."""
    from apps.monitoring.services.alerts import evaluate_changed_rules

    evaluate_changed_rules()
