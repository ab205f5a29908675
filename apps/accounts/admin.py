"""Organizations, people and service accounts, for operators."""

from django.contrib import admin
from django.contrib.auth.models import Group
from django.http import HttpRequest

from apps.accounts.models import ApiKey, Organization, Role, ServiceAccount, User
from datalinx.admin import ReadOnlyAdmin, ReadOnlyInline

admin.site.unregister(Group)
admin.site.site_header = "Datalinx"
admin.site.site_title = "Datalinx"
admin.site.index_title = "Operators"


@admin.register(Organization)
class OrganizationAdmin(ReadOnlyAdmin):
    """Organizations. Their tier and limits are an operator's to set."""

    list_display = ("name", "slug", "tier", "requests_per_minute", "burst", "created_at")
    list_filter = ("tier",)
    search_fields = ("name", "slug")
    readonly_fields = ("id", "slug", "created_at", "updated_at", "created_by")

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return bool(request.user.is_superuser)


@admin.register(User)
class UserAdmin(ReadOnlyAdmin):
    """People."""

    list_display = ("email", "organization", "role", "status", "is_superuser", "last_active_at")
    list_filter = ("status", "is_superuser")
    list_select_related = ("organization", "role")
    search_fields = ("email", "display_name")


@admin.register(Role)
class RoleAdmin(ReadOnlyAdmin):
    """Roles."""

    list_display = ("name", "organization", "description")
    list_select_related = ("organization",)
    search_fields = ("name",)


class ApiKeyInline(ReadOnlyInline):
    """The keys of a service account: never the key itself."""

    model = ApiKey
    fields = ("last_four", "created_at", "last_used_at", "retires_at")
    readonly_fields = fields


@admin.register(ServiceAccount)
class ServiceAccountAdmin(ReadOnlyAdmin):
    """Service accounts."""

    list_display = ("name", "organization", "role", "expires_at", "created_at")
    list_select_related = ("organization", "role")
    search_fields = ("name",)
    inlines = (ApiKeyInline,)
