"""The paths of scores, rules and alerts, under `/api/`."""

from django.urls import URLPattern, URLResolver

from apps.monitoring.views import alerts
from datalinx.api.routing import Router

router = Router()
router.register("alert-rules", alerts.AlertRuleViewSet, "alert-rule")
router.register("alerts", alerts.AlertViewSet, "alert")

urlpatterns: list[URLPattern | URLResolver] = [*router.urls]
