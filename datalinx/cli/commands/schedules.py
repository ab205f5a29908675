"""Schedules: what starts by itself."""

from datalinx.cli.command import Limit, command, group
from datalinx.cli.output import Column
from datalinx.cli.session import Session

app = group("What starts by itself, by the clock or after other pipelines.")


def list_(session: Session, *, limit: Limit = 50) -> None:
    """List the pipelines that start by themselves, with their next times and what was left out.

    Example: datalinx schedules list
    """
    session.out.listing(
        session.view.schedules.list(),
        "name",
        "enabled",
        "cron",
        "timezone",
        Column("after", "after.pipelines"),
        "next_runs",
        Column("last run", "last_run.status"),
        "missed_count",
        "skipped_count",
        limit=limit,
    )


command(app, "list")(list_)
