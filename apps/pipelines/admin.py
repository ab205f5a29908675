"""Pipelines, runs and stored tables, for operators."""

from collections.abc import Callable

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from apps.pipelines.models import (
    Backfill,
    IdentityResolution,
    Pipeline,
    Run,
    RunStep,
    StoredTable,
    TableDelivery,
)
from apps.pipelines.services.runs import cancel_run, retry_run
from apps.workspaces.access import operator_of
from datalinx.admin import ReadOnlyAdmin, ReadOnlyInline
from datalinx.errors import DatalinxError


@admin.register(Pipeline)
class PipelineAdmin(ReadOnlyAdmin):
    """Pipelines."""

    list_display = ("name", "workspace", "version", "next_run_at", "updated_at")
    list_select_related = ("workspace",)
    search_fields = ("name",)


class RunStepInline(ReadOnlyInline):
    """The tables of a run."""

    model = RunStep
    fields = ("position", "table", "status", "counts", "rejected_by_reason", "seconds", "error")
    readonly_fields = fields


@admin.register(Run)
class RunAdmin(ReadOnlyAdmin):
    """Runs, which an operator may cancel or try again."""

    list_display = (
        "id",
        "pipeline",
        "workspace",
        "status",
        "attempt",
        "created_at",
        "finished_at",
        "lease_owner",
    )
    list_filter = ("status", "trigger", "engine")
    list_select_related = ("pipeline", "workspace")
    search_fields = ("id",)
    inlines = (RunStepInline,)
    actions = ("cancel", "retry")

    @admin.action(description="Cancel")
    def cancel(self, request: HttpRequest, queryset: QuerySet[Run]) -> None:
        self._act(request, queryset, cancel_run)

    @admin.action(description="Try again")
    def retry(self, request: HttpRequest, queryset: QuerySet[Run]) -> None:
        self._act(request, queryset, retry_run)

    def _act(self, request: HttpRequest, queryset: QuerySet[Run], act: Callable[..., Run]) -> None:
        for run in queryset.select_related("pipeline", "workspace__organization")[:100]:
            try:
                act(run=run, actor=operator_of(request.user))
            except DatalinxError as error:
                self.message_user(request, f"{run.pk}: {error.message}", messages.WARNING)


@admin.register(StoredTable)
class StoredTableAdmin(ReadOnlyAdmin):
    """Stored tables."""

    list_display = ("name", "workspace", "rows", "snapshot", "mapping_version", "updated_at")
    list_select_related = ("workspace",)
    search_fields = ("name",)


@admin.register(IdentityResolution)
class IdentityResolutionAdmin(ReadOnlyAdmin):
    """Resolutions of identity."""

    list_display = ("id", "workspace", "status", "version", "generation", "created_at", "finished_at")
    list_select_related = ("workspace",)
    list_filter = ("status",)


@admin.register(TableDelivery)
class TableDeliveryAdmin(ReadOnlyAdmin):
    """Deliveries of committed tables to destinations."""

    list_display = ("step", "destination", "status", "outcome", "snapshot", "rows", "seconds")
    list_filter = ("status",)
    list_select_related = ("step",)
    search_fields = ("destination", "step__table")


@admin.register(Backfill)
class BackfillAdmin(ReadOnlyAdmin):
    """Backfills."""

    list_display = ("id", "pipeline", "workspace", "status", "since", "until", "chunk", "chunk_counts")
    list_filter = ("status",)
    list_select_related = ("pipeline", "workspace")
    search_fields = ("id",)
