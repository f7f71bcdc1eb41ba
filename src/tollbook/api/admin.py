"""`/metrics`, `/health/live` and `/health/ready` on an address of their own, loopback by default.

Runs in the first process, which serves no customer: it sums what the workers wrote into shared files.
"""

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tollbook import errors
from tollbook.api.health import check_ready
from tollbook.clock import SystemClock
from tollbook.config import Settings
from tollbook.errors import Flaw, Refusal
from tollbook.store import open_store

_Page = Callable[[], tuple[int, str, bytes]]


class Listener:
    """The admin server, in a thread of the first process."""

    def __init__(self, address: tuple[str, int], pages: dict[str, _Page]) -> None:
        self._server = ThreadingHTTPServer(address, _handler(pages))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="admin", daemon=True)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()


def listen(settings: Settings, metrics: Path) -> Listener:
    """The admin server of `--admin HOST:PORT`; `metrics` is where the workers write. A taken address is refused."""
    host, _, port = settings.admin.rpartition(":")
    store = open_store(settings.db, SystemClock(), settings.db_read)

    def ready() -> tuple[int, str, bytes]:
        try:
            check_ready(store)
        except Refusal as refusal:
            return 503, "text/plain; charset=utf-8", f"{refusal}\n".encode()
        return 200, "text/plain; charset=utf-8", b"ready\n"

    pages: dict[str, _Page] = {
        "/health/live": lambda: (200, "text/plain; charset=utf-8", b"live\n"),
        "/health/ready": ready,
        "/metrics": lambda: _metrics(metrics),
    }
    try:
        return Listener((host.strip("[]") or "127.0.0.1", int(port)), pages)
    except OSError as error:
        why = f"cannot listen on {settings.admin}: {(error.strerror or str(error)).lower()}; choose another"
        raise Refusal(errors.SETTING_INVALID, Flaw("admin", why)) from None


def _metrics(directory: Path) -> tuple[int, str, bytes]:
    from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
    from prometheus_client.multiprocess import MultiProcessCollector

    registry = CollectorRegistry()
    MultiProcessCollector(registry, str(directory))  # type: ignore[no-untyped-call]
    return 200, CONTENT_TYPE_LATEST, generate_latest(registry)


def _handler(pages: dict[str, _Page]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        server_version = "Tollbook"
        sys_version = ""

        def do_GET(self) -> None:
            status, media_type, body = pages.get(self.path.partition("?")[0], _unknown)()
            self.send_response(status)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing: a probe every second is no news."""

    return Handler


def _unknown() -> tuple[int, str, bytes]:
    return 404, "text/plain; charset=utf-8", b"not found\n"
