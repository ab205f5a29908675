"""What operators see in Django's admin: rows to look at, with the acts that services allow, and no secrets."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import HttpRequest

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Any]
    _TabularInline = admin.TabularInline[Any, Any]
else:
    _ModelAdmin = admin.ModelAdmin
    _TabularInline = admin.TabularInline


class _ReadOnly:
    """Nothing is made, changed or deleted here: that is the API's work, which checks, versions and tells."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReadOnlyAdmin(_ReadOnly, _ModelAdmin):
    """Rows to look at. Fields whose names begin with `sealed` are never shown."""

    def get_exclude(self, request: HttpRequest, obj: Any = None) -> list[str]:
        names = [field.name for field in self.model._meta.get_fields()]
        return [name for name in names if name.startswith("sealed") or name in {"password", "digest"}]


class ReadOnlyInline(_ReadOnly, _TabularInline):
    """Rows of another model beside their parent."""

    extra = 0
    show_change_link = False
