"""Saved queries and audiences, with who was in them when."""

from typing import ClassVar

from django.db import models

from datalinx.orm import PrefixedIdField, WorkspaceModel


class SavedQuery(WorkspaceModel):
    """A query that is kept: a versioned document of SQL with parameters."""

    id = PrefixedIdField(prefix="qry")
    name = models.CharField(max_length=255)
    document = models.JSONField()
    version = models.PositiveIntegerField(default=1)
    # The answer of the last run: columns, rows, when.
    results = models.JSONField(null=True)
    last_run_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint("workspace", "name", name="query_name_is_unique_in_workspace"),
        ]

    def __str__(self) -> str:
        return self.name


class Audience(WorkspaceModel):
    """Who fits a rule: a versioned document, and the members as the last refresh found them."""

    id = PrefixedIdField(prefix="aud")
    name = models.CharField(max_length=255)
    document = models.JSONField()
    version = models.PositiveIntegerField(default=1)
    size = models.PositiveBigIntegerField(null=True)
    refreshed_at = models.DateTimeField(null=True, blank=True)
    # Counted up by each refresh, which writes one file of members and one of changes.
    generation = models.PositiveIntegerField(default=0)
    # The versions of the tables that it follows at the last refresh.
    ground = models.TextField(blank=True, default="")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint("workspace", "name", name="audience_name_is_unique_in_workspace"),
        ]

    def __str__(self) -> str:
        return self.name


class AudienceRefresh(models.Model):
    """One refresh of an audience: how many were in it, entered and left."""

    audience = models.ForeignKey(Audience, on_delete=models.CASCADE, related_name="refreshes")
    generation = models.PositiveIntegerField()
    version = models.PositiveIntegerField()
    size = models.PositiveBigIntegerField()
    entered = models.PositiveBigIntegerField()
    left = models.PositiveBigIntegerField()
    # Where the members and the changes lie in the workspace's storage.
    members_key = models.CharField(max_length=500)
    changes_key = models.CharField(max_length=500, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["-generation"]
        constraints: ClassVar = [
            models.UniqueConstraint("audience", "generation", name="audience_refresh_is_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.audience_id} {self.generation}"
