"""The paths of pipelines, runs and stored tables, under `/api/`."""

from django.urls import URLPattern, URLResolver, path

from apps.pipelines.views import pipelines, runs, tables
from datalinx.api.routing import Router

router = Router()
router.register("pipelines", pipelines.PipelineViewSet, "pipeline")
router.register("runs", runs.RunViewSet, "run")
router.register("tables", tables.TableViewSet, "table")

urlpatterns: list[URLPattern | URLResolver] = [
    path("pipelines/run", pipelines.WorkspaceRunView.as_view()),
    *router.urls,
]
