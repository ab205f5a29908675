"""What is logged and how: one JSON object a line, with its request id, and never a secret."""

import re
from typing import Any

import structlog
from structlog.typing import EventDict, WrappedLogger

HIDDEN = "***"

_SECRET_KEY = re.compile(
    r"password|passwd|secret|token|authorization|api_?key|credential|cookie|encryption_keys|private_key",
    re.IGNORECASE,
)
_SECRET_TEXT = re.compile(
    r"""
      (?P<before> ://[^/\s:@]*: ) [^/\s@]+ (?= @ )          # a password within an address
    | dlx_sk_\w+?_ [\w-]{8,}                                # an API key of ours
    | whsec_ [\w+/=-]{8,}                                   # a webhook's secret
    | eyJ [\w-]{8,} \. [\w-]{8,} \. [\w-]+                  # a signed token
    | (?P<scheme> \b (?: Bearer | Basic ) \s+ ) [\w.~+/=-]{8,}
    | (?P<setup> /setup/ ) [\w-]{16,}                       # the one-time link of the first start
    """,
    re.VERBOSE,
)


def hide_secrets(value: Any) -> Any:
    """Return a value with everything in it that is, or is named like, a secret replaced by `***`."""
    if isinstance(value, str):
        return _SECRET_TEXT.sub(_hidden, value)
    if isinstance(value, dict):
        return {
            key: HIDDEN if isinstance(key, str) and _SECRET_KEY.search(key) and item else hide_secrets(item)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [hide_secrets(item) for item in value]
    return value


def _hidden(match: re.Match[str]) -> str:
    kept = match["before"] or match["scheme"] or match["setup"] or ""
    return kept + HIDDEN


def _without_secrets(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    hidden: EventDict = hide_secrets(event)
    return hidden


def _with_request_id(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    from datalinx.api.request_id import current_request_id

    if request_id := current_request_id():
        event.setdefault("request_id", request_id)
    return event


def _in_reading_order(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    first = ("timestamp", "level", "logger", "event", "request_id")
    return {**{key: event[key] for key in first if key in event}, **event}


_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.PositionalArgumentsFormatter(),
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
    structlog.processors.format_exc_info,
    _with_request_id,
]


def configuration(level: str) -> dict[str, Any]:
    """Return the `logging.config` dictionary for a process that logs to its standard error."""
    quiet = {"level": "WARNING"}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": _SHARED,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    _without_secrets,
                    _in_reading_order,
                    structlog.processors.JSONRenderer(default=str),
                ],
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # Django's and gunicorn's own handlers would print each line a second time.
            "django": {"handlers": [], "level": "INFO", "propagate": True},
            "django.server": {"handlers": [], "propagate": True},
            "gunicorn.error": {"handlers": [], "level": "INFO", "propagate": True},
            # One line when a message comes and one when it went, for each tick: only what goes wrong is news.
            "celery.worker.strategy": quiet,
            "celery.app.trace": quiet,
            "celery.beat": quiet,
            "kombu": quiet,
            "amqp": quiet,
            "pyiceberg": quiet,
            "urllib3": quiet,
        },
    }


def configure_structlog() -> None:
    """Let `structlog.get_logger()` write through the standard library, in the same form as everything else."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
