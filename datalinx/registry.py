"""The few things of the apps that `datalinx/` needs, found by the names in `settings.DATALINX`.

The platform's own package never imports an app, so that its arrows point one way.
"""

from functools import cache
from typing import Any

from django.apps import apps
from django.conf import settings
from django.utils.module_loading import import_string


@cache
def registered(name: str) -> Any:
    """Return the callable that the settings name under `name`."""
    return import_string(settings.DATALINX[name])


def registered_model(name: str) -> Any:
    """Return the model class that the settings name, as `app.Model`, under `name`."""
    return apps.get_model(settings.DATALINX[name])
