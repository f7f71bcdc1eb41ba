"""Two ways to ask: many connections at once (wrk), and one after another on one connection.

An answer that is not 200 makes the measurement fail: errors are served fast.
"""

from __future__ import annotations

import http.client
import json
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.machine import find, on_cpu
from benchmarks.processes import HOST, BenchError, children_seconds, resident_mb, run, stop

CONNECTIONS = 16
LUA = Path(__file__).with_name("load.lua")


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked, and as whom."""

    path: str
    token: str


@dataclass(frozen=True, slots=True)
class Rate:
    """What one run of wrk saw."""

    per_second: float
    requests: int
    p50_ms: float
    p99_ms: float


def save_requests(path: Path, requests: Iterable[Request]) -> Path:
    """Writes requests as load.lua reads them."""
    path.write_text("".join(f"{request.path}\t{request.token}\n" for request in requests))
    return path


def wrk(port: int, requests: Path, seconds: float, connections: int = CONNECTIONS) -> Rate:
    """Loads the server with the requests of a file; wrk runs on the second CPU."""
    command = [
        *on_cpu(1),
        str(find("wrk")),
        *("-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "30s"),
        *("-s", str(LUA), f"http://{HOST}:{port}/", "--", str(requests)),
    ]
    return parse_wrk(run(command, timeout=seconds + 90))


def wrk_posts(port: int, path: str, token: str, bodies: Path, seconds: float, connections: int) -> Rate:
    """Loads the server with the bodies of a file, each sent once; wrk runs on the second CPU."""
    command = [
        *on_cpu(1),
        str(find("wrk")),
        *("-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "30s"),
        *("-s", str(LUA.with_name("post.lua")), f"http://{HOST}:{port}/", "--", str(bodies), path, token),
    ]
    return parse_wrk(run(command, timeout=seconds + 90))


def parse_wrk(output: str) -> Rate:
    """The line that load.lua prints.

    >>> parse_wrk('…\\nMEASURED {"requests": 50, "micros": 2000000, "bytes": 1, "p50": 1500, '
    ...     '"p99": 9000, "refused": 0, "failed": 0}\\n')
    Rate(per_second=25.0, requests=50, p50_ms=1.5, p99_ms=9.0)
    """
    for line in output.splitlines():
        if line.startswith("MEASURED "):
            seen: dict[str, int] = json.loads(line.removeprefix("MEASURED "))
            break
    else:
        raise BenchError(f"wrk said nothing that can be read:\n{output[-2_000:]}")
    if seen["refused"] or seen["failed"]:
        raise BenchError(
            f"of {seen['requests']} requests, {seen['refused']} were not answered with 200 and {seen['failed']} failed"
        )
    # None at all is a rate too: a slow server may answer nobody within a second of warm-up.
    rate = seen["requests"] / (seen["micros"] / 1e6)
    return Rate(rate, seen["requests"], seen["p50"] / 1000, seen["p99"] / 1000)


class RefusedError(BenchError):
    """A server answered with something else than 200."""


class Caller:
    """One keep-alive connection."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection(HOST, port, timeout=120)

    def get(self, request: Request) -> bytes:
        """The body; anything but 200 is a RefusedError."""
        headers = {"Authorization": f"Bearer {request.token}", "Accept": "application/json"}
        self._connection.request("GET", request.path, headers=headers)
        response = self._connection.getresponse()
        body = response.read()
        if response.status != 200:
            raise RefusedError(f"{request.path}: {response.status} {body[:500]!r}")
        return body

    def get_json(self, request: Request) -> dict[str, Any]:
        """The body, decoded."""
        body: dict[str, Any] = json.loads(self.get(request))
        return body

    def close(self) -> None:
        """Lets go of the connection."""
        self._connection.close()


def sequential_ms(caller: Caller, requests: Sequence[Request], seconds: float) -> float:
    """Median latency of requests sent one after another, cycling, for about `seconds`.

    At least nine requests are timed however slow they are, after two that are not.
    """
    times: list[float] = []
    for request in requests[:2]:
        caller.get(request)
    end = time.perf_counter() + seconds
    while len(times) < 9 or time.perf_counter() < end:
        request = requests[len(times) % len(requests)]
        began = time.perf_counter()
        caller.get(request)
        times.append(time.perf_counter() - began)
    return statistics.median(times) * 1000


@dataclass(frozen=True, slots=True)
class Watched:
    """A command that ran to its end: what it said, how it ended, what it took."""

    said: str
    status: int
    seconds: float
    processor_seconds: float
    resident_mb: list[float]
    """Of all its processes; what they share counts in each."""


def watch(command: Sequence[str], seconds_max: float) -> Watched:
    """Runs a command, looking at its memory ten times a second."""
    began, used = time.perf_counter(), children_seconds()
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    sampler = Sampler(lambda: resident_mb(process.pid), 0.1)
    sampler.start()
    try:
        said, _ = process.communicate(timeout=seconds_max)
    finally:
        stop(process)
    took = time.perf_counter() - began
    # The last sample may fall between the end of the process and the end of the sampling.
    samples = [mb for mb in sampler.finish() if mb > 0]
    return Watched(said.decode(), process.returncode, took, children_seconds() - used, samples)


class Sampler(threading.Thread):
    """Reads a gauge every `period` seconds until stopped."""

    def __init__(self, gauge: Callable[[], float], period: float = 0.25) -> None:
        super().__init__(daemon=True)
        self.samples: list[float] = []
        self._gauge, self._period, self._over = gauge, period, threading.Event()

    def run(self) -> None:
        """Samples; called by the thread."""
        while not self._over.wait(self._period):
            self.samples.append(self._gauge())

    def finish(self) -> list[float]:
        """Stops and answers what was seen, in order."""
        self._over.set()
        self.join()
        return self.samples or [self._gauge()]
