"""The app's registration with Django."""

from django.apps import AppConfig


class PipelinesConfig(AppConfig):
    """Pipelines, runs and stored tables."""

    name = "apps.pipelines"
    label = "pipelines"
