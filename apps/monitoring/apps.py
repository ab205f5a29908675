"""The app's registration with Django."""

from django.apps import AppConfig


class MonitoringConfig(AppConfig):
    """Quality scores, alert rules and alerts."""

    name = "apps.monitoring"
    label = "monitoring"
