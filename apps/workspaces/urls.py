"""The paths of workspaces, under `/api/`."""

from django.urls import URLPattern, URLResolver, path

from apps.workspaces.views import events, webhooks, workspaces
from datalinx.api.routing import Router

router = Router()
router.register("workspaces", workspaces.WorkspacesViewSet, "workspace")
router.register("service-accounts", workspaces.ServiceAccountViewSet, "service-account")
router.register("webhooks", webhooks.WebhookViewSet, "webhook")

_delivery = "webhooks/<str:id>/deliveries/<str:delivery_id>"

urlpatterns: list[URLPattern | URLResolver] = [
    path("auth/me", workspaces.MeView.as_view()),
    path("users/<str:id>/workspaces", workspaces.UserWorkspacesView.as_view()),
    path("events", events.EventsView.as_view()),
    path(_delivery, webhooks.WebhookViewSet.as_view({"get": "delivery"})),
    path(f"{_delivery}/replay", webhooks.WebhookViewSet.as_view({"post": "replay"})),
    *router.urls,
]
