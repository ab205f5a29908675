"""How long runs and the lines of their logs are kept: old ones go in bounded batches, what is needed stays."""

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from apps.pipelines.models import Run, RunLog, StoredTable

# What one statement deletes, and how many batches one sweep does: the next one goes on.
RUNS_AT_ONCE = 100
LINES_AT_ONCE = 5_000
BATCHES = 200


def delete_old_logs() -> int:
    """Delete the lines of runs that ended longer ago than logs are kept; return how many. The runs stay."""
    cut = timezone.now() - timedelta(days=settings.RUN_LOG_DAYS)
    old = RunLog.objects.filter(run__status__in=Run.FINISHED, run__finished_at__lt=cut)
    count = 0
    for _ in range(BATCHES):
        ids = list(old.order_by("run__finished_at", "pk").values_list("pk", flat=True)[:LINES_AT_ONCE])
        if not ids:
            break
        count += RunLog.objects.filter(pk__in=ids).delete()[0]
    return count


def delete_old_runs() -> int:
    """Delete runs that ended longer ago than runs are kept, with their steps and logs; return how many.

    A run stays, whatever its age, while it has not ended, while it is the newest of its pipeline (or the newest
    without one of its workspace), while a stored table is as this run made it, and while an unfinished run repeats,
    replays or verifies it. The files of rejected rows are swept as those of no run.
    """
    count = 0
    for _ in range(BATCHES):
        with transaction.atomic():
            locked = Run.objects.select_for_update(skip_locked=True, no_key=True, of=("self",))
            ids = list(_old_runs(locked).values_list("pk", flat=True)[:RUNS_AT_ONCE])
            Run.objects.filter(pk__in=ids).delete()
        count += len(ids)
        if not ids:
            break
    return count


def _old_runs(runs: QuerySet[Run]) -> QuerySet[Run]:
    cut = timezone.now() - timedelta(days=settings.RUN_DAYS)
    later = Run.objects.filter(created_at__gt=OuterRef("created_at"))
    newer = Q(Exists(later.filter(pipeline=OuterRef("pipeline")))) | Q(
        Exists(later.filter(pipeline=None, workspace=OuterRef("workspace"))), pipeline=None
    )
    dependents = Q(retry_of=OuterRef("pk")) | Q(replay_of=OuterRef("pk")) | Q(verify_of=OuterRef("pk"))
    return runs.filter(
        newer,
        ~Exists(StoredTable.objects.filter(run=OuterRef("pk"))),
        ~Exists(Run.objects.filter(dependents, status__in=Run.ACTIVE)),
        status__in=Run.FINISHED,
        finished_at__lt=cut,
    ).order_by("finished_at")
