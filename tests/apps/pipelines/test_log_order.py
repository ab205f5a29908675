"""Lines of a log that are written side by side, read by one who asks for what came after the last line seen."""

import threading
import time

from django.db import connection, transaction

from apps.pipelines.models import Run, RunLog
from apps.pipelines.services.logs import write_log
from apps.workspaces.models import Workspace
from tests.world import make_world


def test_log__of_writers_that_commit_late__is_read_in_the_order_of_its_ids_without_a_gap(
    shared_database: None,
) -> None:
    """Writers keep their transactions open, as a publication does after its line: the reader must miss none."""
    make_world()
    run = Run.objects.create(workspace=Workspace.objects.earliest("created_at"))

    def write(name: str, pause: float) -> None:
        try:
            for number in range(8):
                with transaction.atomic():
                    write_log(run, f"{name}{number}")
                    time.sleep(pause)
        finally:
            connection.close()

    writers = [threading.Thread(target=write, args=(f"t{n}-", 0.004 * n)) for n in range(4)]
    for writer in writers:
        writer.start()
    seen: list[int] = []
    while any(writer.is_alive() for writer in writers):
        after = seen[-1] if seen else 0
        seen += run.logs.filter(pk__gt=after).order_by("pk").values_list("pk", flat=True)
    for writer in writers:
        writer.join()
    seen += run.logs.filter(pk__gt=seen[-1] if seen else 0).order_by("pk").values_list("pk", flat=True)
    assert seen == list(RunLog.objects.order_by("pk").values_list("pk", flat=True))
    assert len(seen) == 32
