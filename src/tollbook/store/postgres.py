"""A book in a PostgreSQL database: any number of processes and hosts, each with a pool of connections.

A snapshot is one read-only transaction (REPEATABLE READ). An act is one transaction (READ COMMITTED), which takes the
rows of the partners' billing that it changes; what it may meet besides, a unique key or a deadlock, undoes it, and it
is run again from its beginning.
"""

import math
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

import psycopg
from psycopg import Connection, sql
from psycopg_pool import ConnectionPool

from tollbook import errors, limits
from tollbook.billing.model import Sight
from tollbook.clock import Clock
from tollbook.errors import Flaw, Refusal
from tollbook.query.listing import ListQuery
from tollbook.store import migrations, postgres_books
from tollbook.store.explaining import Step, explain_page
from tollbook.store.postgres_acts import Months, PostgresReads, PostgresWrites
from tollbook.store.postgres_faults import is_lost, may_go_again, translated, translation
from tollbook.store.postgres_session import Session, adapt
from tollbook.store.reads import Reads
from tollbook.store.writes import Lost, Writes

T = TypeVar("T")


class PostgresStore:
    """One book. Threads share it; every snapshot and every act has a connection to itself."""

    def __init__(self, url: str, clock: Clock, read_url: str = "") -> None:
        self.url = url
        self.place = postgres_books.shown(url)
        self.clock = clock
        self.read_deadline_seconds: float = limits.READ_DEADLINE_SECONDS  # time, not money
        self._read_url = read_url or url
        self._readers = _pool(self._read_url, "default_transaction_read_only=on")
        self._writers = _pool(url, f"lock_timeout={limits.LOCK_WAIT_SECONDS}s")
        self._places = threading.Semaphore(sys.maxsize)
        self._months = Months(lambda: postgres_books.connect(url))
        self._latest = 0  # the latest instant of an act that this process knows of

    def reading(self, *, snapshot: bool = True) -> "_Reading":
        """One snapshot with one deadline; the statement that runs past it is stopped with 503.

        Without `snapshot`, for a single statement: it is one by itself, and needs no transaction around it.
        """
        return _Reading(self, self._readers, begin=snapshot)

    @contextmanager
    def held(self) -> Iterator[str]:
        """A snapshot that readers may join who begin within, by its name."""
        with self.reading() as book:
            yield str(book.connection.execute("SELECT pg_export_snapshot()").fetchone()[0])

    def joining(self, snapshot: str) -> "_Reading":
        """The snapshot that another process holds."""
        return _Reading(self, self._writers, snapshot=snapshot)

    def bound_writers(self, at_once: int) -> None:
        """Let no more threads than these write or wait to; others are refused soon, and stay free for readers."""
        self._places = threading.Semaphore(at_once)

    @contextmanager
    def writing(self) -> Iterator[Writes]:
        """One act at one instant: committed and on disk at the end, or nothing at all."""
        with translated(), self._among_writers(), self._transaction() as act:
            yield act

    def act(self, do: Callable[[Writes], T]) -> T:
        """What `do` answers, once all that it did is on disk. Where another act came first, it is run once more."""
        with translated(), self._among_writers():
            for tried in range(1, limits.ACT_TRIES_MAX):
                try:
                    return self._try(do)
                except psycopg.Error as error:
                    if not self._may_go_again(error):
                        raise
                time.sleep(random.uniform(0, limits.ACT_PAUSE_SECONDS) * tried)  # noqa: S311  # not a secret
            return self._try(do)

    def _try(self, do: Callable[[Writes], T]) -> T:
        with self._transaction() as act:
            return do(act)

    def _may_go_again(self, error: psycopg.Error) -> bool:
        if isinstance(error, psycopg.errors.CheckViolation) and error.diag.constraint_name is None:
            self._months.forget()  # a month without a part: it was put away
            return True
        if is_lost(error) and not isinstance(error, _Unknown):
            self._writers.check()
            return True
        return may_go_again(error)

    @contextmanager
    def _among_writers(self) -> Iterator[None]:
        if not self._places.acquire(timeout=limits.WRITER_PLACE_SECONDS):
            raise Refusal(errors.WRITE_PLACES_TAKEN, retry_after=limits.RETRY_AFTER_SECONDS)
        try:
            yield
        finally:
            self._places.release()

    @contextmanager
    def _transaction(self) -> Iterator[Writes]:
        with self._writers.connection(limits.LOCK_WAIT_SECONDS) as connection:
            connection.execute("BEGIN")
            try:
                session = Session(connection)
                act = PostgresWrites(session, self.clock.now(), self._months, self._latest)
                session.wrote = False
                yield act
                act.finish()
                if session.wrote:
                    act.keep_instant()
            except BaseException as error:
                with suppress(psycopg.Error):
                    connection.execute("ROLLBACK")
                if isinstance(error, Lost):
                    raise error.reason from None
                raise
            _commit(connection)
            self._latest = max(self._latest, act.now)

    def ready(self) -> None:
        """Prove that the book can be read and written; a Refusal says what is not."""
        with self.reading() as book:
            book.operator_sid()
        with suppress(_Unwritten), self.writing() as act:
            act.set_book("probe", str(act.now))
            raise _Unwritten

    def explain(self, sight: Sight, query: ListQuery) -> list[Step]:
        """The statements that a page of a list takes, with the database's plan for each."""
        with self.reading() as book:
            return explain_page(book, sight, query)

    def expect_much(self, cache_kib: int, log_pages: int) -> None:
        """Nothing to get ready: the server's memory is its own."""

    def close(self) -> None:
        """Let go of the connections."""
        for pool in (self._readers, self._writers):
            pool.close()


class _Unwritten(Exception):
    """Thrown to roll a probing write back."""


class _Unknown(psycopg.OperationalError):
    """A commit that was asked for, and whose answer never came: nobody knows if it is on disk."""


def _commit(connection: Connection[Any]) -> None:
    try:
        connection.execute("COMMIT")
    except psycopg.Error as error:
        if is_lost(error):
            raise _Unknown(str(error)) from error
        raise


class _Reading:
    """The context of one snapshot. A class, not a generator: every request enters two of them."""

    __slots__ = ("_begin", "_connection", "_pool", "_snapshot", "_store")

    def __init__(
        self, store: PostgresStore, pool: "ConnectionPool[Any]", *, begin: bool = True, snapshot: str = ""
    ) -> None:
        self._store = store
        self._pool = pool
        self._begin = begin
        self._snapshot = snapshot

    def __enter__(self) -> Reads:
        try:
            self._connection = self._pool.getconn(limits.CONNECTION_WAIT_SECONDS)
        except psycopg.Error as error:
            raise translation(error) from error
        try:
            session = _Timed(self._connection, self._store.read_deadline_seconds)
            if self._begin:
                self._connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            if self._snapshot:
                self._connection.execute(sql.SQL("SET TRANSACTION SNAPSHOT {}").format(sql.Literal(self._snapshot)))
            return PostgresReads(session)
        except psycopg.Error as error:
            self._pool.putconn(self._connection)
            raise translation(error) from error

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        try:
            if self._begin:
                self._connection.execute("ROLLBACK")
        except psycopg.Error as broken:
            error = error or broken
        finally:
            self._pool.putconn(self._connection)
        if isinstance(error, psycopg.Error):
            raise translation(error) from error


class _Timed(Session):
    """A session whose statements end by a deadline."""

    def __init__(self, connection: Connection[Any], seconds: float) -> None:
        super().__init__(connection)
        self._ends = time.monotonic() + seconds
        milliseconds = 0 if seconds == math.inf else max(1, int(seconds * 1000))
        if getattr(connection, "read_milliseconds", None) != milliseconds:
            connection.execute(f"SET statement_timeout = {milliseconds:d}")
            connection.read_milliseconds = milliseconds  # type: ignore[attr-defined]

    def execute(self, statement: str, parameters: Any = ()) -> Any:
        if time.monotonic() > self._ends:
            raise psycopg.errors.QueryCanceled
        return super().execute(statement, parameters)


def _pool(url: str, setting: str) -> "ConnectionPool[Any]":
    told = postgres_books.told(url)
    return ConnectionPool(
        told,
        kwargs={"autocommit": True, "prepare_threshold": 1},
        min_size=0,
        max_size=limits.CONNECTIONS_MAX,
        timeout=limits.CONNECTION_WAIT_SECONDS,
        reconnect_timeout=limits.CONNECT_SECONDS,
        configure=lambda connection: _configure(connection, setting),
        check=_check,
        open=True,
        name="tollbook",
    )


def _configure(connection: Connection[Any], setting: str) -> None:
    adapt(connection.adapters)
    connection.prepared_max = limits.STATEMENTS_PREPARED_MAX
    name, _, value = setting.partition("=")
    connection.execute("SELECT set_config(%s, %s, false)", (name, value))


def _check(connection: Connection[Any]) -> None:
    """Try a connection that rested: the server may have ended it."""
    now = time.monotonic()
    if now - getattr(connection, "rested_since", 0) > limits.CONNECTION_IDLE_SECONDS:
        ConnectionPool.check_connection(connection)
    connection.rested_since = now  # type: ignore[attr-defined]


def store_failed(error: BaseException) -> bool:
    """Whether an act met a lock or a lost server, or is undone already: nothing more may be tried in it."""
    if isinstance(error, Lost):
        return True
    return isinstance(error, psycopg.Error) and (may_go_again(error) or translation(error) is not error)


def open_book(url: str, clock: Clock, read_url: str = "") -> PostgresStore:
    """Open a book; a Refusal where there is none, or an older one. One of a newer version can be read."""
    version = postgres_books.book_version(url)
    if version < migrations.LATEST:
        said = f"the book is of version {version}, older than {migrations.LATEST}: run tollbook migrate"
        raise Refusal(errors.BOOK_VERSION, Flaw("db", said))
    return PostgresStore(url, clock, read_url)
