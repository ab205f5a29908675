"""Documents, for operators."""

from django.contrib import admin

from apps.mappings.models import Cte, Identity, Mapping, ObjectType, Schema, SemanticType, Suggestion
from datalinx.admin import ReadOnlyAdmin


@admin.register(Schema)
class SchemaAdmin(ReadOnlyAdmin):
    """Target schemas."""

    list_display = ("id", "workspace", "version", "updated_at")
    list_select_related = ("workspace",)


@admin.register(Mapping)
class MappingAdmin(ReadOnlyAdmin):
    """Mappings."""

    list_display = ("table_name", "workspace", "version", "updated_at")
    list_select_related = ("workspace",)
    search_fields = ("table_name",)


@admin.register(Suggestion)
class SuggestionAdmin(ReadOnlyAdmin):
    """Suggested fields."""

    list_display = ("table_name", "field", "workspace", "confidence", "status", "created_at")
    list_select_related = ("workspace",)
    list_filter = ("status",)


@admin.register(Cte)
class CteAdmin(ReadOnlyAdmin):
    """Reusable blocks of SQL."""

    list_display = ("name", "workspace", "version", "updated_at")
    list_select_related = ("workspace",)


@admin.register(Identity)
class IdentityAdmin(ReadOnlyAdmin):
    """Identity rules."""

    list_display = ("id", "workspace", "version", "generation", "updated_at")
    list_select_related = ("workspace",)


@admin.register(ObjectType)
class ObjectTypeAdmin(ReadOnlyAdmin):
    """Entities of workspaces."""

    list_display = ("name", "workspace", "version", "updated_at")
    list_select_related = ("workspace",)
    search_fields = ("name",)


@admin.register(SemanticType)
class SemanticTypeAdmin(ReadOnlyAdmin):
    """Organizations' own types."""

    list_display = ("name", "organization", "updated_at")
    list_select_related = ("organization",)
