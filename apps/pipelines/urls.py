"""The paths of pipelines, runs, stored tables and identity, under `/api/`."""

from django.urls import URLPattern, URLResolver, path

from apps.pipelines.views import backfills, identity, pipelines, runs, schedules, tables
from datalinx.api.routing import Router

router = Router()
router.register("pipelines", pipelines.PipelineViewSet, "pipeline")
router.register("backfills", backfills.BackfillViewSet, "backfill")
router.register("runs", runs.RunViewSet, "run")
router.register("tables", tables.TableViewSet, "table")

urlpatterns: list[URLPattern | URLResolver] = [
    path("identity", identity.IdentityView.as_view()),
    path("identity/resolve", identity.ResolveView.as_view()),
    path("identity/resolve/cancel", identity.CancelView.as_view()),
    path("identity/stats", identity.StatsView.as_view()),
    path("identity/clusters", identity.ClustersView.as_view()),
    path("identity/clusters/<str:cluster_id>", identity.ClusterView.as_view()),
    path("identity/explain", identity.ExplainView.as_view()),
    path("pipelines/run", pipelines.WorkspaceRunView.as_view()),
    path("schedules", schedules.SchedulesView.as_view()),
    *router.urls,
]
