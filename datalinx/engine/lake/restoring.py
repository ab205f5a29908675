"""Bringing back an older version: as a new one, so that history stays a line and nothing is lost."""

from collections.abc import Mapping
from datetime import datetime

from pyiceberg.table import TableProperties
from pyiceberg.table.update import SetCurrentSchemaUpdate, SetPropertiesUpdate

from datalinx.engine.lake.manifests import live_files
from datalinx.engine.lake.model import Staged
from datalinx.engine.lake.reading import RESTORED_FROM, find_snapshot
from datalinx.engine.lake.staging import commit, staged, translated
from datalinx.engine.lake.table import StagingTransaction, open_table
from datalinx.engine.storage import Storage


def restore(
    storage: Storage,
    base: str,
    *,
    snapshot_id: int | None = None,
    sequence: int | None = None,
    now: datetime,
    properties: Mapping[str, str] | None = None,
) -> Staged:
    """Stage a version with the rows and the columns of an older one, named by id or by sequence.

    Its files are taken up again; none is copied. Raise `NotFound` `SNAPSHOT_NOT_FOUND` when it is not kept.
    """
    table = open_table(storage, base, now=now)
    wanted = find_snapshot(table, snapshot_id, sequence, None)
    present = table.metadata.current_snapshot()
    current = {file.file_path: file for file in (live_files(present, table.io) if present else [])}
    target = {file.file_path: file for file in live_files(wanted, table.io)}
    transaction = StagingTransaction(table)
    schema = table.metadata.schema_by_id(wanted.schema_id or 0) or table.schema()
    if schema.schema_id != table.metadata.current_schema_id:
        names = {TableProperties.DEFAULT_NAME_MAPPING: schema.name_mapping.model_dump_json()}
        transaction._stage(
            (SetCurrentSchemaUpdate(schema_id=schema.schema_id), SetPropertiesUpdate(updates=names))
        )
    with translated():
        commit(
            transaction,
            added=[file for path, file in target.items() if path not in current],
            removed=[file for path, file in current.items() if path not in target],
            properties={**(properties or {}), RESTORED_FROM: str(wanted.sequence_number)},
        )
    return staged(table, base)
