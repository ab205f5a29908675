"""Django's settings, made once from the environment."""

import secrets
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from kombu import Queue

from datalinx import connections, env, keys, logs, machine

BASE_DIR = Path(__file__).resolve().parent.parent
HOME = env.HOME.read()
ENVIRONMENT = env.ENV.read()
DEBUG = False
PRODUCTION = ENVIRONMENT == "production"
PUBLIC_URL = env.PUBLIC_URL.read().rstrip("/")
TRUSTED_PROXIES = env.TRUSTED_PROXIES.read()

# From the environment, else from the home. Without either a key is made for this process alone, so that a
# developer's commands work; a check stops whatever would serve or seal with it.
SECRET_KEY = env.SECRET_KEY.read() or keys.read(HOME, keys.SIGNING)
SECRET_KEY_IS_MISSING = not SECRET_KEY
SECRET_KEY = SECRET_KEY or secrets.token_urlsafe(64)
ENCRYPTION_KEYS = env.ENCRYPTION_KEYS.read() or keys.read_encryption_keys(HOME)
ENCRYPTION_KEYS_ARE_MISSING = not ENCRYPTION_KEYS
ENCRYPTION_KEYS = ENCRYPTION_KEYS or (keys.new_encryption_key(),)

_public = urlsplit(PUBLIC_URL)
ALLOWED_HOSTS = (
    [_public.hostname, "localhost", "127.0.0.1", "[::1]"] if PRODUCTION and _public.hostname else ["*"]
)
CSRF_TRUSTED_ORIGINS = [f"{_public.scheme}://{_public.netloc}"] if PUBLIC_URL else []
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
    "datalinx.apps.PlatformConfig",
    "datalinx.console",
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
    "datalinx.proxies.TrustedProxiesMiddleware",
    "datalinx.health.ProbeMiddleware",
    "datalinx.metrics.MetricsMiddleware",
    "datalinx.api.tracing.TraceMiddleware",
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

DATABASES: dict[str, dict[str, Any]] = {"default": connections.database(env.DATABASE_URL.read(), HOME)}
CACHE_URL = env.CACHE_URL.read()
CACHES: dict[str, dict[str, Any]] = {"default": connections.cache(CACHE_URL, HOME)}
# A folder or `s3://bucket/prefix`, as `datalinx.engine.storage` takes it.
STORAGE_URL = env.STORAGE_URL.read() or str(HOME / "storage")

# The largest file that can be uploaded; uploads are streamed to the storage.
MAX_UPLOAD_BYTES = 20 * 1024**3

# What the engine of one run may use.
CONCURRENCY = env.CONCURRENCY.read()
ORGANIZATION_RUNS = env.ORGANIZATION_RUNS.read()
ENGINE_MEMORY_BYTES = env.MEMORY_LIMIT.read() or machine.memory_for_one_run(CONCURRENCY)
ENGINE_THREADS = env.THREADS.read() or machine.processors()
# What one question in SQL may use.
QUERY_SECONDS = 30.0
QUERY_MEMORY_BYTES = 1024**3
# What finding the members of one audience may take.
AUDIENCE_SECONDS = 120.0
RESOLUTION_SECONDS = env.RESOLUTION_SECONDS.read()
SPARK_REMOTE = env.SPARK_REMOTE.read()

# How long what is not the newest stays.
SNAPSHOT_DAYS = env.SNAPSHOT_DAYS.read()
SNAPSHOT_MAX = env.SNAPSHOT_MAX.read()
REJECTED_DAYS = env.REJECTED_DAYS.read()
RUN_DAYS = env.RUN_DAYS.read()
RUN_LOG_DAYS = env.RUN_LOG_DAYS.read()
EVENT_DAYS = env.EVENT_DAYS.read()

OUTBOUND_ALLOW_CIDRS = env.OUTBOUND_ALLOW_CIDRS.read()
METRICS_TOKEN = env.METRICS_TOKEN.read()

# Runs have a queue and a worker of their own: webhooks and ticks must not wait behind an hour of data.
QUEUES = ("runs", "default")
CELERY: dict[str, Any] = connections.broker(env.BROKER_URL.read(), HOME) | {
    "task_queues": [Queue(name, routing_key=name) for name in QUEUES],
    "task_default_queue": "default",
    "task_default_routing_key": "default",
    "task_routes": {
        "pipelines.execute": {"queue": "runs"},
        "pipelines.keep_up": {"queue": "runs"},
        "pipelines.resolve": {"queue": "runs"},
        "pipelines.sweep": {"queue": "runs"},
    },
    "task_create_missing_queues": False,
    "task_serializer": "json",
    "accept_content": ["json"],
    "task_ignore_result": True,
    # Once more, by a new connection; what is still not sent then is sent by a tick.
    "task_publish_retry_policy": {"max_retries": 1},
    # A task that a killed process held is given to another; each of them may therefore run twice.
    "task_acks_late": True,
    "task_reject_on_worker_lost": True,
    "worker_prefetch_multiplier": 1,
    # A killed child may have confirmed its task just before; two seconds tell.
    "worker_lost_wait": 2.0,
    "worker_max_tasks_per_child": 200,
    # In KiB. A process that grew past what one run may use is replaced after its task.
    "worker_max_memory_per_child": 2 * ENGINE_MEMORY_BYTES // 1024,
    "worker_cancel_long_running_tasks_on_connection_loss": True,
    # SIGTERM gives tasks this long to end by themselves; what is left goes back to the queue.
    "worker_soft_shutdown_timeout": 2.0,
    "worker_hijack_root_logger": False,
    "worker_redirect_stdouts": False,
    "worker_send_task_events": False,
    "broker_connection_retry_on_startup": True,
    "enable_utc": True,
    "timezone": "UTC",
    "beat_scheduler": "datalinx.celery:Scheduler",
    # Each app names its ticks here. A tick that waited longer than its interval is dropped: the next one does its work.
    "beat_schedule": {
        "pipelines": {"task": "pipelines.tick", "schedule": 3.0, "options": {"fresh_seconds": 3.0}},
        "schedules": {"task": "pipelines.align", "schedule": 300.0, "options": {"fresh_seconds": 300.0}},
        "upkeep": {"task": "pipelines.upkeep", "schedule": 600.0, "options": {"fresh_seconds": 600.0}},
        "strays": {"task": "pipelines.sweep", "schedule": 21_600.0, "options": {"fresh_seconds": 3_600.0}},
        "audiences": {"task": "analytics.refresh", "schedule": 5.0, "options": {"fresh_seconds": 5.0}},
        "monitoring": {"task": "monitoring.watch", "schedule": 5.0, "options": {"fresh_seconds": 5.0}},
        "deliveries": {"task": "workspaces.deliver", "schedule": 5.0, "options": {"fresh_seconds": 5.0}},
        "events": {"task": "workspaces.sweep", "schedule": 3_600.0, "options": {"fresh_seconds": 3_600.0}},
    },
}

LOGGING = logs.configuration(env.LOG_LEVEL.read())

PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

# Attempts to log in, for each address and each e-mail address.
LOGIN_RATE = "10/15m"

STATIC_URL = "/static/"
STATICFILES_DIRS: list[Path] = []
# Served from where the packages keep them: nothing is to be collected before the first start.
WHITENOISE_USE_FINDERS = True
WHITENOISE_MAX_AGE = 3600

# What `datalinx/` needs of the apps is found here by name, because it never imports them.
DATALINX = {
    "authenticate_token": "apps.workspaces.access.authenticate_token",
    "authenticate_api_key": "apps.workspaces.access.authenticate_api_key",
    "find_workspace": "apps.workspaces.access.find_workspace",
    "idempotency_model": "accounts.IdempotencyRecord",
    "is_set_up": "apps.accounts.services.setup.is_set_up",
    "record_event": "apps.workspaces.services.outbox.record_event",
    "create_first_organization": "apps.accounts.services.setup.create_first_organization",
    "end_silent_work": "apps.pipelines.services.oversight.end_silent_work",
}

# What the apps add to `/metrics`, each by a callable that returns metric families.
METRIC_COLLECTORS = ("apps.workspaces.metrics.collect_metrics", "apps.pipelines.metrics.collect_metrics")

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
    "URL_FORMAT_OVERRIDE": None,
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
    "ENUM_NAME_OVERRIDES": {
        "SourceStatus": "apps.sources.models.Tested",
        "RunStatus": "apps.pipelines.models.Run.Status",
        "BackfillStatus": "apps.pipelines.models.Backfill.Status",
        "BackfillChunkStatus": "apps.pipelines.models.BackfillChunk.Status",
        "RunStepStatus": "apps.pipelines.models.RunStep.Status",
        "AlertStatus": "apps.monitoring.models.Alert.Status",
        "UserStatus": "apps.accounts.models.User.Status",
        "DeliveryStatus": "apps.workspaces.models.Delivery.Status",
        "DbtOutcome": "apps.mappings.views.dbt_sources.OUTCOMES",
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "datalinx.api.schema.wrap_in_envelope",
    ],
    "PREPROCESSING_HOOKS": ["datalinx.api.schema.leave_out_aliases"],
}
SIMPLE_JWT: dict[str, Any] = {"ALGORITHM": "HS256", "ISSUER": "datalinx", "AUDIENCE": "datalinx-api"}

SESSION_COOKIE_SECURE = PRODUCTION
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Strict"
SESSION_COOKIE_AGE = 3600
CSRF_COOKIE_SECURE = PRODUCTION
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SECURE_HSTS_SECONDS = 31_536_000 if PRODUCTION else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = PRODUCTION
SECURE_HSTS_PRELOAD = PRODUCTION
# Only a proxy that is known to set the header may say that a request came by https.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
SILENCED_SYSTEM_CHECKS = [
    # An API that redirects http to https has already let the credentials travel in the clear; the proxy decides.
    "security.W008",
    # django-ratelimit does not know these caches. Ours and Redis both count in one atomic step.
    "django_ratelimit.W001",
]
