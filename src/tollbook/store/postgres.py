"""A book in a PostgreSQL database: any number of processes and hosts, each with a pool of connections.

A snapshot is one read-only transaction (REPEATABLE READ). An act is one transaction (READ COMMITTED), which takes the
rows of the partners' billing that it changes; what it may meet besides, a unique key or a deadlock, undoes it, and it
is run again from its beginning.
"""

import math
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

import psycopg
from psycopg import sql

from tollbook import errors, limits
from tollbook.billing.model import Sight
from tollbook.clock import Clock
from tollbook.errors import Flaw, Refusal
from tollbook.query.listing import ListQuery
from tollbook.store import migrations, postgres_books
from tollbook.store.explaining import Step, explain_page
from tollbook.store.overtaking import Overtaken
from tollbook.store.postgres_acts import Months, PostgresReads, PostgresWrites
from tollbook.store.postgres_distributed_acts import ONE_BY_ONE, DistributedReads, DistributedWrites
from tollbook.store.postgres_faults import (
    Unknown,
    is_lost,
    is_partless,
    may_go_again,
    store_failed,
    translated,
    translation,
)
from tollbook.store.postgres_pool import Patient, Pool
from tollbook.store.postgres_session import Session
from tollbook.store.reads import Reads
from tollbook.store.sharing import Alike, Line, Place, WriterPlaces
from tollbook.store.urls import is_served, shown
from tollbook.store.writes import Lost, Writes

__all__ = ["PostgresStore", "open_book", "store_failed"]

T = TypeVar("T")


class PostgresStore:
    """One book. Threads share it; every snapshot and every act has a connection to itself."""

    def __init__(self, url: str, clock: Clock, read_url: str = "", *, distributed: bool = False) -> None:
        self.url = url
        self.place = shown(url)
        self.clock = clock
        self.read_deadline_seconds: float = limits.READ_DEADLINE_SECONDS  # time, not money
        self.on_nodes = distributed
        self._read_url = read_url or url
        self._readers = Pool(self._read_url, {"default_transaction_read_only": "on"})
        self._writers = Pool(postgres_books.writing_url(url), _OF_WRITERS | (ONE_BY_ONE if distributed else {}))
        self.reads = DistributedReads if distributed else PostgresReads
        self.writes = DistributedWrites if distributed else PostgresWrites
        self._places = WriterPlaces()
        self._months = Months(self._writers.another)
        self._line = Line(in_one_go=True)  # of acts that are alike: others have a transaction each
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
            book.hold_usage()
            yield str(book.connection.execute("SELECT pg_export_snapshot()").fetchone()[0])

    def joining(self, snapshot: str) -> "_Reading":
        """The snapshot that another process holds."""
        return _Reading(self, self._writers, snapshot=snapshot)

    def bound_writers(self, at_once: int) -> None:
        """Let no more threads than these write or wait to; others are refused soon, and stay free for readers."""
        self._places.bound(at_once)

    @contextmanager
    def writing(self) -> Iterator[Writes]:
        """One act at one instant: committed and on disk at the end, or nothing at all."""
        with translated(), self._places.one_more(), self._transaction() as act:
            yield act

    def act(self, do: Callable[[Writes], T]) -> T:
        """What `do` answers, once all that it did is on disk.

        It is run again, from its beginning, where another act came first or the connection was lost before the commit;
        for as long as a writer may wait.
        """
        with translated(), self._places.one_more():
            if not isinstance(do, Alike):
                return self._again(do)
            place = Place(do)
            if self._line.wait(place):
                self._line.lead(place, self._again, may_go_again)
            answer: T = place.answer()
            return answer

    def _again(self, do: Callable[[Writes], T]) -> T:
        ends = time.monotonic() + limits.LOCK_WAIT_SECONDS
        for tried in range(1, limits.ACT_TRIES_MAX):
            try:
                return self._try(do)
            except (psycopg.Error, Overtaken) as error:
                partless = is_partless(error)  # no other act is waited for: the part is made now
                if not may_go_again(error) or (time.monotonic() > ends and not partless):
                    raise
                if partless:
                    self._months.forget()
            time.sleep(random.uniform(0, limits.ACT_PAUSE_SECONDS) * tried)  # noqa: S311  # not a secret
        return self._try(do)

    def _try(self, do: Callable[[Writes], T]) -> T:
        with self._transaction() as act:
            return do(act)

    @contextmanager
    def _transaction(self) -> Iterator[Writes]:
        connection = self._writers.lend(limits.LOCK_WAIT_SECONDS)
        session: Session | None = None
        try:
            # Where reads take as long as they take, so do acts: a person waits at a terminal.
            takes = math.inf if self.read_deadline_seconds == math.inf else limits.ACT_SECONDS
            session = _Timed(connection, takes)
            connection.execute("BEGIN")
            act = self.writes(session, self.clock.now(), self._months, self._latest)
            session.wrote = False
            yield act
            act.finish()
            if session.wrote:
                act.keep_instant()
            session.settle()
            _commit(connection)
            self._latest = max(self._latest, act.now)
        except BaseException as error:
            if session is not None:
                session.settle(undone=True)
            _undo(connection, error)
            if isinstance(error, Lost):
                raise error.reason from None
            raise
        finally:
            self._writers.give_back(connection)

    def ready(self) -> None:
        """Prove that the book can be read and written; a Refusal says what is not."""
        with self.reading() as book:
            book.operator_sid()
        with suppress(_Unwritten), translated(), self._transaction() as act:  # even where many write
            act.set_book("probe", str(act.now))
            act.settings()  # so that the change was answered
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


def _commit(connection: Patient) -> None:
    try:
        said = connection.execute("COMMIT").statusmessage
    except psycopg.Error as error:
        if is_lost(error):
            raise Unknown(str(error)) from error
        raise
    if said != "COMMIT":  # the server undid it: a statement failed, and somebody went on
        raise psycopg.errors.InFailedSqlTransaction("the act was undone at its commit")


def _undo(connection: Patient, error: BaseException) -> None:
    """Roll an act back; a server that became read-only is left, as another may have taken its place."""
    with suppress(psycopg.Error):
        connection.execute("ROLLBACK")
    if isinstance(error, psycopg.errors.ReadOnlySqlTransaction):
        connection.close()


class _Reading:
    """The context of one snapshot. A class, not a generator: every request enters two of them."""

    __slots__ = ("_begin", "_connection", "_pool", "_snapshot", "_store")

    def __init__(self, store: PostgresStore, pool: Pool, *, begin: bool = True, snapshot: str = "") -> None:
        self._store = store
        self._pool = pool
        self._begin = begin
        self._snapshot = snapshot

    def __enter__(self) -> Reads:
        try:
            return self._begun()
        except psycopg.Error as error:
            if not may_go_again(error):
                raise translation(error) from error
        try:
            return self._begun()  # nothing was read yet
        except psycopg.Error as error:
            raise translation(error) from error

    def _begun(self) -> Reads:
        self._connection = self._pool.lend(limits.CONNECTION_WAIT_SECONDS)
        try:
            session = _Timed(self._connection, self._store.read_deadline_seconds)
            if self._begin:
                self._connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            if self._snapshot:
                self._connection.execute(sql.SQL("SET TRANSACTION SNAPSHOT {}").format(sql.Literal(self._snapshot)))
            return self._store.reads(session)
        except BaseException:
            self._pool.give_back(self._connection)
            raise

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        try:
            if self._begin:
                self._connection.execute("ROLLBACK")
        except psycopg.Error as broken:
            error = error or broken
        finally:
            self._pool.give_back(self._connection)
        if isinstance(error, psycopg.Error):
            raise translation(error) from error


class _Timed(Session):
    """A session whose statements begin before a deadline, and take no longer than up to it."""

    def __init__(self, connection: Patient, seconds: float) -> None:
        super().__init__(connection)
        self._ends = time.monotonic() + seconds
        connection.bound(seconds)

    def execute(self, statement: str, parameters: Any = ()) -> Any:
        if time.monotonic() > self._ends:
            raise psycopg.errors.QueryCanceled
        return super().execute(statement, parameters)


_OF_WRITERS = {
    "lock_timeout": f"{limits.LOCK_WAIT_SECONDS}s",
    "idle_in_transaction_session_timeout": f"{limits.ACT_REST_SECONDS}s",
    "enable_seqscan": "off",
}
"""No act waits long for another's rows, and none keeps them from others when its host is gone or stuck. Acts look
up keys, and a statement that was planned while a table was empty reads all of it for a while after."""


def open_book(url: str, clock: Clock, read_url: str = "") -> PostgresStore:
    """Open a book; a Refusal where there is none, or an older one. One of a newer version can be read."""
    version, distributed = postgres_books.book_of(url)
    if version < migrations.LATEST:
        said = f"the book is of version {version}, older than {migrations.LATEST}: run tollbook migrate"
        raise Refusal(errors.BOOK_VERSION, Flaw("db", said))
    if read_url:
        _refuse_other_book(url, read_url)
    return PostgresStore(url, clock, read_url, distributed=distributed)


def _refuse_other_book(url: str, read_url: str) -> None:
    """A Refusal where a replica is another book's: its partners would be told apart by ours."""
    if not is_served(read_url):
        raise Refusal(errors.SETTING_INVALID, Flaw("db_read", "expected postgresql://host/database"))
    operators = set()
    for each in (url, read_url):
        with postgres_books.connect(each) as connection, translated():
            postgres_books.known_version(connection, each)
            operators |= set(connection.execute("SELECT partner_sid FROM partner WHERE parent_sid IS NULL").fetchall())
    if len(operators) != 1:
        raise Refusal(errors.SETTING_INVALID, Flaw("db_read", f"{shown(read_url)} is no replica of {shown(url)}"))
