"""How long events are kept with their deliveries and attempts: swept in batches, what is on its way stays."""

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.db.models.functions import Greatest

from apps.workspaces.models import Delivery, DeliveryAttempt, Event, Workspace
from datalinx import clock

_BATCH = 1_000
# A sweep ends after so many batches; the next one goes on.
_MOST_BATCHES = 200


def sweep_events() -> int:
    """Delete events past their days, and return how many went."""
    before = clock.database_now() - timedelta(days=settings.EVENT_DAYS)
    gone = 0
    on_its_way = Delivery.objects.filter(event=OuterRef("pk"), status=Delivery.Status.PENDING)
    for _ in range(_MOST_BATCHES):
        rows = Event.objects.filter(~Exists(on_its_way), created_at__lt=before).order_by("created_at")
        some = list(rows.values_list("pk", "workspace_id", "sequence")[:_BATCH])
        _delete(some)
        gone += len(some)
        if len(some) < _BATCH:
            break
    return gone


@transaction.atomic
def _delete(rows: list[tuple[str, str, int]]) -> None:
    ids = [event_id for event_id, _, _ in rows]
    highest: dict[str, int] = {}
    for _, workspace_id, sequence in rows:
        highest[workspace_id] = max(sequence, highest.get(workspace_id, 0))
    for workspace_id, sequence in sorted(highest.items()):
        Workspace.objects.filter(pk=workspace_id).update(
            events_swept_to=Greatest("events_swept_to", sequence)
        )
    # A replay may have begun in this moment; then the event stays, and what hangs on it.
    busy = set(
        Delivery.objects.select_for_update(no_key=True)
        .filter(event_id__in=ids, status=Delivery.Status.PENDING)
        .values_list("event_id", flat=True)
    )
    ids = [each for each in ids if each not in busy]
    DeliveryAttempt.objects.filter(delivery__event_id__in=ids).delete()
    Delivery.objects.filter(event_id__in=ids).delete()
    Event.objects.filter(pk__in=ids).delete()
