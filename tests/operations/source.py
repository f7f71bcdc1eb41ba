"""A small server to pull from, on a thread of its own, that does exactly what a test tells it."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

TOKEN = "the-source's-token"
Headers = dict[str, str]


class Reply(NamedTuple):
    """What to answer: a status, a body, headers; `cut` ends the connection before the body's end."""

    status: int
    body: bytes = b""
    headers: Headers = {}
    cut: bool = False


class Source:
    """Invoices page by page; `script` may answer in its place, by the number of the request from 0."""

    def __init__(self, records: list[Any], page: int) -> None:
        self.records = records
        self.page = page
        self.asked: list[str] = []
        self.tokens: list[str | None] = []
        self.url = ""
        self.script: Callable[[int], Reply | None] = lambda number: None

    def answer(self, path: str) -> Reply:
        """The documented envelope of a page."""
        offset = int(parse_qs(urlsplit(path).query).get("offset", ["0"])[0])
        items = self.records[offset : offset + self.page]
        more = offset + self.page < len(self.records)
        pagination = {"next": f"{self.url}?limit={self.page}&offset={offset + self.page}"} if more else {}
        body = {"count": len(items), "has_more": more, "items": items, "limit": self.page, "offset": offset}
        return Reply(200, json.dumps(body | {"pagination": pagination, "total": len(self.records)}).encode())


@contextmanager
def serving(source: Source) -> Iterator[Source]:
    """The source at work, at `source.url`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            source.asked.append(self.path)
            source.tokens.append(self.headers.get("Authorization"))
            reply = source.script(len(source.asked) - 1) or source.answer(self.path)
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body[: len(reply.body) // 2] if reply.cut else reply.body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the base class's name)
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        source.url = f"http://127.0.0.1:{server.server_port}/core/v2/billing/invoices"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield source
        finally:
            server.shutdown()
            thread.join()
