"""What workers do for monitoring: look at what has changed."""

from datalinx.alone import alone
from datalinx.celery import app


@app.task(name="monitoring.watch")
def watch() -> None:
    """Score the tables that changed, then look at the alert rules whose ground has changed."""
    from apps.monitoring.services.alerts import evaluate_changed_rules
    from apps.monitoring.services.scores import score_changed_tables

    # Reading tables takes long, and ticks and deliveries need a process: the next tick looks again.
    with alone("reading") as leave:
        if leave is not None:
            score_changed_tables()
            evaluate_changed_rules()
