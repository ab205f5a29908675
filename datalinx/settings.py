"""Django's settings, made once from the environment."""

import os
from pathlib import Path
from typing import Any

from datalinx import env

BASE_DIR = Path(__file__).resolve().parent.parent
HOME = env.HOME.read()
ENVIRONMENT = env.ENV.read()
DEBUG = False
SECRET_KEY = env.SECRET_KEY.read() or "development-only-" + "x" * 50
ENCRYPTION_KEYS = env.ENCRYPTION_KEYS.read()
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "datalinx.urls"
WSGI_APPLICATION = "datalinx.wsgi.application"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-us"
USE_I18N = False
APPEND_SLASH = False
AUTH_USER_MODEL = "accounts.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "apps.accounts",
    "apps.workspaces",
    "apps.sources",
    "apps.mappings",
    "apps.pipelines",
    "apps.analytics",
    "apps.monitoring",
]
MIDDLEWARE = [
    "datalinx.api.request_id.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "datalinx.api.throttling.RateLimitHeadersMiddleware",
]
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.fspath(HOME / "datalinx.sqlite3"),
        "OPTIONS": {
            "timeout": 30,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    }
}
CACHES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
}

PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

STATIC_URL = "/static/"
STATICFILES_DIRS: list[Path] = []
STATIC_ROOT = HOME / "static"

# What `datalinx/` needs of the apps is found here by name, because it never imports them.
DATALINX = {
    "authenticate_token": "apps.workspaces.access.authenticate_token",
    "authenticate_api_key": "apps.workspaces.access.authenticate_api_key",
    "find_workspace": "apps.workspaces.access.find_workspace",
    "idempotency_model": "accounts.IdempotencyRecord",
    "create_first_organization": "apps.accounts.services.setup.create_first_organization",
}

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_RENDERER_CLASSES": ["datalinx.api.renderers.EnvelopeRenderer"],
    "DEFAULT_PARSER_CLASSES": ["datalinx.api.parsers.StrictJSONParser"],
    "DEFAULT_AUTHENTICATION_CLASSES": ["datalinx.api.authentication.CallerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_PAGINATION_CLASS": "datalinx.api.pagination.Pages",
    "DEFAULT_FILTER_BACKENDS": [
        "django_filters.rest_framework.DjangoFilterBackend",
        "datalinx.api.filters.StrictSearch",
        "datalinx.api.filters.StrictOrdering",
    ],
    "DEFAULT_SCHEMA_CLASS": "datalinx.api.schema.EnvelopeAutoSchema",
    "EXCEPTION_HANDLER": "datalinx.api.errors.handle_exception",
    "UNAUTHENTICATED_USER": None,
    "DATETIME_FORMAT": "%Y-%m-%dT%H:%M:%S.%fZ",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Datalinx",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "ENFORCE_NON_BLANK_FIELDS": True,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "datalinx.api.schema.wrap_in_envelope",
    ],
    "PREPROCESSING_HOOKS": ["datalinx.api.schema.leave_out_aliases"],
}
SIMPLE_JWT: dict[str, Any] = {"ALGORITHM": "HS256", "ISSUER": "datalinx", "AUDIENCE": "datalinx-api"}

SESSION_COOKIE_SECURE = ENVIRONMENT == "production"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Strict"
SESSION_COOKIE_AGE = 3600
CSRF_COOKIE_SECURE = SESSION_COOKIE_SECURE
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"
