"""The app's registration with Django."""

from django.apps import AppConfig


class WorkspacesConfig(AppConfig):
    """Workspaces, memberships and webhooks."""

    name = "apps.workspaces"
    label = "workspaces"
