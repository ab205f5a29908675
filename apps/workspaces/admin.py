"""Workspaces, webhooks and deliveries, for operators."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from apps.workspaces.access import operator_of
from apps.workspaces.models import Delivery, DeliveryAttempt, Event, Membership, Webhook, Workspace
from apps.workspaces.services.replaying import replay_delivery
from datalinx.admin import ReadOnlyAdmin, ReadOnlyInline
from datalinx.errors import DatalinxError


class MembershipInline(ReadOnlyInline):
    """Who may enter a workspace."""

    model = Membership
    fields = ("user", "service_account", "role")


@admin.register(Workspace)
class WorkspaceAdmin(ReadOnlyAdmin):
    """Workspaces."""

    list_display = ("name", "organization", "created_at")
    list_select_related = ("organization",)
    search_fields = ("name",)
    inlines = (MembershipInline,)


@admin.register(Webhook)
class WebhookAdmin(ReadOnlyAdmin):
    """Webhooks, without their secrets."""

    list_display = ("url", "workspace", "enabled", "failing_since", "disabled_reason")
    list_filter = ("enabled",)
    list_select_related = ("workspace",)


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    """Events."""

    list_display = ("id", "type", "workspace", "sequence", "created_at")
    list_filter = ("type",)
    list_select_related = ("workspace",)


class AttemptInline(ReadOnlyInline):
    """Every attempt of a delivery."""

    model = DeliveryAttempt
    fields = ("number", "at", "seconds", "response_status", "response_body", "error")
    readonly_fields = fields


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    """Deliveries, which an operator may send once more."""

    list_display = ("id", "webhook", "event", "status", "attempts", "response_status", "due_at")
    list_filter = ("status",)
    list_select_related = ("webhook", "event")
    inlines = (AttemptInline,)
    actions = ("replay",)

    @admin.action(description="Send once more")
    def replay(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> None:
        for delivery in queryset.select_related("event", "webhook__workspace")[:100]:
            try:
                replay_delivery(delivery=delivery, actor=operator_of(request.user))
            except DatalinxError as error:
                self.message_user(request, f"{delivery.pk}: {error.message}", messages.ERROR)
