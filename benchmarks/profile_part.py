"""Where the time of a request goes: the application in-process under cProfile, by module.

Runs with the interpreter of Tollbook's own environment, not with that of the benchmarks; it is the
only file here that looks inside, and it knows two names: `create_app` and its `Settings`.
"""

from __future__ import annotations

import cProfile
import io
import pstats
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

App = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def delegate(python: str, db: Path, tokens: list[str], query: str, requests: int) -> int:
    """Starts this file with Tollbook's interpreter and answers its exit status."""
    command = [python, "-m", "benchmarks.profile_part", str(db), query, str(requests)]
    cwd = Path(__file__).resolve().parent.parent
    given = "\n".join(tokens)
    return subprocess.run(command, input=given, text=True, cwd=cwd, check=False).returncode


def profile(app: App, tokens: list[str], query: str, requests: int) -> str:
    """Drives the application `requests` times and answers the tables."""
    for token in tokens[:50]:
        ask(app, token, query)
    began = time.perf_counter()
    for nth in range(requests):
        ask(app, tokens[nth % len(tokens)], query)
    plain = (time.perf_counter() - began) / requests
    profiler = cProfile.Profile()
    profiler.enable()
    for nth in range(requests):
        ask(app, tokens[nth % len(tokens)], query)
    profiler.disable()
    head = f"{plain * 1e6:,.0f} µs a request without the profiler; under it:\n\n"
    return head + _by_module(profiler, requests) + "\n" + _by_function(profiler)


def ask(app: App, token: str, query: str) -> bytes:
    """One GET of the list, as a WSGI server would hand it over."""
    answered: list[str] = []
    environ = {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/core/v2/billing/invoices",
        "QUERY_STRING": query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "127.0.0.1",
        "HTTP_ACCEPT": "application/json",
        "HTTP_AUTHORIZATION": f"Bearer {token}",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    parts = app(environ, lambda status, headers, *rest: answered.append(status))
    body = b"".join(parts)
    getattr(parts, "close", lambda: None)()
    if not answered[0].startswith("200"):
        raise SystemExit(f"the application answered {answered[0]}: {body[:300]!r}")
    return body


def _by_module(profiler: cProfile.Profile, requests: int) -> str:
    own: dict[str, float] = defaultdict(float)
    stats: dict[Any, Any] = pstats.Stats(profiler).stats  # type: ignore[attr-defined]
    for (file, _, function), (_, _, seconds, *_) in stats.items():
        own[_module(file, function)] += seconds
    total = sum(own.values()) or 1.0
    lines = [f"{'module':<44}{'µs/request':>12}{'share':>8}"]
    for module, seconds in sorted(own.items(), key=lambda pair: -pair[1])[:25]:
        lines.append(f"{module:<44}{seconds / requests * 1e6:>12.1f}{seconds / total:>8.1%}")
    return "\n".join(lines) + "\n"


def _module(file: str, function: str) -> str:
    """A short name: the package path from `src` or site-packages on; C functions by their own."""
    if file == "~":
        return function.strip("<>").removeprefix("built-in method ").removeprefix("method ")[:43]
    parts = Path(file).with_suffix("").parts
    for root in ("site-packages", "src", "lib"):
        if root in parts:
            parts = parts[len(parts) - parts[::-1].index(root) :]
    return ".".join(part for part in parts[-3:] if not part.startswith("python3"))


def _by_function(profiler: cProfile.Profile) -> str:
    out = io.StringIO()
    pstats.Stats(profiler, stream=out).strip_dirs().sort_stats("tottime").print_stats(25)
    return out.getvalue()


def main(arguments: list[str]) -> None:
    """`DB QUERY REQUESTS`, the tokens on standard input."""
    db, query, requests = arguments
    tokens = sys.stdin.read().split()
    print(profile(open_app(db), tokens, query, int(requests)))


def open_app(db: str) -> App:
    """The application on a book, as a worker makes it: the one place that knows Tollbook's names."""
    settings = import_module("tollbook.config").Settings(db=db)
    app: App = import_module("tollbook.api.app").create_app(settings)
    return app


if __name__ == "__main__":
    main(sys.argv[1:])
