"""A PostgreSQL server of a module's own: stopped, frozen, started again; books on it, and whether they answer."""

import itertools
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from tests.conformance.asking import page
from tests.making import NOW, plant_family

from tollbook import limits
from tollbook.clock import FixedClock
from tollbook.errors import Refusal
from tollbook.query.fields import PARTNERS
from tollbook.store import Store, create_store, postgres_server
from tollbook.store.postgres import PostgresStore

_SETTINGS = ("fsync=off", "full_page_writes=off", "shared_buffers=32MB", "max_connections=60")
_numbers = itertools.count(1)


@contextmanager
def own_server() -> Iterator[postgres_server.Server]:
    """A running server."""
    with postgres_server.throwaway(*_SETTINGS) as server:
        yield server


def start(server: postgres_server.Server) -> None:
    """Start it again, as it was."""
    server.start(*_SETTINGS)


def planted(server: postgres_server.Server) -> PostgresStore:
    """A new book on it, with the family."""
    name = f"book_{next(_numbers)}"
    command(server, f"CREATE DATABASE {name} TEMPLATE template0")
    store = create_store(server.url(name), FixedClock(NOW))
    assert isinstance(store, PostgresStore)
    plant_family(store)
    return store


def command(server: postgres_server.Server, statement: str) -> list[Any]:
    """Have the server's administrator say something."""
    with psycopg.connect(server.url(), autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def end_connections(server: postgres_server.Server, only: str = "true") -> int:
    """End everybody's connections."""
    ended = command(
        server,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        f" WHERE pid <> pg_backend_pid() AND backend_type = 'client backend' AND {only}",
    )
    return len(ended)


@contextmanager
def frozen(server: postgres_server.Server) -> Iterator[None]:
    """While the server hangs: every process of it is stopped where it is."""
    processes = [server.process.pid, *_children(server.process.pid)]
    for pid in processes:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in reversed(processes):
            os.kill(pid, signal.SIGCONT)


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def until(reached: Callable[[], object], seconds: float = 15) -> None:
    """Wait for what is bound to come."""
    ends = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < ends
        time.sleep(0.01)


def seconds(do: Callable[[], object]) -> float:
    """How long something takes."""
    began = time.monotonic()
    do()
    return time.monotonic() - began


def heard(do: Callable[[], Any]) -> Any:
    """What something answers; None where it is refused for now, and may be tried again."""
    try:
        return do()
    except Refusal as said:
        refusal = said
    assert (refusal.problem.status, refusal.retry_after) == (503, limits.RETRY_AFTER_SECONDS)
    return None


def works(store: Store) -> bool:
    """Whether the book can be read and written by now."""

    def use() -> bool:
        store.act(lambda act: act.set_book("a", "b"))
        return page(store, resource=PARTNERS).total == 4

    return heard(use) is True
