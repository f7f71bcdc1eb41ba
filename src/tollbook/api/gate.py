"""The outermost layer: what must be said of a request before anything looks at it.

A request id for every answer, bounds on the URL, no transfer encodings (their end cannot be known before they
are read), methods that nobody offers, and the headers that every answer carries.
"""

import os
import re
from collections.abc import Callable, Iterable
from typing import Any

from tollbook import errors, limits
from tollbook.api.wire import JSON, error_body
from tollbook.errors import Flaw, Problem

_REQUEST_ID = re.compile(rf"[A-Za-z0-9._~\-]{{1,{limits.REQUEST_ID_CHARS_MAX}}}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_EVERY_ANSWER = [
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Allow-Headers", "Authorization, Content-Type, Idempotency-Key, If-None-Match, X-Request-Id"),
    ("Access-Control-Expose-Headers", "ETag, Idempotency-Replayed, Link, X-Request-Id, Retry-After, X-Error-Code"),
    ("Access-Control-Max-Age", "86400"),
    ("X-Content-Type-Options", "nosniff"),
]

_Start = Callable[..., Any]


class Gate:
    """A WSGI application around another."""

    def __init__(self, app: Callable[[dict[str, Any], _Start], Iterable[bytes]]) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: _Start) -> Iterable[bytes]:
        """Pass a request in, or answer it here; the answer gets the headers that all carry."""
        given = environ.get("HTTP_X_REQUEST_ID", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else os.urandom(16).hex()
        environ["tollbook.request_id"] = request_id
        # The router would take a query apart by rules that are not ours.
        environ["tollbook.query"] = query = environ.get("QUERY_STRING", "")
        environ["QUERY_STRING"] = ""

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            headers += _EVERY_ANSWER
            headers.append(("X-Request-Id", request_id))
            return start_response(status, headers)

        if "HTTP_TRANSFER_ENCODING" in environ:
            return _refuse(start, errors.LENGTH_REQUIRED, "Transfer-Encoding is not taken; send a Content-Length")
        if len(environ.get("PATH_INFO", "")) + len(query) > limits.URL_BYTES_MAX:
            return _refuse(start, errors.URL_TOO_LONG, f"expected at most {limits.URL_BYTES_MAX} bytes")
        if environ["REQUEST_METHOD"] not in _METHODS:
            # Answered as the one standard method that no path offers: 405 with Allow, or 404.
            environ["tollbook.method"], environ["REQUEST_METHOD"] = environ["REQUEST_METHOD"], "TRACE"
        return self._app(environ, start)


def _refuse(start: _Start, problem: Problem, message: str) -> list[bytes]:
    body = error_body(problem, [Flaw(None, message)])
    headers = [
        ("Content-Type", JSON),
        ("Content-Length", str(len(body))),
        ("X-Error-Code", problem.code),
        ("Connection", "close"),
    ]
    start(f"{problem.status} {problem.message.title()}", headers)
    return [body]
