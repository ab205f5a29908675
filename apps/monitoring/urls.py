"""The paths of scores, rules and alerts, under `/api/`."""

from django.urls import URLPattern, URLResolver, path

from apps.monitoring.views import alerts, lineage, previews, scores
from datalinx.api.routing import Router

router = Router()
router.register("alert-rules", alerts.AlertRuleViewSet, "alert-rule")
router.register("alerts", alerts.AlertViewSet, "alert")

urlpatterns: list[URLPattern | URLResolver] = [
    path("mappings/<str:table_name>/preview", previews.PreviewView.as_view()),
    path("mapper/mappings/<str:table_name>/preview", previews.PreviewView.as_view()),
    path("mappings/<str:table_name>/lineage", lineage.MappingLineageView.as_view()),
    path("mapper/mappings/<str:table_name>/lineage", lineage.MappingLineageView.as_view()),
    path(
        "sources/<str:id>/tables/<str:table>/lineage",
        lineage.SourceLineageViewSet.as_view({"get": "lineage"}),
    ),
    path("monitoring", scores.MonitoringView.as_view()),
    path("monitoring/run", scores.MonitoringRunView.as_view()),
    path("monitoring/scores", scores.ScoresView.as_view()),
    path("monitoring/scores/<str:table>", scores.ScoreView.as_view()),
    path("monitoring/scores/<str:table>/history", scores.ScoreHistoryView.as_view()),
    *router.urls,
]
