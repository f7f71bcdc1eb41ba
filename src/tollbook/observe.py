"""Log lines and metrics: every name in one place.

A line is JSON where nobody watches, plain text on a terminal. Lines hold the route's template and the request id,
never a query, a header, a body or a secret. Metrics carry OpenTelemetry's HTTP names.
"""

import json
import logging
import sys
import traceback
from typing import Any

from tollbook.clock import format_instant

log = logging.getLogger("tollbook")

REQUEST_DURATION = "http_server_request_duration_seconds"
ACTIVE_REQUESTS = "http_server_active_requests"
FAILED_CREDENTIALS = "tollbook_failed_credentials_total"


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, event and what belongs to it."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        line: dict[str, Any] = {
            "time": format_instant(int(record.created * 1000)),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
        }
        line |= getattr(record, "facts", {})
        if record.exc_info and record.exc_info[1] is not None:
            line["trace"] = "".join(traceback.format_exception(record.exc_info[1]))
        return json.dumps(line, default=str)


class PlainLines(logging.Formatter):
    """The same for a person."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        facts = " ".join(f"{name}={value}" for name, value in getattr(record, "facts", {}).items())
        line = (
            f"{format_instant(int(record.created * 1000))} {record.levelname.lower():7} {record.getMessage()} {facts}"
        )
        if record.exc_info and record.exc_info[1] is not None:
            line += "\n" + "".join(traceback.format_exception(record.exc_info[1]))
        return line.rstrip()


def set_up_logging(level: str) -> None:
    """Send log lines to standard error, in the form that suits what it is."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(PlainLines() if sys.stderr.isatty() else JsonLines())
    log.handlers[:] = [handler]
    log.setLevel(level.upper())
    log.propagate = False


def tell(level: int, event: str, **facts: Any) -> None:
    """One log line."""
    log.log(level, event, extra={"facts": facts})


class Metrics:
    """The counters of one worker; `/metrics` sums those of all."""

    def __init__(self) -> None:
        from prometheus_client import Counter, Gauge, Histogram

        labels = ("http_request_method", "http_route", "http_response_status_code")
        self._duration = Histogram(REQUEST_DURATION, "Duration of HTTP requests.", labels)
        self._active = Gauge(ACTIVE_REQUESTS, "Requests being answered.", multiprocess_mode="livesum")
        self._failed = Counter(FAILED_CREDENTIALS, "Answers to wrong or missing credentials.")

    def begin(self) -> None:
        """A request came in."""
        self._active.inc()

    def end(self, method: str, route: str, status: int, seconds: float) -> None:
        """A request was answered; `route` is a template, so that sids make no series of their own."""
        self._active.dec()
        self._duration.labels(method, route, str(status)).observe(seconds)
        if status in (401, 429):
            self._failed.inc()
