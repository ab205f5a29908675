"""The paths of the console. A workspace's pages stand under its name."""

from django.urls import URLPattern, URLResolver, include, path

from datalinx.console.views import (
    alerts,
    audiences,
    documents,
    mappings,
    object_types,
    pipelines,
    quality,
    queries,
    runs,
    schema,
    sessions,
    sources,
    tables,
    workspaces,
)

app_name = "console"

_rooms: list[URLPattern | URLResolver] = [
    path("", workspaces.dashboard, name="dashboard"),
    path("sources", sources.sources, name="sources"),
    path("sources/<str:source_id>", sources.source, name="source"),
    path("sources/<str:source_id>/test", sources.test, name="source-test"),
    path("sources/<str:source_id>/discover", sources.discover, name="source-discover"),
    path("sources/<str:source_id>/upload", sources.upload, name="source-upload"),
    # A table of a source may be called anything, with slashes in it too.
    path("sources/<str:source_id>/tables/<path:table>", sources.table, name="source-table"),
    path("sources/<str:source_id>/profiles/<path:table>", sources.profile, name="source-profile"),
    path("schema", schema.schema, name="schema"),
    path("schema/<str:table>", schema.table, name="schema-table"),
    path("object-types", object_types.object_types, name="object-types"),
    path("object-types/diagram", object_types.diagram, name="object-types-diagram"),
    path("object-types/draft", object_types.draft, name="object-type-draft"),
    path("object-types/<str:object_type_id>", object_types.object_type, name="object-type"),
    path("object-types/<str:object_type_id>/delete", object_types.delete, name="object-type-delete"),
    path("mappings", mappings.mappings, name="mappings"),
    path("mappings/<str:table>", mappings.mapping, name="mapping"),
    path("mappings/<str:table>/lineage", mappings.lineage, name="mapping-lineage"),
    path("mappings/<str:table>/dbt", mappings.dbt, name="mapping-dbt"),
    path("mappings/<str:table>/preview", mappings.preview, name="mapping-preview"),
    path("mappings/<str:table>/suggestions", mappings.suggestions, name="mapping-suggestions"),
    path(
        "mappings/<str:table>/suggestions/<str:suggestion_id>", mappings.suggestion, name="mapping-suggestion"
    ),
    path("pipelines", pipelines.pipelines, name="pipelines"),
    path("pipelines/<str:pipeline_id>", pipelines.pipeline, name="pipeline"),
    path("pipelines/<str:pipeline_id>/run", pipelines.run, name="pipeline-run"),
    path("run", pipelines.run_all, name="run-all"),
    path("runs", runs.runs, name="runs"),
    path("runs/<str:run_id>", runs.run, name="run"),
    path("runs/<str:run_id>/lineage", runs.lineage, name="run-lineage"),
    path("runs/<str:run_id>/rejected", runs.rejected, name="rejected"),
    path("runs/<str:run_id>/events", runs.events, name="run-events"),
    path("runs/<str:run_id>/cancel", runs.cancel, name="run-cancel"),
    path("runs/<str:run_id>/retry", runs.retry, name="run-retry"),
    path("runs/<str:run_id>/replay", runs.replay, name="run-replay"),
    path("runs/<str:run_id>/verify", runs.verify, name="run-verify"),
    path("tables", tables.tables, name="tables"),
    path("tables/<str:table>", tables.table, name="table"),
    path("tables/<str:table>/snapshots", tables.snapshots, name="snapshots"),
    path("tables/<str:table>/restore", tables.restore, name="restore"),
    path("query", queries.query, name="query"),
    path("audiences", audiences.audiences, name="audiences"),
    path("audiences/<str:audience_id>", audiences.audience, name="audience"),
    path("audiences/<str:audience_id>/changes", audiences.changes, name="audience-changes"),
    path("audiences/<str:audience_id>/refresh", audiences.refresh, name="audience-refresh"),
    path("quality", quality.quality, name="quality"),
    path("quality/<str:table>", quality.table, name="quality-table"),
    path("alerts", alerts.alerts, name="alerts"),
    path("alerts/rules", alerts.rules, name="alert-rules"),
    path("alerts/<str:alert_id>", alerts.act, name="alert"),
    path("edit/<str:kind>", documents.edit, name="new"),
    path("edit/<str:kind>/<str:key>", documents.edit, name="edit"),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("", workspaces.home, name="home"),
    path("login", sessions.login, name="login"),
    path("logout", sessions.logout, name="logout"),
    path("workspaces", workspaces.workspaces, name="workspaces"),
    path("w/<str:workspace>/", include(_rooms)),
]
