"""The app's registration with Django."""

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


def _ensure_roles(sender: Any, **kwargs: Any) -> None:
    from apps.accounts.services.setup import ensure_built_in_roles

    ensure_built_in_roles()


class AccountsConfig(AppConfig):
    """Organizations, users, roles and service accounts."""

    name = "apps.accounts"
    label = "accounts"

    def ready(self) -> None:
        # Django's one way to act after a migration; the rows are data that the code defines.
        post_migrate.connect(_ensure_roles, sender=self)
