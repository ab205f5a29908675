"""Target schemas, mappings, blocks of SQL, object types, identity rules, and an organization's own types."""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Lower

from datalinx.orm import OrganizationModel, PrefixedIdField, WorkspaceModel


class Schema(WorkspaceModel):
    """The target schema of a workspace: one versioned document."""

    id = PrefixedIdField(prefix="sch")
    document = models.JSONField()
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint("workspace", name="schema_is_one_for_each_workspace")
        ]

    def __str__(self) -> str:
        return str(self.document.get("name", ""))


class Mapping(WorkspaceModel):
    """How one target table is made: a versioned document."""

    id = PrefixedIdField(prefix="map")
    table_name = models.CharField(max_length=63)
    document = models.JSONField()
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint("workspace", "table_name", name="mapping_is_one_for_each_table"),
        ]

    def __str__(self) -> str:
        return self.table_name


class Suggestion(WorkspaceModel):
    """A field that the platform proposes for a column of a target table, and what a person said to it."""

    class Status(models.TextChoices):
        OPEN = "open"
        ACCEPTED = "accepted"
        REJECTED = "rejected"

    id = PrefixedIdField(prefix="sug")
    table_name = models.CharField(max_length=63)
    field = models.CharField(max_length=63)
    source = models.CharField(max_length=100)
    source_table = models.CharField(max_length=255)
    alias = models.CharField(max_length=63)
    # The source columns that are read, and the document of the field.
    columns = models.JSONField()
    proposal = models.JSONField()
    confidence = models.FloatField()
    ambiguous = models.BooleanField(default=False)
    # [{"code", "message"}], and [{"proposal", "confidence", "reasons"}], best first.
    reasons = models.JSONField(default=list)
    alternatives = models.JSONField(default=list)
    status = models.CharField(max_length=10, choices=Status, default=Status.OPEN)
    decided_by = models.CharField(max_length=40, blank=True, default="")
    decided_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                "workspace",
                "table_name",
                "field",
                condition=models.Q(status="open"),
                name="suggestion_is_one_open_for_each_field",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.table_name}.{self.field}"


class Cte(WorkspaceModel):
    """A reusable block of SQL that mappings read: a versioned document."""

    id = PrefixedIdField(prefix="cte")
    name = models.CharField(max_length=63)
    document = models.JSONField()
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint("workspace", "name", name="cte_name_is_unique_in_workspace")
        ]

    def __str__(self) -> str:
        return self.name


class Identity(WorkspaceModel):
    """Which records are one person in a workspace: one versioned document, and how often the answer changed."""

    id = PrefixedIdField(prefix="idn")
    document = models.JSONField()
    version = models.PositiveIntegerField(default=1)
    # The number of the canonical ids that tables are made with; 0 before the first resolution.
    generation = models.PositiveIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint("workspace", name="identity_is_one_for_each_workspace")
        ]

    def __str__(self) -> str:
        return self.id


class SemanticType(OrganizationModel):
    """A semantic type of the organization's own, inheriting from a parent."""

    id = PrefixedIdField(prefix="typ")
    name = models.CharField(max_length=63)
    document = models.JSONField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint("organization", Lower("name"), name="semantic_type_name_is_unique"),
        ]

    def __str__(self) -> str:
        return self.name


class ObjectType(WorkspaceModel):
    """An entity in terms of the target table that holds it: a versioned document.

    Its relationships lead to the ids of other object types, so that a new name of one breaks nothing.
    """

    id = PrefixedIdField(prefix="obj")
    name = models.CharField(max_length=255)
    document = models.JSONField()
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint("workspace", Lower("name"), name="object_type_name_is_unique"),
        ]

    def __str__(self) -> str:
        return self.name
