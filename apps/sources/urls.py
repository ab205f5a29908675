"""The paths of sources, under `/api/`."""

from django.urls import URLPattern, URLResolver, path

from apps.sources import views
from datalinx.api.routing import Router

router = Router()
router.register("sources", views.SourceViewSet, "source")

_table = "sources/<str:id>/tables/<str:table>"

urlpatterns: list[URLPattern | URLResolver] = [
    path("connectors", views.ConnectorsView.as_view()),
    path("sources/test", views.SourceTestView.as_view()),
    path(_table, views.SourceViewSet.as_view({"get": "table", "patch": "describe"})),
    path(f"{_table}/preview", views.SourceViewSet.as_view({"get": "preview"})),
    path(f"{_table}/profile", views.SourceViewSet.as_view({"get": "profile"})),
    *router.urls,
]
