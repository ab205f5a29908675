"""The shapes of organizations, people, roles and sessions."""

from typing import Any

from rest_framework import serializers

from apps.accounts.models import Organization, Role, User
from datalinx.api.serializers import StrictModelSerializer, StrictSerializer, Text, WholeNumber


class LoginSerializer(StrictSerializer):
    """An e-mail address and a password."""

    email = Text(max_length=254)
    password = Text(max_length=1024, trim_whitespace=False)


class RefreshSerializer(StrictSerializer):
    """A refresh token."""

    refresh_token = Text(max_length=4096)


class TokenSerializer(serializers.Serializer):  # type: ignore[type-arg]  # only describes an answer
    """The token answer of a login, outside the envelope."""

    access_token = serializers.CharField()
    token_type = serializers.CharField()
    expires_in = serializers.IntegerField()
    refresh_token = serializers.CharField()


class PasswordSerializer(StrictSerializer):
    """The present password and the one that follows it."""

    current_password = Text(max_length=1024, trim_whitespace=False)
    new_password = Text(max_length=1024, trim_whitespace=False)


class OrganizationSerializer(StrictModelSerializer):
    """An organization."""

    requests_per_minute = WholeNumber(min_value=1, max_value=1_000_000, allow_null=True, required=False)
    burst = WholeNumber(min_value=1, max_value=1_000_000, allow_null=True, required=False)
    slug = serializers.SlugField(max_length=63, required=False)

    class Meta:
        model = Organization
        fields = (
            "id",
            "name",
            "slug",
            "tier",
            "requests_per_minute",
            "burst",
            "timezone",
            "settings",
            "created_at",
            "updated_at",
        )


class OrganizationCreateSerializer(OrganizationSerializer):
    """A new organization, with its first administrator: without one nobody can enter it."""

    admin_email = serializers.EmailField(max_length=254, write_only=True, required=False)
    admin_password = Text(max_length=1024, trim_whitespace=False, write_only=True, required=False)

    class Meta(OrganizationSerializer.Meta):
        fields = (*OrganizationSerializer.Meta.fields, "admin_email", "admin_password")  # type: ignore[assignment]

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("admin_email" in attrs) != ("admin_password" in attrs):
            message = "Give admin_email and admin_password together."
            raise serializers.ValidationError({"admin_password": message}, code="required")
        return attrs


class RoleSerializer(StrictModelSerializer):
    """A role and its permissions."""

    permissions = serializers.ListField(child=Text(max_length=63), max_length=100)
    built_in = serializers.BooleanField(source="is_built_in", read_only=True)

    class Meta:
        model = Role
        fields = ("id", "name", "description", "permissions", "built_in", "created_at", "updated_at")


class UserSerializer(StrictModelSerializer):
    """A person. The password is written and never shown."""

    email = serializers.EmailField(max_length=254)
    role = Text(source="role.name", max_length=63, required=False)
    password = Text(max_length=1024, trim_whitespace=False, write_only=True)
    ignored_fields = frozenset({"status", "last_active_at"})

    class Meta:
        model = User
        fields = (
            "id",
            "email",
            "password",
            "display_name",
            "role",
            "status",
            "last_active_at",
            "created_at",
            "updated_at",
        )
        read_only_fields = ("status", "last_active_at")


class UserChangeSerializer(UserSerializer):
    """What can be changed of a person."""

    email = serializers.EmailField(read_only=True)
    password = None  # type: ignore[assignment]  # the person changes it

    class Meta(UserSerializer.Meta):
        fields = tuple(name for name in UserSerializer.Meta.fields if name != "password")  # type: ignore[assignment]
