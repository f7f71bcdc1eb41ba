"""The process: binds the address, starts the workers, says when it answers, stops in order."""

import gc
import http.client
import logging
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import Any

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.mp import MPServer

from tollbook import errors, limits
from tollbook.api import admin
from tollbook.api.app import WsgiApp, create_app
from tollbook.clock import SystemClock
from tollbook.config import Settings
from tollbook.errors import Flaw, Refusal
from tollbook.observe import set_up_logging, tell
from tollbook.store import open_store

Ready = Callable[[str], None]

_STOPPING = {signal.SIGINT, signal.SIGTERM}


def serve(settings: Settings, on_ready: Ready | None = None) -> int:
    """Serve until SIGINT or SIGTERM; 0 after an orderly stop, 1 if a worker died.

    Prints `listening on http://HOST:PORT` as its first line once requests are answered, then calls `on_ready`
    with that URL. A Refusal says why it cannot start: no book, or an address that is taken.
    """
    set_up_logging(settings.log_level)
    open_store(settings.db, SystemClock(), settings.db_read).close()
    with closing(_hold_address(settings.host, settings.port)) as held:
        port = held.getsockname()[1]
        metrics = Path(tempfile.mkdtemp(prefix="tollbook-metrics-")) if settings.admin else None
        if metrics:
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(metrics)
        try:
            return _run(settings, port, metrics, on_ready)
        finally:
            if metrics:
                shutil.rmtree(metrics, ignore_errors=True)


class _Server(MPServer):
    """Granian's, with what is to run once the workers were forked: a fork and threads do not mix.

    A worker's loader is given its number.
    """

    started: list[Callable[[], None]]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.started = []

    def _spawn_worker(self, idx: int, target: Any, callback_loader: Any, *more: Any) -> Any:
        return super()._spawn_worker(idx, target, partial(callback_loader, idx), *more)

    def _spawn_workers(self, *args: Any, **kwargs: Any) -> None:
        # A worker is born with the first process's handlers, which would swallow a stop: it waits until `_load`.
        signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)
        super()._spawn_workers(*args, **kwargs)  # type: ignore[no-untyped-call]
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPING)
        for start in self.started:
            start()


def _run(settings: Settings, port: int, metrics: Path | None, on_ready: Ready | None) -> int:
    server = _Server(
        "tollbook",
        address=settings.host,
        port=port,
        interface=Interfaces.WSGI,
        workers=settings.workers,
        blocking_threads=settings.threads,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(
            header_read_timeout=limits.HEADER_SECONDS_MAX * 1000,
            max_buffer_size=limits.HEADER_BUFFER_BYTES_MAX,
        ),
        websockets=False,
        workers_kill_timeout=settings.stop_timeout,
        log_enabled=False,
    )
    server.started.append(threading.Thread(target=_announce, args=(settings, port, on_ready), daemon=True).start)
    if metrics:
        listener = admin.listen(settings, metrics)
        server.started.append(listener.start)
        server.on_shutdown(listener.stop)
    tell(logging.INFO, "starting", workers=settings.workers, threads=settings.threads, port=port)
    try:
        server.serve(target_loader=partial(_load, settings, port, os.getpid()), wrap_loader=False)
    except SystemExit as stopped:
        tell(logging.ERROR, "stopped", reason="a worker ended unexpectedly")
        return int(stopped.code or 0)
    tell(logging.INFO, "stopped")
    return 0


def _load(settings: Settings, port: int, parent: int, number: int) -> WsgiApp:
    """The application of a worker, by its number; it ends with its parent, the first process.

    Until it serves, a stop just ends it; Ctrl-C is left to the first process, which tells all workers. Granian puts
    the process's environment beneath each request's: nothing there may pass for a header.
    """
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPING)
    for name in [name for name in os.environ if name.startswith(("HTTP_", "CONTENT_"))]:
        del os.environ[name]
    if settings.cpu_affinity:
        _keep_to_a_processor(settings.workers, port + number)
    threading.Thread(target=_follow, args=(parent,), name="follow", daemon=True).start()
    app = create_app(settings)
    _collect_rarely()
    return app


def _keep_to_a_processor(workers: int, place: int) -> None:
    """Have this worker's threads share one processor, if each worker can have one for itself.

    They share one interpreter: of several processors all but one wait for it, and to wake one another across them costs
    as much again as half a request. Servers of other ports begin at other processors.
    """
    if not hasattr(os, "sched_setaffinity"):  # only Linux has it
        return
    usable = sorted(os.sched_getaffinity(0))
    if workers <= len(usable):
        os.sched_setaffinity(0, {usable[place % len(usable)]})


def _collect_rarely() -> None:
    """Look for circles of garbage less often: requests make next to none, and each look takes a twentieth of the work.

    What there is before the first request is never looked at again.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*limits.GARBAGE_THRESHOLDS)


def _follow(parent: int) -> None:
    """End this worker when the first process is gone: killed, it told nobody to stop, and the port would stay taken."""
    while os.getppid() == parent:
        time.sleep(limits.PARENT_LOOK_SECONDS)
    os._exit(1)


def _hold_address(host: str, port: int) -> socket.socket:
    """A socket bound to the address, so that nobody else takes it; workers listen beside it (SO_REUSEPORT).

    The first bind has no SO_REUSEPORT: it fails where another server listens already.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with closing(socket.socket(family)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        _bind(probe, host, port)
        port = probe.getsockname()[1]
    held = socket.socket(family)
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    _bind(held, host, port)
    return held


def _bind(sock: socket.socket, host: str, port: int) -> None:
    try:
        sock.bind((host, port))
    except OSError as error:
        why = f"cannot listen on {host}:{port}: {(error.strerror or str(error)).lower()}; choose another with --port"
        raise Refusal(errors.SETTING_INVALID, Flaw("port", why)) from None


def _announce(settings: Settings, port: int, on_ready: Ready | None) -> None:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    asked = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}.get(host, host)  # noqa: S104  (looked up, not bound)
    for _ in range(limits.START_TRIES_MAX):
        if _answers(asked.strip("[]"), port):
            break
        time.sleep(0.02)
    else:
        return
    sys.stdout.write(f"listening on http://{host}:{port}\n")
    sys.stdout.flush()
    if on_ready:
        on_ready(f"http://{asked}:{port}")


def _answers(host: str, port: int) -> bool:
    with closing(http.client.HTTPConnection(host, port, timeout=1)) as connection, suppress(OSError):
        connection.request("GET", "/health/live")
        return connection.getresponse().status == 200
    return False
