"""A worker's resolution of identity: the stored tables read, people found, published in one transaction."""

import logging
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import close_old_connections, connection, transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone

from apps.mappings.models import Identity
from apps.mappings.services.schemas import get_schema_document
from apps.mappings.services.types import get_registry
from apps.pipelines.models import IdentityResolution
from apps.pipelines.services.people import found_file, last_found
from apps.pipelines.services.resolutions import (
    ResolutionWatchdog,
    claim_resolution,
    end_resolution,
    hand_over_resolution,
    held,
)
from apps.pipelines.services.tables import find_stored_table, table_files
from apps.workspaces.models import Workspace
from datalinx.engine import identity as engine
from datalinx.engine.identity.masking import shown_sql
from datalinx.engine.spec.base import parse_document
from datalinx.engine.spec.identity import IdentityDocument, IdentityTable
from datalinx.engine.spec.schema import TargetSchema
from datalinx.errors import Cancelled, DatalinxError, Failed
from datalinx.files import scratch, workspace_storage
from datalinx.orm import BROKEN_OFF

logger = logging.getLogger(__name__)

REPORT_SECONDS = 1.0
KEEP_NEWEST = 5


def execute_resolution(resolution_id: str, *, end_process: Callable[[], None] | None = None) -> None:
    """Take up a queued resolution and bring it to its end, unless there is nothing to take or it is taken away.

    `end_process` ends this process with work in it that does not end when it is told to.
    """
    resolution = claim_resolution(resolution_id)
    if resolution is None:
        return
    with ResolutionWatchdog(resolution, end_process=end_process) as watchdog:
        watchdog.allow(settings.RESOLUTION_SECONDS)
        try:
            _Resolving(resolution, watchdog).run()
        except Cancelled:
            _stop(resolution, watchdog)
        except DatalinxError as error:
            _fail(resolution, error)
        except BROKEN_OFF:
            # No fault of the resolution: once its lease is over it is taken up again.
            logger.warning("the database broke off the resolution %s", resolution.pk, exc_info=True)
            if not connection.in_atomic_block:
                connection.close()
        except Exception:
            logger.exception("the resolution %s met an unexpected error", resolution.pk)
            message = "Something went wrong on our side; it was logged under the resolution's id."
            _fail(resolution, Failed("INTERNAL_ERROR", message))


def _stop(resolution: IdentityResolution, watchdog: ResolutionWatchdog) -> None:
    if watchdog.lost.is_set():
        logger.warning("the resolution %s was taken over; this worker leaves it", resolution.pk)
    elif watchdog.is_late:
        end_resolution(resolution, error=watchdog.too_late())
    else:
        # Gives it back, or ends it where that was asked for.
        hand_over_resolution(resolution)


def _fail(resolution: IdentityResolution, error: DatalinxError) -> None:
    end_resolution(resolution, error=error)


class _Resolving:
    """One attempt by one worker."""

    def __init__(self, resolution: IdentityResolution, watchdog: ResolutionWatchdog) -> None:
        self.resolution, self.watchdog = resolution, watchdog
        self.workspace: Workspace = resolution.workspace
        self.place = workspace_storage(self.workspace.organization_id, self.workspace.pk)
        self.folder = f"{resolution.pk}_{resolution.fence}"
        self.reported_at = 0.0

    def run(self) -> None:
        """Find who is who and publish it, or raise and publish nothing."""
        identity = Identity.objects.for_workspace(self.workspace.pk).get()
        document = parse_document(IdentityDocument, self.resolution.document)
        previous = last_found(self.workspace.pk)
        with scratch("identity") as folder:
            found = engine.resolve_identity(
                document,
                people=self._people(document, folder),
                previous=found_file(previous, engine.RECORDS) if previous else None,
                history=found_file(previous, engine.HISTORY) if previous else None,
                moment=engine.Moment(identity.generation + 1, timezone.now(), self.resolution.pk),
                folder=folder / "output",
                budget=engine.Budget(settings.ENGINE_MEMORY_BYTES, settings.ENGINE_THREADS),
                progress=self._report,
                stopped=lambda: self.watchdog.should_stop() or self.watchdog.is_late,
            )
            for name, path in found.files.items():
                self.place.put_file(f"identity/{self.folder}/{name}", path, move=True)
        # After minutes of computing the connection may be gone; within a transaction it is not ours to replace.
        if not connection.in_atomic_block:
            close_old_connections()
        self._publish(identity, found)
        forget_old_resolutions(self.workspace)

    def _people(self, document: IdentityDocument, folder: Path) -> Sequence[engine.People]:
        """Return the stored tables of the rules. Raises Failed INPUT_MISSING, UNKNOWN_COLUMN."""
        schema = get_schema_document(self.workspace.pk)
        target = parse_document(TargetSchema, {**schema, "name": schema["name"] or "workspace"})
        types = get_registry(self.workspace.organization_id)
        found = []
        for entry in document.tables:
            stored = find_stored_table(self.workspace.pk, entry.table)
            if stored is None:
                message = f"The table {entry.table!r} was never written; run its pipeline first."
                raise Failed("INPUT_MISSING", message)
            files = table_files(stored, hold_in=folder / "tables")
            _require_columns(entry, files.names())
            table = target.table(entry.table)
            columns = [table.column(name) for name in entry.identifiers] if table is not None else []
            shown = {column.name: shown_sql(column, types) for column in columns if column is not None}
            # What the schema knows no more is nothing that anybody said may be shown.
            hidden = {name: shown.get(name, "'***'") for name in entry.identifiers}
            found.append(engine.People(entry, files, hidden))
        return found

    def _report(self, share: float, phase: str) -> None:
        if time.monotonic() - self.reported_at >= REPORT_SECONDS or share == 0.0:
            self.reported_at = time.monotonic()
            held(self.resolution).update(progress=share, phase=phase, updated_at=Now())

    def _publish(self, identity: Identity, found: engine.Resolved) -> None:
        """End the resolution and move the generation in one transaction, if both are still what they were."""
        generation = identity.generation + 1 if found.changed else identity.generation
        with transaction.atomic():
            # One update asks and answers: no cancellation is accepted between the two.
            ended = (
                held(self.resolution)
                .filter(cancel_requested_at=None)
                .update(
                    status=IdentityResolution.Status.SUCCESS,
                    generation=generation,
                    stats=found.stats,
                    folder=self.folder,
                    progress=1.0,
                    phase="",
                    error=None,
                    finished_at=Now(),
                    updated_at=Now(),
                )
            )
            if not ended:
                raise Cancelled(
                    "RESOLUTION_STOPPED", "The resolution was cancelled, or is another worker's now."
                )
            Identity.objects.filter(pk=identity.pk).update(generation=generation)


def _require_columns(entry: IdentityTable, names: Sequence[str]) -> None:
    for name in (entry.key, *entry.identifiers):
        if name not in names:
            message = f"The stored table {entry.table!r} has no column {name!r} yet: run its pipeline."
            raise Failed("UNKNOWN_COLUMN", message)


def forget_old_resolutions(workspace: Workspace) -> int:
    """Let go of the files of old resolutions, except the newest few; return of how many. They are swept a day later."""
    rows = IdentityResolution.objects.for_workspace(workspace.pk).exclude(folder="")
    newest = list(rows.order_by("-finished_at").values_list("pk", flat=True)[:KEEP_NEWEST])
    before = timezone.now() - timedelta(days=settings.SNAPSHOT_DAYS)
    return int(
        rows.filter(Q(finished_at__lt=before) & ~Q(pk__in=newest)).update(
            folder="", updated_at=F("updated_at")
        )
    )
