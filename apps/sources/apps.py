"""The app's registration with Django."""

from django.apps import AppConfig


class SourcesConfig(AppConfig):
    """Sources, their tables and their uploads."""

    name = "apps.sources"
    label = "sources"
