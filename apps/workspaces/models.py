"""Workspaces and who may enter them."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from apps.accounts.models import ServiceAccount, User
from datalinx.orm import OrganizationModel, PrefixedIdField, WorkspaceModel, WorkspaceQuerySet


class Workspace(OrganizationModel):
    """A room of an organization: sources, schema, mappings, pipelines and what they made."""

    id = PrefixedIdField(prefix="ws")
    name = models.CharField(max_length=63)
    config = models.JSONField(default=dict, blank=True)
    # The number of the last event; each event of a workspace has the next one.
    event_sequence = models.PositiveBigIntegerField(default=0)
    # Events up to this number are no longer kept.
    events_swept_to = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                "organization", Lower("name"), name="workspace_name_is_unique_in_organization"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """A person's or a service account's access to one workspace. A service account with one is confined to it."""

    class Role(models.TextChoices):
        EDITOR = "editor"
        VIEWER = "viewer"

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, null=True, related_name="memberships")
    service_account = models.OneToOneField(
        ServiceAccount, on_delete=models.CASCADE, null=True, related_name="membership"
    )
    # Empty for a service account, whose own role says what it may do there.
    role = models.CharField(max_length=10, choices=Role, blank=True, default="")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint("workspace", "user", name="membership_is_unique"),
            models.CheckConstraint(
                condition=Q(user__isnull=False, service_account__isnull=True, role__in=["editor", "viewer"])
                | Q(user__isnull=True, service_account__isnull=False, role=""),
                name="membership_is_of_one_kind",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id or self.service_account_id} in {self.workspace_id}"


class DocumentVersion(models.Model):
    """One version of a document that people write: schema, mapping, pipeline, audience, query. None is ever lost."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=20)
    # What tells documents of a kind apart: a name for those addressed by name, else an id.
    key = models.CharField(max_length=255)
    version = models.PositiveIntegerField()
    document = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.CharField(max_length=40, blank=True, default="")

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint("workspace", "kind", "key", "version", name="document_version_is_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.key} {self.version}"


class Webhook(WorkspaceModel):
    """An address that hears of events."""

    id = PrefixedIdField(prefix="wh")
    url = models.URLField(max_length=2000)
    events = models.JSONField(default=list)
    enabled = models.BooleanField(default=True)
    description = models.CharField(max_length=500, blank=True, default="")
    sealed_secret = models.TextField()
    secret_last_four = models.CharField(max_length=4)
    # The secret before a rotation signs too, until then.
    sealed_previous_secret = models.TextField(blank=True, default="")
    previous_secret_until = models.DateTimeField(null=True, blank=True)
    # Those before it that still live after several rotations in a row: `{"sealed": …, "until": …}`.
    older_secrets = models.JSONField(default=list, blank=True)
    disabled_reason = models.CharField(max_length=200, blank=True, default="")
    disabled_at = models.DateTimeField(null=True, blank=True)
    # The first failure after a success, and the latest one that came half a day or more after it.
    failing_since = models.DateTimeField(null=True, blank=True)
    failing_again_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.url


class Event(models.Model):
    """Something that happened in a workspace, written in the transaction of the fact."""

    id = PrefixedIdField(prefix="evt")
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    type = models.CharField(max_length=40)
    sequence = models.PositiveBigIntegerField()
    # The very text that is signed and sent, the same at every attempt.
    body = models.TextField()
    # The traceparent of what wrote it, sent along with each attempt.
    trace = models.CharField(max_length=55, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint("workspace", "sequence", name="event_sequence_is_unique_in_workspace"),
        ]
        indexes: ClassVar = [models.Index("created_at", name="event_by_time")]

    def __str__(self) -> str:
        return f"{self.type} {self.id}"


class Delivery(models.Model):
    """One event on its way to one webhook."""

    class Status(models.TextChoices):
        PENDING = "pending"
        DELIVERED = "delivered"
        FAILED = "failed"

    id = PrefixedIdField(prefix="whd")
    # Each claim and each attempt writes into every index there is, so there are no more than those named below.
    webhook = models.ForeignKey(Webhook, models.CASCADE, related_name="deliveries", db_index=False)
    event = models.ForeignKey(Event, models.CASCADE, related_name="deliveries", db_index=False)
    status = models.CharField(max_length=10, choices=Status, default=Status.PENDING)
    # How many attempts stand in the log, and how many did when it was last replayed: the schedule begins anew there.
    attempts = models.PositiveIntegerField(default=0)
    replayed_from = models.PositiveIntegerField(default=0)
    # When the next attempt is due, or was when a worker has begun it.
    due_at = models.DateTimeField(null=True, blank=True)
    # Since when a worker makes an attempt, which counts as lost when its lease is over, and which claim of this
    # delivery that is: only the latest one records.
    claimed_at = models.DateTimeField(null=True, blank=True)
    fence = models.PositiveIntegerField(default=0)
    response_status = models.PositiveIntegerField(null=True, blank=True)
    error = models.CharField(max_length=500, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)
    delivered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint("event", "webhook", name="delivery_of_an_event_is_unique_to_webhook"),
        ]
        indexes: ClassVar = [
            models.Index("webhook", "due_at", name="delivery_by_due", condition=Q(status="pending")),
            models.Index("webhook", "created_at", name="delivery_by_webhook"),
        ]

    def __str__(self) -> str:
        return self.id


class DeliveryAttempt(models.Model):
    """One attempt to deliver, and what came of it."""

    # The constraint's index is the one that finds those of a delivery.
    delivery = models.ForeignKey(Delivery, models.CASCADE, related_name="log", db_index=False)
    number = models.PositiveIntegerField()
    # When it began.
    at = models.DateTimeField()
    seconds = models.FloatField()
    response_status = models.PositiveIntegerField(null=True)
    # The beginning of what the receiver answered, without secrets.
    response_body = models.TextField(blank=True, default="")
    error = models.CharField(max_length=500, blank=True, default="")

    class Meta:
        ordering: ClassVar = ["number"]
        constraints: ClassVar = [
            models.UniqueConstraint("delivery", "number", name="attempt_number_is_unique_in_delivery"),
        ]
        # Both columns, so that attempts are counted by outcome without reading them.
        indexes: ClassVar = [models.Index("at", "response_status", name="attempt_by_time")]

    def __str__(self) -> str:
        return f"{self.delivery_id} {self.number}"
