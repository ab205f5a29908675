"""Looking after a table's files: small ones merged, old versions let go of, what nobody names deleted.

Nothing here makes a run fail: it moves a table's pointer as a run does, only while no run works on the table, and
gives up when it moved meanwhile. Files go in two steps: a version is forgotten first, and its files a day later,
so that whoever reads it can end.
"""

import json
import logging
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone

from apps.pipelines.models import Run, RunStep, StoredTable
from apps.pipelines.services.lease import now_plus
from apps.pipelines.services.tables import MERGE_KEYS, STATE, state_properties, table_storage
from datalinx.engine import lake
from datalinx.engine.execute.stored import KEYED_FILE_BYTES
from datalinx.engine.lake import DataFile, Staged
from datalinx.engine.query.trusted import open_connection
from datalinx.engine.storage import Stored
from datalinx.errors import Interrupted
from datalinx.files import scratch

logger = logging.getLogger(__name__)

# A table that changed is looked after at most so often, one that did not once in a day.
AFTER_CHANGES = timedelta(hours=1)
WITHOUT_CHANGES = timedelta(days=1)
# Longer than any query, and than it takes from a run's files being written to their commit.
SAFETY = timedelta(days=1)
DUE_AT_ONCE = 50

KEEP_NEWEST = 5
FILE_BYTES = 128 * 1024**2
SMALL_FILES = 8
# What one pass may merge: an hour's work of nobody.
PASS_BYTES = 4 * 1024**3


@dataclass(frozen=True)
class Upkeep:
    """What looking after a table did or, rehearsed, would do."""

    merged_files: int = 0
    forgotten_snapshots: int = 0
    deleted_files: tuple[str, ...] = ()
    deleted_bytes: int = 0


def due_tables() -> list[str]:
    """Return the ids of tables that are due to be looked after, the longest waiting first."""
    rows = StoredTable.objects.filter(_due()).order_by(F("kept_up_at").asc(nulls_first=True), "pk")
    return list(rows.values_list("pk", flat=True)[:DUE_AT_ONCE])


def _due() -> Q:
    changed = Q(updated_at__gt=F("kept_up_at"), kept_up_at__lt=now_plus(-AFTER_CHANGES))
    return Q(kept_up_at=None) | changed | Q(kept_up_at__lt=now_plus(-WITHOUT_CHANGES))


def keep_up_due_table(table_id: str) -> Upkeep | None:
    """Look after a table unless another worker did meanwhile. A message that comes twice finds nothing to do."""
    if not StoredTable.objects.filter(_due(), pk=table_id).update(kept_up_at=Now()):
        return None
    table = StoredTable.objects.select_related("workspace").get(pk=table_id)
    try:
        done = keep_up_table(table=table)
    except Interrupted as error:
        logger.info("the table %s is left for the next time: %s", table_id, error.message)
        return None
    # By its own moves alone the table is not due again.
    StoredTable.objects.filter(pk=table_id, metadata_key=table.metadata_key).update(kept_up_at=Now())
    return done


def keep_up_table(*, table: StoredTable, rehearse: bool = False) -> Upkeep:
    """Sweep, merge small files, let go of old versions. With `rehearse` nothing is changed.

    Raises Interrupted TABLE_MOVED or TABLE_IN_USE when a run came in between: nothing has happened then.
    """
    swept, may_expire = _sweep(table, rehearse=rehearse)
    merged = _merge(table, rehearse=rehearse)
    forgotten = _expire(table, rehearse=rehearse) if may_expire else 0
    names = tuple(file.key for file in swept)
    done = Upkeep(merged, forgotten, names, sum(file.size for file in swept))
    if done != Upkeep() and not rehearse:
        logger.info(
            "the table %s: %s files merged, %s versions let go of, %s files deleted",
            table.pk,
            merged,
            forgotten,
            len(names),
        )
    return done


def _sweep(table: StoredTable, *, rehearse: bool) -> tuple[list[Stored], bool]:
    """Delete what no version names; return it, and whether versions may be let go of now.

    While files of forgotten versions may be read no more are forgotten: the wait would never end.
    """
    now = timezone.now()
    if table.expired_at is not None and not _is_quiet_since(table, table.expired_at, now):
        return [], False
    storage = table_storage(table.workspace, table.pk)
    found = list(lake.orphans(storage, table.metadata_key, before=now - SAFETY))
    if not rehearse:
        for file in found:
            storage.delete(file.key)
    return found, True


def _is_quiet_since(table: StoredTable, moment: datetime, now: datetime) -> bool:
    older = Run.objects.filter(workspace=table.workspace_id, status=Run.Status.RUNNING, started_at__lt=moment)
    return moment < now - SAFETY and not older.exists()


def _merge(table: StoredTable, *, rehearse: bool) -> int:
    storage = table_storage(table.workspace, table.pk)
    version = lake.version(storage, table.metadata_key)
    keys = json.loads(version.snapshot.properties.get(MERGE_KEYS, "[]"))
    chosen = lake.small_files(
        version.files, target_bytes=_file_bytes(keys), at_least=SMALL_FILES, at_most_bytes=PASS_BYTES
    )
    if not chosen or rehearse:
        return len(chosen)
    _require_unused(table)
    state = {name: value for name, value in version.snapshot.properties.items() if name in STATE}
    # The cursor of the table may be ahead of the version's: loads that brought no row move it alone.
    state |= state_properties(
        cursor=table.cursor,
        cursor_type=table.cursor_type,
        output_hash=table.output_hash,
        mapping_version=table.mapping_version,
        merge_keys=keys,
    )
    _publish(table, _merged(table, version, chosen, keys, state))
    return len(chosen)


def _file_bytes(keys: Sequence[str]) -> int:
    """The size that a table's files should have: smaller where rows are merged into them."""
    return min(FILE_BYTES, KEYED_FILE_BYTES) if keys else FILE_BYTES


def _merged(
    table: StoredTable,
    version: lake.Version,
    chosen: Sequence[DataFile],
    keys: Sequence[str],
    state: dict[str, str],
) -> Staged:
    storage = table_storage(table.workspace, table.pk)
    with scratch("upkeep") as folder:
        spill = folder / "spill"
        spill.mkdir()
        paths = [storage.local(file.key, hold_in=folder / "base") for file in chosen]
        opened = open_connection(
            memory_bytes=settings.ENGINE_MEMORY_BYTES, threads=settings.ENGINE_THREADS, spill=spill
        )
        with closing(opened) as connection:
            add = lake.merge_files(
                connection,
                version.columns,
                paths,
                order_by=keys,
                folder=folder / "merged",
                target_bytes=_file_bytes(keys),
            )
        return lake.stage_compaction(
            storage,
            table.metadata_key,
            remove=[file.key for file in chosen],
            add=add,
            now=timezone.now(),
            properties=state,
        )


def _expire(table: StoredTable, *, rehearse: bool) -> int:
    now = timezone.now()
    storage = table_storage(table.workspace, table.pk)
    limits: dict[str, Any] = {
        "before": now - timedelta(days=settings.SNAPSHOT_DAYS),
        "keep": KEEP_NEWEST,
        "most": settings.SNAPSHOT_MAX,
    }
    old = lake.old_versions(storage, table.metadata_key, **limits)
    if old and not rehearse:
        staged = lake.expire(storage, table.metadata_key, **limits, now=now)
        if staged is not None:
            _publish(table, staged, expired_at=now)
    return len(old)


def _publish(table: StoredTable, staged: Staged, **more: datetime) -> None:
    """Make a version of the same rows the present one: cursor, hash and run stay as they are."""
    with transaction.atomic():
        mine = StoredTable.objects.select_for_update().filter(pk=table.pk, metadata_key=staged.base_location)
        found = mine.first()
        if found is None or found.cursor != table.cursor:
            raise Interrupted("TABLE_MOVED", f"The table {table.name} was changed meanwhile.")
        _require_unused(table)
        mine.update(metadata_key=staged.metadata_location, snapshot=staged.sequence, **more)
    table.refresh_from_db()


def _require_unused(table: StoredTable) -> None:
    """Raise Interrupted TABLE_IN_USE while a run makes this table: it would have to begin again."""
    steps = RunStep.objects.filter(table=table.name, run__workspace=table.workspace_id)
    if steps.filter(run__status=Run.Status.RUNNING).exists():
        raise Interrupted("TABLE_IN_USE", f"A run works on the table {table.name} now.")
