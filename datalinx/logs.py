"""What is logged and how: one JSON object a line, with its request id, and never a secret."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

from datalinx.redaction import EVERY, hide_secrets

# What every record has; the rest is what the caller gave as `extra`. The words of a request hold its query, and so
# the names and addresses that people look for: its path stands in the event.
_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName", "request"}


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
        return json.dumps(hide_secrets(line, scope=EVERY), default=_text, ensure_ascii=False)


def _request_id() -> str:
    # The web server's master process logs too, and has no need of what requests are made of.
    module = sys.modules.get("datalinx.api.request_id")
    return module.current_request_id() if module else ""


def _trace_id() -> str:
    module = sys.modules.get("datalinx.trace")
    return module.current_trace_id() if module else ""


def _text(value: object) -> str:
    # Whatever it is, its own words may hold a secret too.
    return str(hide_secrets(str(value), scope=EVERY))


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
