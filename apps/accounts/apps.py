"""The app's registration with Django."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Organizations, users, roles and service accounts."""

    name = "apps.accounts"
    label = "accounts"
