"""A book in one SQLite file: write-ahead log, every commit synced, one write at a time.

Readers see a snapshot and never wait for the writer. A write takes the lock at its start (`BEGIN IMMEDIATE`): a
transaction that upgrades from reading fails at once with SQLITE_BUSY_SNAPSHOT, whatever the busy timeout.
"""

import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from heapq import heappop, heappush
from pathlib import Path
from typing import TypeVar

from tollbook import errors, limits
from tollbook.billing.model import Sight
from tollbook.clock import Clock
from tollbook.errors import Flaw, Refusal
from tollbook.query.listing import ListQuery
from tollbook.store import migrations
from tollbook.store.book_files import (
    book_version,
    connect,
    create_book,
    migrate_book,
    translated,
    translation,
)
from tollbook.store.explaining import Step, explain_page
from tollbook.store.reads import Reads
from tollbook.store.sharing import Line, Place, WriterPlaces
from tollbook.store.writes import Lost, Writes

__all__ = ["SqliteStore", "book_version", "create_book", "migrate_book", "open_book", "store_failed"]

T = TypeVar("T")


class SqliteStore:
    """One book. Threads share it; each snapshot has a reading connection to itself, and all share the writing one.

    Reading connections are lent, always the first one that is free, and the first has by far the largest cache: however
    many threads there are, most of them mostly wait for the interpreter, and one connection's cache serves them.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self.path = path
        self.url = self.place = str(path)
        self._file = _file_at(path)
        self.clock = clock
        self.read_deadline_seconds: float = limits.READ_DEADLINE_SECONDS  # time, not money
        self.on_nodes = False
        self._opening = threading.Lock()
        self._readers: list[_Reader] = []
        self._free: list[int] = []  # a heap of places in `_readers`: the first is the warmest
        self._line = Line()
        self._writers = WriterPlaces()
        self._writer: sqlite3.Connection | None = None

    def reading(self, *, snapshot: bool = True) -> "_Reading":
        """One snapshot with one deadline; the statement that runs past it is stopped with 503.

        Without `snapshot`, for a single statement: it is one by itself, and needs no transaction around it.
        """
        return _Reading(self, begin=snapshot)

    @contextmanager
    def held(self) -> Iterator[str]:
        """While nobody commits: readers that begin within see the same. A book that is a backup stays untouched."""
        with self.reading() as book:
            book.instants()  # now it reads; without a log its lock keeps every commit waiting
            with self.writing() if book.has_log() else nullcontext():
                yield ""

    def joining(self, snapshot: str) -> "_Reading":
        """The snapshot that another process holds, while it does."""
        return self.reading()

    def bound_writers(self, at_once: int) -> None:
        """Let no more threads than these write or wait to; others are refused soon, and stay free for readers."""
        self._writers.bound(at_once)

    @contextmanager
    def writing(self) -> Iterator[Writes]:
        """One act at one instant: committed and on disk at the end, or nothing at all."""
        with self._writers.one_more(), self._alone() as place, self._transaction(place) as act:
            yield act

    def act(self, do: Callable[[Writes], T]) -> T:
        """What `do` answers, once all that it did is on disk. Its commit, and its instant, may be other acts' too.

        Another thread may run it, after acts whose work it sees, and before others. If it raises, its own work alone
        is undone; if the commit fails, everyone is told.
        """
        place = Place(do)
        with self._writers.one_more():
            if self._line.wait(place):
                self._line.lead(place, lambda do: self._transact(place, do))
        with translated():
            answer: T = place.answer()
        return answer

    def _transact(self, leads: Place, do: Callable[[Writes], None]) -> None:
        with self._transaction(leads) as act:
            do(act)

    @contextmanager
    def _transaction(self, place: Place) -> Iterator[Writes]:
        """One transaction for the place that leads, and whom it takes along."""
        with translated():
            self._refuse_another_file()
            connection = self._write_connection()
            connection.execute(f"PRAGMA busy_timeout = {int(place.left() * 1000)}")
            connection.execute("BEGIN IMMEDIATE")
            try:
                before = connection.total_changes
                act = Writes(connection, self.clock.now())
                yield act
                act.finish()
                if connection.total_changes > before:
                    act.keep_instant()
                connection.execute("COMMIT")
            except BaseException as error:
                with suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                if isinstance(error, Lost):
                    raise error.reason from None
                raise

    def ready(self) -> None:
        """Prove that the book can be read and written and the disk is not full; a Refusal says what is not."""
        self._refuse_another_file()
        with self.reading() as book:
            book.operator_sid()
        if shutil.disk_usage(self.path.parent).free < limits.FREE_DISK_BYTES_MIN:
            raise Refusal(errors.STORE_FULL, Flaw("disk", "less than 64 MiB are free"))
        if not os.access(self.path, os.W_OK):
            raise Refusal(errors.STORE_FULL, Flaw("db", "the file is read-only"))
        with suppress(_Unwritten), self._alone() as place, self._transaction(place) as act:  # even where many write
            act.set_book("probe", str(act.now))
            raise _Unwritten

    def explain(self, sight: Sight, query: ListQuery) -> list[Step]:
        """The statements that a page of a list takes, with the database's plan for each."""
        with self.reading() as book:
            return explain_page(book, sight, query)

    def expect_much(self, cache_kib: int, log_pages: int) -> None:
        """Get ready for a long import: more of the book in memory, and the log copied back less often."""
        with self._alone(), translated():
            connection = self._write_connection()
            connection.execute(f"PRAGMA cache_size = -{cache_kib:d}")
            connection.execute(f"PRAGMA wal_autocheckpoint = {log_pages:d}")

    @contextmanager
    def _alone(self) -> Iterator[Place]:
        """While no other thread writes."""
        place = Place()
        self._line.wait(place)
        try:
            yield place
        finally:
            self._line.pass_on()

    def close(self) -> None:
        """Let go of the file."""
        for reader in self._readers:
            reader.connection.close()
        if self._writer is not None:
            self._writer.close()
        self._writer = None
        self._readers, self._free = [], []

    def lend(self) -> "_Reader":
        """A reading connection with its deadline set anew: the first that nobody has, another if all are lent."""
        try:
            reader = self._readers[heappop(self._free)]  # numbers alone: no other thread runs in between
        except IndexError:
            reader = self._open_reader()
        reader.deadline = time.monotonic() + self.read_deadline_seconds
        return reader

    def give_back(self, reader: "_Reader") -> None:
        """Let the next one have a connection."""
        heappush(self._free, reader.number)

    def _open_reader(self) -> "_Reader":
        with self._opening:
            number = len(self._readers)
            cache_kib = limits.READ_CACHE_KIB if number else limits.FIRST_READ_CACHE_KIB
            reader = _Reader(number, self._open(cache_kib))
            self._readers.append(reader)
        return reader

    def _write_connection(self) -> sqlite3.Connection:
        if self._writer is None:
            writer = self._open()
            # A book that was a backup has no write-ahead log yet.
            writer.execute("PRAGMA journal_mode = WAL")
            self._writer = writer
        return self._writer

    def _open(self, cache_kib: int = limits.WRITE_CACHE_KIB) -> sqlite3.Connection:
        self._refuse_another_file()
        return connect(self.path, limits.LOCK_WAIT_SECONDS, cache_kib)

    def _refuse_another_file(self) -> None:
        """Refuse where the book's path no longer leads to its file: what was written there would be lost."""
        if _file_at(self.path) != self._file:
            said = "the book's file was replaced or removed since it was opened: start the server again"
            raise Refusal(errors.STORE_UNAVAILABLE, Flaw(None, said))


class _Reading:
    """The context of one snapshot. A class, not a generator: every request enters two of them."""

    __slots__ = ("_begin", "_reader", "_store")

    def __init__(self, store: SqliteStore, *, begin: bool = True) -> None:
        self._store = store
        self._begin = begin

    def __enter__(self) -> Reads:
        try:
            self._reader = reader = self._store.lend()
        except sqlite3.Error as error:
            raise translation(error) from error
        if self._begin:
            try:
                reader.connection.execute("BEGIN")
            except sqlite3.Error as error:
                self._store.give_back(reader)
                raise translation(error) from error
        return reader.reads

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        try:
            if self._begin:
                self._reader.connection.execute("ROLLBACK")
        except sqlite3.Error as broken:
            error = error or broken
        finally:
            self._store.give_back(self._reader)
        if isinstance(error, sqlite3.Error):
            raise translation(error) from error


def _file_at(path: Path) -> tuple[int, int] | None:
    """Which file a path leads to, by its device and number; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


class _Reader:
    """A reading connection, which one thread at a time has."""

    __slots__ = ("connection", "deadline", "number", "reads")

    def __init__(self, number: int, connection: sqlite3.Connection) -> None:
        self.number = number
        self.connection = connection
        self.reads = Reads(connection)
        self.deadline = 0.0  # time, not money
        connection.execute("PRAGMA query_only = ON")
        connection.set_progress_handler(self._is_late, limits.PROGRESS_STEPS)

    def _is_late(self) -> bool:
        return time.monotonic() > self.deadline


class _Unwritten(Exception):
    """Thrown to roll a probing write back."""


def store_failed(error: BaseException) -> bool:
    """Whether an act met a full disk, a lock or damage, or is undone already: nothing more may be tried in it."""
    return isinstance(error, Lost) or (isinstance(error, sqlite3.Error) and translation(error) is not error)


def open_book(path: Path, clock: Clock) -> SqliteStore:
    """Open a book of the present version; a Refusal says what else the file is."""
    version = book_version(path)
    if version < migrations.LATEST:
        raise Refusal(
            errors.BOOK_VERSION,
            Flaw(
                "db",
                f"{path} is of version {version}, older than {migrations.LATEST}: run tollbook migrate --db {path}",
            ),
        )
    return SqliteStore(path, clock)
