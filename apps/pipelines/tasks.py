"""What workers do for pipelines. A message only wakes; the rows say what is to be done."""

from datalinx.celery import app


@app.task(name="pipelines.execute")
def execute(run_id: str) -> None:
    """Take up a queued run, if it is still there to take."""
    from apps.pipelines.services.execution import execute_run

    execute_run(run_id)


@app.task(name="pipelines.tick")
def tick() -> None:
    """Take up lost runs, start what is due, and send what was not picked up."""
    from apps.pipelines.services import runs

    runs.reap_lost_runs()
    runs.start_due_runs()
    runs.dispatch_waiting_runs()
