"""The shapes of workspaces, of access to them, and of who one is."""

from typing import Any

from rest_framework import serializers

from apps.accounts.models import ServiceAccount
from apps.workspaces.models import Delivery, DeliveryAttempt, Webhook, Workspace
from datalinx.api.serializers import Choice, Flag, StrictModelSerializer, StrictSerializer, Text, WholeNumber


class WorkspaceSerializer(StrictModelSerializer):
    """A workspace: its name, and its settings as an object."""

    config = serializers.DictField(required=False)

    class Meta:
        model = Workspace
        fields = ("id", "name", "config", "created_at", "updated_at", "created_by")


class UserWorkspacesSerializer(StrictSerializer):
    """A person's role in workspaces: `{"production": "editor", "development": "none"}`."""

    workspaces = serializers.DictField(child=Choice(choices=["editor", "viewer", "none"]), allow_empty=False)


class ServiceAccountSerializer(StrictModelSerializer):
    """A service account. `role` by name or id; `workspace`, by name or id, confines it."""

    role = Text(source="role.name", max_length=63, required=False)
    workspace = serializers.SerializerMethodField()

    class Meta:
        model = ServiceAccount
        fields = ("id", "name", "description", "role", "workspace", "expires_at", "created_at", "updated_at")

    def get_workspace(self, account: ServiceAccount) -> str | None:
        membership = getattr(account, "membership", None)
        return membership.workspace.name if membership else None


class ServiceAccountCreateSerializer(StrictSerializer):
    """What a new service account is made of."""

    name = Text(max_length=100)
    role = Text(max_length=63, required=False)
    workspace = Text(max_length=63, required=False)
    description = Text(max_length=500, required=False, allow_blank=True)
    expires_at = serializers.DateTimeField(required=False, allow_null=True)


class ServiceAccountWithKeySerializer(ServiceAccountSerializer):
    """A service account with its key, which is shown this one time."""

    api_key = serializers.CharField(read_only=True)

    class Meta(ServiceAccountSerializer.Meta):
        fields = (*ServiceAccountSerializer.Meta.fields, "api_key")  # type: ignore[assignment]


class RotationSerializer(StrictSerializer):
    """How long the old key still works."""

    grace_period_seconds = WholeNumber(min_value=0, max_value=604800, required=False)


class ApiKeyInfoSerializer(serializers.Serializer[Any]):
    """What is known of a key without the key."""

    prefix = serializers.CharField()
    last_four = serializers.CharField()
    created_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField(allow_null=True)


class MeSerializer(serializers.Serializer[Any]):
    """Who the caller is and what the caller may do where."""

    id = serializers.CharField()
    kind = serializers.CharField()
    name = serializers.CharField()
    email = serializers.CharField(allow_null=True)
    is_operator = serializers.BooleanField()
    organization = serializers.DictField()
    role = serializers.CharField()
    permissions = serializers.ListField(child=serializers.CharField())
    workspaces = serializers.ListField(child=serializers.DictField())


class WebhookSerializer(StrictModelSerializer):
    """A webhook. Its secret is shown once; afterwards the last four characters."""

    url = Text(max_length=2000)
    events = serializers.ListField(child=Text(max_length=40), max_length=50)

    class Meta:
        model = Webhook
        fields = (
            "id",
            "url",
            "events",
            "enabled",
            "description",
            "secret_last_four",
            "disabled_reason",
            "disabled_at",
            "failing_since",
            "created_at",
            "updated_at",
            "created_by",
        )
        read_only_fields = ("secret_last_four", "disabled_reason", "disabled_at", "failing_since")


class WebhookWithSecretSerializer(WebhookSerializer):
    """A webhook with its secret, which is shown this one time."""

    secret = serializers.CharField(read_only=True)

    class Meta(WebhookSerializer.Meta):
        fields = (*WebhookSerializer.Meta.fields, "secret")  # type: ignore[assignment]


class AttemptSerializer(StrictModelSerializer):
    """One attempt to deliver."""

    class Meta:
        model = DeliveryAttempt
        fields = ("number", "at", "seconds", "response_status", "response_body", "error")


class DeliveryReplaySerializer(StrictSerializer):
    """Which deliveries are sent again: those of events since a moment, by what came of them."""

    since = serializers.DateTimeField()
    until = serializers.DateTimeField(required=False, allow_null=True)
    status = Choice(choices=["failed", "delivered", "all"], required=False)
    missing = Flag(required=False)


class DeliveryReplayedSerializer(serializers.Serializer[Any]):
    """What a replay queued: deliveries again, events that had none, and what is left for another call."""

    replayed = serializers.IntegerField()
    created = serializers.IntegerField()
    remaining = serializers.IntegerField()


class EventSerializer(serializers.Serializer[Any]):
    """An event as webhooks receive it: its facts stand flat, and once more under `data`."""

    id = serializers.CharField()
    type = serializers.CharField()
    event = serializers.CharField()
    sequence = serializers.IntegerField()
    workspace = serializers.CharField()
    timestamp = serializers.DateTimeField()
    data = serializers.DictField()  # type: ignore[assignment]  # the metaclass takes fields out of the class


class DeliverySerializer(StrictModelSerializer):
    """One event on its way to one webhook, with every attempt."""

    event = serializers.CharField(source="event.type", read_only=True)
    event_id = serializers.CharField(read_only=True)
    sequence = serializers.IntegerField(source="event.sequence", read_only=True)
    log = AttemptSerializer(many=True, read_only=True)

    class Meta:
        model = Delivery
        fields = (
            "id",
            "event",
            "event_id",
            "sequence",
            "status",
            "attempts",
            "due_at",
            "response_status",
            "error",
            "created_at",
            "delivered_at",
            "log",
        )
