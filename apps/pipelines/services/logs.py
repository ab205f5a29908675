"""The log of a run: lines for people, with their level and table."""

from apps.pipelines.models import Run, RunLog


def write_log(run: Run, message: str, *, level: str = "info", table: str = "") -> None:
    """Add a line to a run's log."""
    RunLog.objects.create(run=run, level=level, table=table, message=message[:10_000])
