"""What is logged and how: one JSON object a line, with its request id, and never a secret."""

import json
import logging
import re
import sys
from datetime import UTC, datetime
from typing import Any

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


# What every record has; the rest is what the caller gave as `extra`.
_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """A record as one line: timestamp, level, logger, event, the ids of request and trace, its `extra`, exception."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        if request_id := _request_id():
            line["request_id"] = request_id
        if trace_id := _trace_id():
            line["trace_id"] = trace_id
        line |= {key: value for key, value in record.__dict__.items() if key not in _STANDARD}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(hide_secrets(line), default=_text, ensure_ascii=False)


def _request_id() -> str:
    # The web server's master process logs too, and has no need of what requests are made of.
    module = sys.modules.get("datalinx.api.request_id")
    return module.current_request_id() if module else ""


def _trace_id() -> str:
    module = sys.modules.get("datalinx.trace")
    return module.current_trace_id() if module else ""


def _text(value: object) -> str:
    # Whatever it is, its own words may hold a secret too.
    return str(hide_secrets(str(value)))


def configuration(level: str) -> dict[str, Any]:
    """Return the `logging.config` dictionary for a process that logs to its standard error."""
    quiet = {"level": "WARNING"}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": {"()": JsonFormatter},
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
