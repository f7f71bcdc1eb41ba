"""Clients that write: connections that post prepared bodies one after another, and what came back.

An answer that is not 200, or a record that was not accepted, makes the measurement fail: a refusal is served fast.
"""

from __future__ import annotations

import http.client
import json
import os
import statistics
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock

from benchmarks.processes import HOST, BenchError


@dataclass(frozen=True, slots=True)
class Posted:
    """What some clients wrote: acknowledged records a second, and how long a request took."""

    records: int
    seconds: float
    p50_ms: float
    p99_ms: float

    @property
    def per_second(self) -> float:
        """Records acknowledged a second."""
        return self.records / self.seconds


class _Bodies:
    """Prepared bodies, each sent once; an end by the clock or by the last body."""

    def __init__(self, bodies: Sequence[bytes], seconds: float, pace: float) -> None:
        self._bodies = iter(bodies)
        self._lock = Lock()
        self._ends = time.perf_counter() + seconds
        self._pace, self._next = pace, time.perf_counter()

    def take(self) -> bytes | None:
        """The next body, in its time; None at the end."""
        with self._lock:
            now = time.perf_counter()
            body = next(self._bodies, None) if now < self._ends else None
            wait, self._next = self._next - now, max(self._next, now) + self._pace
        if self._pace and wait > 0:
            time.sleep(wait)
        return body


def post(
    port: int, path: str, token: str, bodies: Sequence[bytes], *, clients: int, seconds: float, pace: float = 0.0
) -> Posted:
    """Posts from so many connections until the time or the bodies end; `pace` is the seconds between two bodies."""
    shared = _Bodies(bodies, seconds, pace)
    began = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        done = list(pool.map(lambda _: _client(port, path, token, shared), range(clients)))
    took = time.perf_counter() - began
    times = sorted(ms for _, each in done for ms in each)
    if not times:
        raise BenchError("no record was written: give it more --seconds")
    return Posted(sum(n for n, _ in done), took, statistics.median(times), times[int(len(times) * 0.99)])


def _client(port: int, path: str, token: str, shared: _Bodies) -> tuple[int, list[float]]:
    connection = http.client.HTTPConnection(HOST, port, timeout=60)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    records, times = 0, []
    while (body := shared.take()) is not None:
        began = time.perf_counter()
        connection.request("POST", path, body, headers)
        response = connection.getresponse()
        answer = response.read()
        times.append((time.perf_counter() - began) * 1000)
        if response.status != 200:
            raise BenchError(f"{path}: {response.status} {answer[:500]!r}")
        records += _accepted(answer)
    connection.close()
    return records, times


def _accepted(answer: bytes) -> int:
    """How many records an answer acknowledges; a BenchError if any was not new."""
    if b'"items"' not in answer:
        return 1
    results = answer.count(b'"result":"accepted"')
    if results != answer.count(b'"result":'):
        refused = next(item for item in json.loads(answer)["items"] if item["result"] != "accepted")
        raise BenchError(f"a record was not accepted: {refused}")
    return results


def main() -> None:
    """As a process of its own, so that its work is not the harness's: the plan comes on standard input as JSON."""
    plan = json.load(sys.stdin)
    if hasattr(os, "sched_setaffinity") and plan["cpu"] is not None:
        os.sched_setaffinity(0, {plan["cpu"]})
    with open(plan["bodies"], "rb") as file:
        bodies = file.read().split(b"\n")[:-1]
    posted = post(
        plan["port"], plan["path"], plan["token"], bodies[plan["skip"] :],
        clients=plan["clients"], seconds=plan["seconds"], pace=plan["pace"],
    )  # fmt: skip
    json.dump(
        {"records": posted.records, "seconds": posted.seconds, "p50_ms": posted.p50_ms, "p99_ms": posted.p99_ms},
        sys.stdout,
    )


if __name__ == "__main__":
    main()
