"""The paths of schemas, types, object types, mappings and blocks of SQL, under `/api/`."""

from typing import Any

from django.urls import URLPattern, URLResolver, path

from apps.mappings.views import ctes, dbt_sources, mappings, object_types, schemas, suggestions, types
from datalinx.api.routing import Router

router = Router()
router.register("object-types", object_types.ObjectTypeViewSet, "object-type")

_whole: Any = {"get": "retrieve", "put": "update", "delete": "destroy"}
_tables = "schemas/workspace/tables"
_columns = f"{_tables}/<str:table>/columns"


def _mapping_paths(prefix: str) -> list[URLPattern | URLResolver]:
    one = f"{prefix}/<str:table_name>"
    return [
        path(prefix, mappings.MappingViewSet.as_view({"get": "list", "post": "create"})),
        # No table has a hyphen in its name.
        path(f"{prefix}/dbt-project", mappings.DbtProjectView.as_view()),
        path(one, mappings.MappingViewSet.as_view(_whole)),
        path(f"{one}/fields/<str:field>", mappings.FieldView.as_view()),
        path(f"{one}/tables", mappings.InputsView.as_view()),
        path(f"{one}/wildcard", mappings.WildcardView.as_view()),
        path(f"{one}/wildcard/effective", mappings.EffectiveView.as_view()),
        path(f"{one}/dbt-code", mappings.DbtCodeView.as_view()),
        path(f"{one}/field-dbt/<str:field>", mappings.FieldDbtView.as_view()),
        path(f"{one}/validate", mappings.ValidateView.as_view()),
        path(f"{one}/suggest", suggestions.SuggestView.as_view()),
        path(f"{one}/suggestions", suggestions.SuggestionsView.as_view()),
        path(f"{one}/suggestions/<str:suggestion_id>/accept", suggestions.AcceptView.as_view()),
        path(f"{one}/suggestions/<str:suggestion_id>/reject", suggestions.RejectView.as_view()),
        path(f"{one}/versions", mappings.MappingVersionsView.as_view()),
        path(f"{one}/diff", mappings.MappingDiffView.as_view()),
    ]


urlpatterns: list[URLPattern | URLResolver] = [
    path("schemas", schemas.SchemasView.as_view()),
    path("schemas/workspace", schemas.WorkspaceSchemaView.as_view()),
    path(_tables, schemas.TablesView.as_view()),
    path(f"{_tables}/<str:table>", schemas.TableView.as_view()),
    path(_columns, schemas.ColumnsView.as_view()),
    path(f"{_columns}/<str:column>", schemas.ColumnView.as_view()),
    path("schemas/workspace/versions", schemas.VersionsView.as_view()),
    path("schemas/workspace/versions/<int:number>", schemas.VersionView.as_view()),
    path("schemas/workspace/diff", schemas.DiffView.as_view()),
    path("schemas/workspace/sync/status", schemas.SyncView.as_view()),
    path("schemas/templates", schemas.TemplatesView.as_view()),
    path("schemas/templates/<str:name>", schemas.TemplateView.as_view()),
    path("schemas/templates/<str:name>/apply", schemas.ApplyTemplateView.as_view()),
    path("semantic-types", types.SemanticTypesView.as_view()),
    path("semantic-types/<str:name>", types.SemanticTypeView.as_view()),
    # No id is one plain word.
    path("object-types/draft", object_types.DraftView.as_view()),
    *router.urls,
    *_mapping_paths("mappings"),
    *_mapping_paths("mapper/mappings"),
    path("sources/<str:id>/import-dbt", dbt_sources.ImportDbtViewSet.as_view({"post": "import_dbt"})),
    path("decorators", types.DecoratorsView.as_view()),
    path("ctes", ctes.CteViewSet.as_view({"get": "list", "post": "create"})),
    path("ctes/<str:name>", ctes.CteViewSet.as_view(_whole)),
    path("ctes/<str:name>/columns", ctes.CteColumnsView.as_view()),
]
