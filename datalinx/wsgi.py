"""The door for web servers. Refuses to open when something is set wrong."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "datalinx.settings")

application = get_wsgi_application()


def _begin() -> None:
    # Imported after Django is set up. The tasks that requests start go through the application made here.
    import datalinx.celery  # noqa: F401
    from datalinx.checks import stop_if_wrong

    stop_if_wrong()


_begin()
