"""The tables that runs wrote."""

from typing import ClassVar

from django.db import models

from apps.pipelines.models.runs import Run
from apps.workspaces.models import Workspace
from datalinx.orm import PrefixedIdField, WorkspaceQuerySet


class StoredTable(models.Model):
    """A table of the lake: the pointer to its present metadata, moved in one transaction with all it means."""

    id = PrefixedIdField(prefix="tbl")
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=63)
    # Key of the Iceberg metadata file in the storage.
    metadata_key = models.CharField(max_length=500)
    # The number of the present version; versions of a table are counted from 1.
    snapshot = models.PositiveIntegerField()
    # [{"name", "type"}]: the columns in order, of DuckDB types.
    columns = models.JSONField(default=list)
    rows = models.PositiveBigIntegerField(default=0)
    # The cursor that the last incremental load reached, as the engine gave it.
    cursor = models.TextField(null=True)  # noqa: DJ001  # NULL is "from the beginning", "" a cursor's value
    # Its type in the engine, by which it was compared; empty where that is not known.
    cursor_type = models.CharField(max_length=100, blank=True, default="")
    # Stands for all rows whatever their order, as the engine gave it; empty after a restore.
    output_hash = models.CharField(max_length=128, blank=True, default="")
    mapping_version = models.PositiveIntegerField(default=0)
    run = models.ForeignKey(Run, on_delete=models.SET_NULL, null=True, related_name="+")
    # When its files were last looked after, and when versions were last let go of: their files stay for a while.
    kept_up_at = models.DateTimeField(null=True, blank=True)
    expired_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint("workspace", "name", name="stored_table_name_is_unique_in_workspace"),
        ]

    def __str__(self) -> str:
        return self.name
