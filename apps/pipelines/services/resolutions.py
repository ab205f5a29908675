"""Resolutions of identity: asked for, sent to a worker, held by a lease, taken up again when a worker is lost."""

import logging
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from apps.mappings.services.identity import find_identity
from apps.pipelines.models import IdentityResolution
from apps.pipelines.services.dispatching import REDISPATCH
from apps.pipelines.services.lease import LEASE, now_plus
from apps.pipelines.services.logs import told_error
from apps.pipelines.services.watchdog import Watchdog
from apps.workspaces.models import Workspace
from datalinx.caller import Caller
from datalinx.errors import DatalinxError, Failed, Invalid

logger = logging.getLogger(__name__)

MAX_ATTEMPTS = 5
OPEN = (IdentityResolution.Status.QUEUED, IdentityResolution.Status.RUNNING)


def start_resolution(*, workspace: Workspace, actor: Caller) -> tuple[IdentityResolution, bool]:
    """Queue a resolution with the present rules and return it at once, or the one that is not done yet.

    The second value says whether it is new. Raises Invalid IDENTITY_NOT_CONFIGURED.
    """
    row = find_identity(workspace.pk)
    if row is None or not row.document.get("tables"):
        message = "There are no identity rules in this workspace; PUT /api/identity makes some."
        raise Invalid("IDENTITY_NOT_CONFIGURED", message)
    try:
        with transaction.atomic():
            made = IdentityResolution.objects.create(
                workspace=workspace, version=row.version, document=row.document, created_by=actor.id
            )
    except IntegrityError:
        # The database's own constraint decides between two that ask at the same moment.
        rows = IdentityResolution.objects.for_workspace(workspace.pk).filter(status__in=OPEN)
        present: IdentityResolution | None = rows.first()
        return (present, False) if present is not None else start_resolution(workspace=workspace, actor=actor)
    transaction.on_commit(lambda: dispatch(made.pk))
    return made, True


@transaction.atomic
def cancel_resolution(*, workspace: Workspace, actor: Caller) -> IdentityResolution:
    """Ask the open resolution to stop: one that waits ends now, one under way within seconds.

    Raises Invalid RESOLUTION_NOT_OPEN.
    """
    rows = IdentityResolution.objects.for_workspace(workspace.pk)
    found: IdentityResolution | None = rows.filter(status__in=OPEN).first()
    if found is not None:
        own = rows.filter(pk=found.pk)
        ended = own.filter(status=IdentityResolution.Status.QUEUED).update(
            status=IdentityResolution.Status.CANCELLED,
            cancel_requested_at=Now(),
            finished_at=Now(),
            updated_at=Now(),
        )
        asked = ended or own.filter(status=IdentityResolution.Status.RUNNING).update(
            cancel_requested_at=Now(), updated_at=Now()
        )
        if asked:
            found.refresh_from_db()
            return found
    raise Invalid("RESOLUTION_NOT_OPEN", "No resolution is under way here; there is nothing to cancel.")


def dispatch(resolution_id: str) -> None:
    """Wake a worker. A message that is lost is sent again by the tick."""
    from apps.pipelines.tasks import resolve

    rows = IdentityResolution.objects.filter(pk=resolution_id, status=IdentityResolution.Status.QUEUED)
    rows.update(dispatched_at=Now())
    try:
        resolve.delay(resolution_id)
    except Exception:  # The broker may be away; the row stays, and the tick tries again.
        logger.warning("the resolution %s could not be sent to a worker yet", resolution_id, exc_info=True)


def claim_resolution(resolution_id: str) -> IdentityResolution | None:
    """Take a queued resolution for this process and return it, or None when there is nothing to take."""
    taken = IdentityResolution.objects.filter(
        pk=resolution_id, status=IdentityResolution.Status.QUEUED
    ).update(
        status=IdentityResolution.Status.RUNNING,
        fence=F("fence") + 1,
        lease_expires_at=now_plus(LEASE),
        started_at=Now(),
        updated_at=Now(),
    )
    if not taken:
        return None
    rows = IdentityResolution.objects.select_related("workspace__organization")
    claimed: IdentityResolution = rows.get(pk=resolution_id)
    return claimed


def held(resolution: IdentityResolution) -> QuerySet[IdentityResolution]:
    """Return the resolution as a queryset that is empty once somebody else holds it: update through this alone."""
    return IdentityResolution.objects.filter(
        pk=resolution.pk, fence=resolution.fence, status=IdentityResolution.Status.RUNNING
    )


def hand_over_resolution(resolution: IdentityResolution) -> bool:
    """Give a held resolution back at once: this worker was told to end. Return whether it was still held.

    One whose cancellation was accepted ends instead.
    """
    wanted = held(resolution).filter(cancel_requested_at=None)
    return (
        end_resolution(resolution, error=None)
        if not wanted.exists()
        else bool(
            wanted.update(
                status=IdentityResolution.Status.QUEUED,
                # Whatever still goes on in this process holds it no longer.
                fence=F("fence") + 1,
                lease_expires_at=None,
                dispatched_at=None,
                updated_at=Now(),
            )
        )
    )


class ResolutionWatchdog(Watchdog[IdentityResolution]):
    """The heartbeat of a resolution, which ends it when the work in this process does not heed."""

    def too_late(self) -> Failed:
        return too_late()

    def _renew(self) -> None:
        if not held(self.run).update(lease_expires_at=now_plus(LEASE)):
            self.lost.set()
        elif IdentityResolution.objects.filter(pk=self.run.pk, cancel_requested_at__isnull=False).exists():
            self.cancelled.set()

    def _hand_over(self) -> None:
        hand_over_resolution(self.run)

    def _finish(self) -> None:
        end_resolution(self.run, error=None if self.cancelled.is_set() else self.too_late())


def too_late() -> Failed:
    """Return the error of a resolution that took longer than it may."""
    seconds = settings.RESOLUTION_SECONDS
    return Failed("RESOLUTION_TIMEOUT", f"The resolution took longer than its {seconds} seconds.")


def end_resolution(resolution: IdentityResolution, *, error: DatalinxError | None) -> bool:
    """End a held resolution, as failed by `error` or as cancelled. Return whether it was still held.

    One whose cancellation was accepted ends as cancelled, whatever else it came to.
    """
    end: dict[str, Any] = {"lease_expires_at": None, "finished_at": Now(), "updated_at": Now()}
    if error is not None:
        told = told_error(resolution, error)
        wanted = held(resolution).filter(cancel_requested_at=None)
        if wanted.update(status=IdentityResolution.Status.FAILED, error=told, **end):
            return True
    return bool(held(resolution).update(status=IdentityResolution.Status.CANCELLED, error=None, **end))


def reap_lost_resolutions() -> int:
    """Queue resolutions again whose worker fell silent, or end them when that happened too often; return how many."""
    silent = Q(lease_expires_at=None) | Q(lease_expires_at__lt=Now())
    lost = IdentityResolution.objects.filter(silent, status=IdentityResolution.Status.RUNNING)
    cancelled = lost.filter(cancel_requested_at__isnull=False).update(
        status=IdentityResolution.Status.CANCELLED, finished_at=Now(), updated_at=Now()
    )
    error = {
        "code": "WORKER_LOST",
        "message": f"The worker was lost {MAX_ATTEMPTS} times; look at its memory and its log.",
    }
    ended = lost.filter(attempt__gte=MAX_ATTEMPTS).update(
        status=IdentityResolution.Status.FAILED, error=error, finished_at=Now(), updated_at=Now()
    )
    again = lost.update(
        status=IdentityResolution.Status.QUEUED,
        attempt=F("attempt") + 1,
        dispatched_at=None,
        updated_at=Now(),
    )
    return cancelled + ended + again


def dispatch_waiting_resolutions() -> int:
    """Send the resolutions that wait and whose message was lost; return how many."""
    waiting = Q(dispatched_at=None) | Q(dispatched_at__lt=now_plus(-REDISPATCH))
    rows = IdentityResolution.objects.filter(waiting, status=IdentityResolution.Status.QUEUED)
    ids = list(rows.order_by("created_at").values_list("pk", flat=True)[:100])
    for resolution_id in ids:
        dispatch(resolution_id)
    return len(ids)
