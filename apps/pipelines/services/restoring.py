"""Bringing a stored table back to what it was, whoever works on it meanwhile."""

import logging

from django.db import transaction
from django.utils import timezone

from apps.pipelines.models import StoredTable
from apps.pipelines.services.tables import (
    CURSOR,
    CURSOR_TYPE,
    MAPPING_VERSION,
    OUTPUT_HASH,
    STATE,
    chosen_version,
    move_pointer,
    table_storage,
)
from datalinx.caller import Caller
from datalinx.engine import lake
from datalinx.engine.storage import Storage
from datalinx.errors import Interrupted

logger = logging.getLogger(__name__)

RESTORE_TRIES = 3


def restore_table(*, table: StoredTable, actor: Caller, as_of: str) -> StoredTable:
    """Bring a version back as the newest one, with the cursor and all else that belonged to its rows.

    A run that works on the table meanwhile starts again from what is restored. Raises NotFound
    SNAPSHOT_NOT_FOUND, SNAPSHOT_EXPIRED, and Interrupted TABLE_MOVED when the table does not come to rest.
    """
    storage = table_storage(table.workspace, table.pk)
    wanted = lake.version(storage, table.metadata_key, **chosen_version(storage, table, as_of)).snapshot
    for attempt in range(RESTORE_TRIES):
        try:
            restored = _restore(storage, table, wanted)
        except Interrupted:
            if attempt == RESTORE_TRIES - 1:
                raise
            table.refresh_from_db()
        else:
            logger.info(
                "the table %s went back to version %s, asked by %s", table.pk, wanted.sequence, actor.id
            )
            return restored
    raise AssertionError("The loop above returns or raises.")


def _restore(storage: Storage, table: StoredTable, wanted: lake.Snapshot) -> StoredTable:
    state = {name: value for name, value in wanted.properties.items() if name in STATE}
    staged = lake.restore(
        storage, table.metadata_key, sequence=wanted.sequence, now=timezone.now(), properties=state
    )
    columns = lake.columns(storage, staged.metadata_location)
    with transaction.atomic():
        return move_pointer(
            workspace=table.workspace,
            table=table,
            table_id=table.pk,
            name=table.name,
            staged=staged,
            columns=columns,
            run=None,
            # The next load reads again what came after: a newer cursor would leave those rows out for good.
            cursor=state.get(CURSOR),
            cursor_type=state.get(CURSOR_TYPE, ""),
            mapping_version=int(state.get(MAPPING_VERSION, table.mapping_version)),
            output_hash=state.get(OUTPUT_HASH, ""),
        )
