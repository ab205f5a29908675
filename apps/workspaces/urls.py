"""The paths of workspaces, under `/api/`."""

from django.urls import URLPattern, URLResolver, path

from apps.workspaces import views
from datalinx.api.routing import Router

router = Router()
router.register("workspaces", views.WorkspacesViewSet, "workspace")
router.register("service-accounts", views.ServiceAccountViewSet, "service-account")

urlpatterns: list[URLPattern | URLResolver] = [
    path("auth/me", views.MeView.as_view()),
    path("users/<str:id>/workspaces", views.UserWorkspacesView.as_view()),
    *router.urls,
]
