"""The database that the tests are run on: files of SQLite, or databases of a PostgreSQL server.

TOLLBOOK_TEST_STORE=postgres runs them on PostgreSQL: on the server that TOLLBOOK_TEST_POSTGRES names, by a URL whose
user may make databases, or on one of this run's own, which ends with it. What is about files alone is marked `files`;
what is about PostgreSQL, or compares the two, is marked `postgres`, and is left out where the tests run on SQLite.
Where that URL's database is the coordinator of a Citus cluster, every book of the run is a distributed one.
"""

import atexit
import hashlib
import itertools
import os
import re
import shutil
import sqlite3
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from tollbook.clock import Clock
from tollbook.store import Store, create_store, open_store
from tollbook.store.sqlite import SqliteStore

ON_POSTGRES = os.environ.get("TOLLBOOK_TEST_STORE") == "postgres"
_numbers = itertools.count(1)


def fresh_url(folder: Path, name: str = "book.db") -> str:
    """Where a book can be made: a file in a folder, or an empty database."""
    return new_database() if ON_POSTGRES else str(folder / name)


def fresh_store(folder: Path, clock: Clock) -> Store:
    """An empty book."""
    if not ON_POSTGRES:
        folder.mkdir(exist_ok=True)
        return create_store(str(folder / "book.db"), clock)
    return open_store(new_database(_template()), clock)


def new_database(template: str = "") -> str:
    """A database of this run's own, empty, or a copy of another. In a cluster it holds a book without a partner yet."""
    if not template:
        template = _template() if workers() else "template0"
    _make_room(template)
    name = f"tollbook_test_{os.getpid()}_{next(_numbers)}"
    _made[name] = None
    return _copy(template, name)


DATABASES_MAX = 40  # each takes some ten MB
_made: OrderedDict[str, None] = OrderedDict()


def _make_room(template: str) -> None:
    """End the oldest databases that nobody has open; one that is copied just now is not old."""
    import psycopg

    if template in _made:
        _made.move_to_end(template)
    for name in list(_made)[: max(0, len(_made) - DATABASES_MAX)]:
        try:
            _drop(name, "WITH (FORCE)" if workers() and not _is_open(name) else "")
            del _made[name]
        except psycopg.errors.ObjectInUse:
            _made.move_to_end(name)


def _is_open(name: str) -> bool:
    """Whether one of our programs has a database open; a daemon of the cluster's is in each."""
    import psycopg

    ours = "SELECT 1 FROM pg_stat_activity WHERE datname = %s AND application_name = 'tollbook'"
    with psycopg.connect(server_url()) as connection:
        return connection.execute(ours, (name,)).fetchone() is not None


def _copy(template: str, name: str) -> str:
    """The URL of a copy of a database; in a cluster its parts are copied on every node, and find each other there."""
    import psycopg

    sits = bool(workers()) and template != "template0"  # a daemon of the cluster's, in every database
    for node in (server_url(), *workers()):
        with psycopg.connect(node, autocommit=True) as connection:
            if sits:
                connection.execute(f"ALTER DATABASE {template} ALLOW_CONNECTIONS false")
                leave = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
                connection.execute(leave, (template,))
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
            if sits:
                connection.execute(f"ALTER DATABASE {template} ALLOW_CONNECTIONS true")
    if os.environ.get("TOLLBOOK_TEST_POSTGRES"):
        atexit.register(_drop, name)
    return database_url(name)


def _drop(name: str, how: str = "WITH (FORCE)") -> None:
    """Leave nothing of a database behind, on a server that stays; ObjectInUse where somebody has it open."""
    import psycopg

    for node in (server_url(), *workers()):
        with psycopg.connect(node, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} {how}")


def database_url(name: str, server: str = "") -> str:
    """The URL of a database of the server, or of another one."""
    return re.sub(r"(//[^/?]*)/?[^?]*", rf"\1/{name}", server or server_url(), count=1)


@cache
def workers() -> tuple[str, ...]:
    """The workers of the cluster whose coordinator the server is; none where it is no cluster."""
    import psycopg

    with psycopg.connect(server_url()) as connection:
        if connection.execute("SELECT to_regclass('pg_dist_node')").fetchone() == (None,):
            return ()
        nodes = connection.execute("SELECT nodename, nodeport FROM pg_dist_node WHERE groupid > 0").fetchall()
    return tuple(re.sub(r"(?<=@)[^/]*", f"{name}:{port}", server_url(), count=1) for name, port in nodes)


@cache
def _template() -> str:
    """The name of a database that holds an empty book, to be copied."""
    from tollbook.store import postgres_books

    url = bare_database()
    postgres_books.create_book(url, distributed=bool(workers()))
    return _name_of(url)


def bare_database() -> str:
    """A database without a book; one of the cluster's, where there is one."""
    url = _copy("template0", f"tollbook_test_{os.getpid()}_{next(_numbers)}")
    if workers():
        _join(url)
    return url


SHARDS = 4  # of each table, not 32: a check that asks each of them in turn is not to outlast a request's time


def _join(url: str) -> None:
    """Make one cluster of a database's parts on every node."""
    import psycopg

    for node in (server_url(), *workers()):
        with psycopg.connect(database_url(_name_of(url), node), autocommit=True) as connection:
            connection.execute("CREATE EXTENSION citus")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {_name_of(url)} SET citus.shard_count = {SHARDS}")
        for place, node in enumerate((server_url(), *workers())):
            told = psycopg.conninfo.conninfo_to_dict(node)
            add = "citus_add_node" if place else "citus_set_coordinator_host"
            connection.execute(f"SELECT {add}(%s, %s)", (told["host"], int(told.get("port") or 5432)))


@cache
def server_url() -> str:
    """A database of the server that makes the others."""
    from tollbook.store import postgres_server

    if url := os.environ.get("TOLLBOOK_TEST_POSTGRES"):
        return url
    running = postgres_server.throwaway(
        "fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=500", "shared_buffers=64MB"
    )
    server = running.__enter__()
    _to_end.callback(running.__exit__, None, None, None)
    return server.url()


_to_end = ExitStack()


@atexit.register
def end_server() -> None:
    """End this run's own server and remove its folder; a worker of xdist has no time for that once it is told to go."""
    _to_end.close()


def digest(store: Store) -> str:
    """What a book holds, whole."""
    with behind(store) as connection:
        tables = [name for (name,) in connection.execute(TABLES).fetchall()]
        order = " x ORDER BY x" if ON_POSTGRES else ""  # rows have no place of their own there
        rows = [connection.execute(f"SELECT * FROM {table}{order}").fetchall() for table in tables]
    return hashlib.sha256(repr(rows).encode()).hexdigest()


TABLES = (
    "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
    " AND NOT relispartition ORDER BY relname"
    if ON_POSTGRES
    else "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
)


def copied(url: str, target: Path) -> str:
    """The URL of a copy of a book that nobody has open."""
    if ON_POSTGRES:
        return new_database(_name_of(url))
    shutil.copyfile(url, target)
    return str(target)


def _name_of(url: str) -> str:
    return re.sub(r".*/(\w+)(\?.*)?$", r"\1", url)


def in_file(store: Store) -> SqliteStore:
    """A book that is a file."""
    assert isinstance(store, SqliteStore)
    return store


def file_of(store: Store) -> Path:
    """The file of a book that is one."""
    return in_file(store).path


@contextmanager
def behind(store: Store) -> Iterator[Any]:
    """A connection that changes a book behind the program's back; each statement at once."""
    if isinstance(store, SqliteStore):
        with closing(sqlite3.connect(store.path, isolation_level=None)) as file:
            yield file
        return
    from tollbook.store import postgres_books
    from tollbook.store.postgres_session import Session

    class Behind(Session):
        """It says what the tests say to SQLite, as PostgreSQL has it."""

        def execute(self, statement: str, parameters: Any = ()) -> Any:
            for said, meant in _SAID:
                statement = re.sub(said, meant, statement)
            done = super().execute(statement, parameters)
            self.settle()
            return done

    with postgres_books.connect(store.url) as connection:
        yield Behind(connection)


_SAID = (
    (r"X'(\w+)'", r"'\\x\1'::bytea"),
    (r"CAST\((\w+) \|\| ' ' AS BLOB\)", r"\1 || ' '::bytea"),
    (r"\bchar\(", "chr("),
)
