"""The paths of queries and audiences, under `/api/`."""

from django.urls import URLPattern, URLResolver, path

from apps.analytics.views import audiences, queries
from datalinx.api.routing import Router

router = Router()
router.register("audiences", audiences.AudienceViewSet, "audience")
router.register("queries", queries.SavedQueryViewSet, "query")

urlpatterns: list[URLPattern | URLResolver] = [
    path("audiences/preview", audiences.PreviewView.as_view()),
    path("analytics/query", queries.AskView.as_view()),
    *router.urls,
]
