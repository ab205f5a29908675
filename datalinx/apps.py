"""The platform itself as a Django application: its checks, and the templates and static files it ships."""

from django.apps import AppConfig


class PlatformConfig(AppConfig):
    """Everything that is not a business noun. It has no models."""

    name = "datalinx"

    def ready(self) -> None:
        """Register the checks, before any command asks for them."""
        from datalinx import checks  # noqa: F401
