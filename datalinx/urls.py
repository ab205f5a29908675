"""The paths of the whole instance: the API under `/api` and `/api/v1`, and what stands around it."""

from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, include, path, re_path
from django.views import defaults
from django.views.decorators.csrf import csrf_exempt

from datalinx.api import errors
from datalinx.api.documents import OpenApiView, RedocPage, SwaggerPage
from datalinx.up.setup import setup_page

api: list[URLPattern | URLResolver] = [
    path("openapi.json", OpenApiView.as_view(), name="openapi"),
    path("docs", SwaggerPage.as_view(url_name="openapi"), name="swagger"),
    path("redoc", RedocPage.as_view(url_name="openapi"), name="redoc"),
    *(
        path("", include(f"{config.name}.urls"))
        for config in apps.get_app_configs()
        if config.name.startswith("apps.")
    ),
    # What is sent to an address that is none is not refused for want of a token: there is nothing to protect.
    re_path("", csrf_exempt(errors.page_not_found)),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("api/v1/", include((api, "v1"))),
    path("api/", include(api)),
    path("admin/", admin.site.urls),
    path("setup/<str:token>", setup_page, name="setup"),
    path("", include("datalinx.console.urls")),
]


def handler404(request: HttpRequest, exception: Exception) -> HttpResponse:
    return errors.page_not_found(request) if is_api(request) else defaults.page_not_found(request, exception)


def handler400(request: HttpRequest, exception: Exception) -> HttpResponse:
    return errors.bad_request(request) if is_api(request) else defaults.bad_request(request, exception)


def handler500(request: HttpRequest) -> HttpResponse:
    return errors.crashed(request) if is_api(request) else defaults.server_error(request)


def is_api(request: HttpRequest) -> bool:
    """Return whether an answer to this request belongs in the envelope."""
    return request.path.startswith("/api/") or request.path == "/api"
