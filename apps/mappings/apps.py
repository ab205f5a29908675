"""The app's registration with Django."""

from django.apps import AppConfig


class MappingsConfig(AppConfig):
    """Target schemas, semantic types and mappings."""

    name = "apps.mappings"
    label = "mappings"
