"""The paths of scores, rules and alerts, under `/api/`."""

from django.urls import URLPattern, URLResolver, path

from apps.monitoring.views import alerts, scores
from datalinx.api.routing import Router

router = Router()
router.register("alert-rules", alerts.AlertRuleViewSet, "alert-rule")
router.register("alerts", alerts.AlertViewSet, "alert")

urlpatterns: list[URLPattern | URLResolver] = [
    path("monitoring", scores.MonitoringView.as_view()),
    path("monitoring/run", scores.MonitoringRunView.as_view()),
    path("monitoring/scores", scores.ScoresView.as_view()),
    path("monitoring/scores/<str:table>", scores.ScoreView.as_view()),
    path("monitoring/scores/<str:table>/history", scores.ScoreHistoryView.as_view()),
    *router.urls,
]
