"""The middleware that times every request, and the answer to a defect of ours."""

import logging
import time

import falcon

from tollbook import errors
from tollbook.api.wire import say
from tollbook.config import Settings
from tollbook.observe import Metrics, log, tell


class Observer:
    """Times and counts requests; says in the log what an operator should see."""

    def __init__(self, settings: Settings) -> None:
        self._development = settings.development
        self._metrics = Metrics() if settings.admin else None

    def process_request(self, request: falcon.Request, _: falcon.Response) -> None:
        """Note when a request came in."""
        request.env["tollbook.start"] = time.perf_counter()
        if self._metrics:
            self._metrics.begin()

    def process_response(self, request: falcon.Request, response: falcon.Response, _: object, __: bool) -> None:
        """Count and time an answer."""
        seconds = time.perf_counter() - request.env["tollbook.start"]
        status = response.status_code
        if self._metrics:
            method = "_OTHER" if "tollbook.method" in request.env else request.method
            self._metrics.end(method, request.uri_template or "unknown", status, seconds)
        if self._development:
            response.set_header("Server-Timing", f"app;dur={seconds * 1000:.2f}")
        level = logging.WARNING if status >= 500 else logging.DEBUG
        if log.isEnabledFor(level):
            tell(level, "request", status=status, ms=f"{seconds * 1000:.1f}", **_facts(request, response))

    def failed(self, request: falcon.Request, response: falcon.Response, error: Exception, _: object) -> None:
        """A defect of ours: the trace goes to the log, the client learns the request id only."""
        log.error("internal error", exc_info=error, extra={"facts": _facts(request, response)})
        say(response, errors.INTERNAL, ())


def _facts(request: falcon.Request, response: falcon.Response) -> dict[str, object]:
    return {
        "method": request.env.get("tollbook.method", request.method),
        "route": request.uri_template,
        "code": response.get_header("X-Error-Code"),
        "request_id": request.env.get("tollbook.request_id"),
    }
