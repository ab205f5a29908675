"""Workspaces and who may enter them."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from apps.accounts.models import ServiceAccount, User
from datalinx.orm import OrganizationModel, PrefixedIdField


class Workspace(OrganizationModel):
    """A room of an organization: sources, schema, mappings, pipelines and what they made."""

    id = PrefixedIdField(prefix="ws")
    name = models.CharField(max_length=63)
    config = models.JSONField(default=dict, blank=True)

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
