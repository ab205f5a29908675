"""What workers do for pipelines. A message only wakes; the rows say what is to be done."""

from datalinx.celery import app


# A message that wakes for hours of work is confirmed when it is taken: what it was for is a row with a lease, which
# is taken up again without it, and a broker that waits for the confirmation (RabbitMQ for half an hour) would end the
# work. Losing the broker's connection then ends nothing either.
@app.task(name="pipelines.execute", acks_late=False)
def execute(run_id: str) -> None:
    """Take up the queued run whose turn it is; `run_id`, for which this was sent, or one that comes before it."""
    from apps.pipelines.services.execution import execute_next_run
    from datalinx.engine.execute.session import statements_left
    from datalinx.processes import end_process

    try:
        execute_next_run(end_process=end_process)
    finally:
        # A statement that did not heed its interrupt (the distance of two very long texts) ends with its process.
        if statements_left():
            end_process()


@app.task(name="pipelines.tick")
def tick() -> None:
    """Take up lost runs, start what is due, and send what was not picked up; the same for resolutions."""
    from apps.pipelines.services import backfill_driving, dispatching, resolutions, scheduling, triggering

    dispatching.reap_lost_runs()
    scheduling.start_due_runs()
    triggering.start_triggered_runs()
    backfill_driving.advance_backfills()
    dispatching.dispatch_waiting_runs()
    resolutions.reap_lost_resolutions()
    resolutions.dispatch_waiting_resolutions()


@app.task(name="pipelines.align")
def align() -> None:
    """Work out anew when the schedules fire next: a zone's rules or the database's clock may have changed."""
    from apps.pipelines.services.scheduling import align_schedules

    align_schedules()


@app.task(name="pipelines.resolve", acks_late=False)
def resolve(resolution_id: str) -> None:
    """Take up a queued resolution of identity, if it is still there to take."""
    from apps.pipelines.services.resolving import execute_resolution
    from datalinx.processes import end_process

    execute_resolution(resolution_id, end_process=end_process)


@app.task(name="pipelines.upkeep")
def upkeep() -> None:
    """Ask workers to look after the tables whose files are due."""
    from apps.pipelines.services.upkeep import due_tables

    for table_id in due_tables():
        keep_up.delay(table_id)


@app.task(name="pipelines.keep_up", acks_late=False)
def keep_up(table_id: str) -> None:
    """Look after the files of one table, if that is still due."""
    from apps.pipelines.services.upkeep import keep_up_due_table

    keep_up_due_table(table_id)


@app.task(name="pipelines.sweep")
def sweep() -> None:
    """Delete what belongs to nothing that is there any more."""
    from apps.pipelines.services.strays import sweep_all

    sweep_all()
