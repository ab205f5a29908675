"""Sources and what was discovered in them; destinations."""

from typing import ClassVar

from django.db import models

from datalinx.orm import PrefixedIdField, WorkspaceModel


class Tested(models.TextChoices):
    """How the last test of a connection went."""

    UNTESTED = "untested"
    OK = "ok"
    FAILED = "failed"


class ConnectedModel(WorkspaceModel):
    """A named connection with its settings and its sealed credentials."""

    Status = Tested

    name = models.CharField(max_length=100)
    connector = models.CharField(max_length=40)
    config = models.JSONField(default=dict, blank=True)
    # Sealed; written through services, never shown.
    sealed_credentials = models.TextField(blank=True, default="")
    status = models.CharField(max_length=10, choices=Tested, default=Tested.UNTESTED)
    last_tested_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name


class Source(ConnectedModel):
    """A connection to where data comes from."""

    id = PrefixedIdField(prefix="src")
    discovered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint("workspace", "name", name="source_name_is_unique_in_workspace"),
        ]


class Destination(ConnectedModel):
    """A connection to where tables go."""

    id = PrefixedIdField(prefix="dst")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint("workspace", "name", name="destination_name_is_unique_in_workspace"),
        ]


class SourceTable(models.Model):
    """A table of a source as the last discovery saw it."""

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="tables")
    name = models.CharField(max_length=255)
    # [{"name", "type", "nullable", "detected_type"}], in the source's order.
    columns = models.JSONField(default=list)
    rows = models.PositiveBigIntegerField(null=True)
    malformed = models.PositiveBigIntegerField(default=0)
    files = models.JSONField(default=list)
    fingerprint = models.CharField(max_length=200, blank=True, default="")
    notices = models.JSONField(default=list)
    # {"code", "message"} of a table that cannot be read.
    problem = models.JSONField(null=True)
    description = models.TextField(blank=True, default="")
    column_descriptions = models.JSONField(default=dict)
    discovered_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint("source", "name", name="source_table_name_is_unique")
        ]

    def __str__(self) -> str:
        return self.name
