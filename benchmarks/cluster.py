"""A PostgreSQL server for the measurements: durable as it comes, on the second CPU, its data kept for the next run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from benchmarks.machine import on_cpu
from benchmarks.processes import BenchError, run
from benchmarks.tollbook import ROOT

SETTINGS = ("shared_buffers=1GB", "max_connections=100", "max_wal_size=4GB", "checkpoint_timeout=15min", "jit=off")


class Cluster:
    """Databases of one server: `url` opens one, `psql` runs a statement in one."""

    def __init__(self, base: str) -> None:
        self.base = base

    def url(self, database: str) -> str:
        """What opens a database."""
        return re.sub(r"(//[^/?]*)/?[^?]*", rf"\1/{database}", self.base, count=1)

    def execute(self, statement: str, database: str = "postgres") -> None:
        """Runs a statement."""
        import psycopg

        with psycopg.connect(self.url(database), autocommit=True) as connection:
            connection.execute(statement)  # type: ignore[call-overload]  # ours, not a stranger's

    def has(self, database: str) -> bool:
        """Whether there is a database of that name."""
        import psycopg

        with psycopg.connect(self.url("postgres")) as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (database,)).fetchone()
        return found is not None

    def make(self, database: str, template: str = "template0") -> str:
        """A database in place of one of that name, empty or a copy; what opens it."""
        self.drop(database)
        self.execute(f'CREATE DATABASE "{database}" TEMPLATE "{template}" STRATEGY file_copy')
        return self.url(database)

    def drop(self, database: str) -> None:
        """Ends a database, whoever has it open."""
        self.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')

    def rename(self, database: str, name: str) -> None:
        """Give a database that is filled its name: one that has it is whole. The planner knows it from here on."""
        self.execute(f'ALTER DATABASE "{database}" RENAME TO "{name}"')
        self.settle(name)

    def settle(self, database: str) -> None:
        """Have the planner know what is there, and nothing left to tidy while it is measured."""
        self.execute("VACUUM ANALYZE", database)
        self.execute("CHECKPOINT", database)


@contextmanager
def running(where: str, folder: Path) -> Iterator[Cluster]:
    """The server of a URL; or, for `own`, one of these measurements, made once and kept in a folder."""
    if where != "own":
        yield Cluster(where)
        return
    server = _starter().server_in(folder / "postgres", *SETTINGS)
    try:
        if pinned := on_cpu(1):
            run([pinned[0], "-a", "-cp", pinned[2], str(server.process.pid)])
        yield Cluster(server.url())
    finally:
        server.stop()


def _starter() -> Any:
    """The module of the checkout that starts servers, without the rest of its package, which this environment lacks."""
    spec = spec_from_file_location("postgres_server", ROOT / "src" / "tollbook" / "store" / "postgres_server.py")
    if spec is None or spec.loader is None:
        raise BenchError("there is nothing here that starts a PostgreSQL server: give --db a URL")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
