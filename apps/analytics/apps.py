"""The app's registration with Django."""

from django.apps import AppConfig


class AnalyticsConfig(AppConfig):
    """Queries and audiences."""

    name = "apps.analytics"
    label = "analytics"
