"""The OpenAPI document and its two readers, which serve their own assets and need no login."""

from typing import Any

from drf_spectacular.views import SpectacularJSONAPIView, SpectacularRedocView, SpectacularSwaggerView
from rest_framework.renderers import BaseRenderer

from datalinx.api.renderers import to_json


class PlainJSONRenderer(BaseRenderer):
    """JSON outside the envelope."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(self, data: Any, accepted_media_type: Any = None, renderer_context: Any = None) -> bytes:
        return to_json(data)


class OpenApiView(SpectacularJSONAPIView):
    """The OpenAPI 3.1 document of this API."""

    authentication_classes = ()
    renderer_classes = [PlainJSONRenderer]  # as the library declares it


class SwaggerPage(SpectacularSwaggerView):
    """Swagger UI."""

    authentication_classes = ()


class RedocPage(SpectacularRedocView):
    """Redoc."""

    authentication_classes = ()
