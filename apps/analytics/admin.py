"""Queries and audiences, for operators."""

from django.contrib import admin

from apps.analytics.models import Audience, AudienceRefresh, SavedQuery
from datalinx.admin import ReadOnlyAdmin, ReadOnlyInline


@admin.register(SavedQuery)
class SavedQueryAdmin(ReadOnlyAdmin):
    """Saved queries."""

    list_display = ("name", "workspace", "version", "last_run_at")
    list_select_related = ("workspace",)
    search_fields = ("name",)


class RefreshInline(ReadOnlyInline):
    """The refreshes of an audience."""

    model = AudienceRefresh
    fields = ("generation", "version", "size", "entered", "left", "created_at")
    readonly_fields = fields


@admin.register(Audience)
class AudienceAdmin(ReadOnlyAdmin):
    """Audiences."""

    list_display = ("name", "workspace", "size", "refreshed_at", "version")
    list_select_related = ("workspace",)
    search_fields = ("name",)
    inlines = (RefreshInline,)
