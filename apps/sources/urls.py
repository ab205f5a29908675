"""The paths of sources and destinations, under `/api/`."""

from django.urls import URLPattern, URLResolver, path

from apps.sources.views import destinations, sources
from datalinx.api.routing import Router

router = Router()
router.register("sources", sources.SourceViewSet, "source")
router.register("destinations", destinations.DestinationViewSet, "destination")

_table = "sources/<str:id>/tables/<str:table>"

urlpatterns: list[URLPattern | URLResolver] = [
    path("connectors", sources.ConnectorsView.as_view()),
    path("sources/test", sources.SourceTestView.as_view()),
    path(_table, sources.SourceViewSet.as_view({"get": "table", "patch": "describe"})),
    path(f"{_table}/preview", sources.SourceViewSet.as_view({"get": "preview"})),
    path(f"{_table}/profile", sources.SourceViewSet.as_view({"get": "profile"})),
    *router.urls,
]
