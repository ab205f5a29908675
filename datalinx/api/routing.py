"""The routes of a viewset: no trailing slash, PUT only where a viewset replaces."""

from rest_framework.routers import SimpleRouter


class Router(SimpleRouter):
    """Collections at `/things`, one of them at `/things/{id}`."""

    def __init__(self) -> None:
        super().__init__(trailing_slash=False)
