"""Sources and destinations, for operators: without their credentials."""

from django.contrib import admin

from apps.sources.models import Destination, Source, SourceTable
from datalinx.admin import ReadOnlyAdmin, ReadOnlyInline


class SourceTableInline(ReadOnlyInline):
    """What the last discovery saw."""

    model = SourceTable
    fields = ("name", "rows", "malformed", "discovered_at")
    readonly_fields = fields


@admin.register(Source)
class SourceAdmin(ReadOnlyAdmin):
    """Sources."""

    list_display = ("name", "connector", "workspace", "status", "last_tested_at", "discovered_at")
    list_filter = ("connector", "status")
    list_select_related = ("workspace",)
    search_fields = ("name",)
    inlines = (SourceTableInline,)


@admin.register(Destination)
class DestinationAdmin(ReadOnlyAdmin):
    """Destinations."""

    list_display = ("name", "connector", "workspace", "status", "last_tested_at")
    list_filter = ("connector", "status")
    list_select_related = ("workspace",)
    search_fields = ("name",)
