"""A book in one SQLite file: write-ahead log, every commit synced, one write at a time.

Readers see a snapshot and never wait for the writer. A write takes the lock at its start (`BEGIN IMMEDIATE`): a
transaction that upgrades from reading fails at once with SQLITE_BUSY_SNAPSHOT, whatever the busy timeout.
This is the one border where the driver's errors become ours.
"""

import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tollbook import errors, limits
from tollbook.billing.model import Sight
from tollbook.clock import Clock
from tollbook.errors import Flaw, Problem, Refusal
from tollbook.query.listing import ListQuery
from tollbook.store import migrations
from tollbook.store.explaining import Step, explain_page
from tollbook.store.reads import Reads
from tollbook.store.writes import Writes

_MIN_VERSION = (3, 37, 0)  # STRICT tables
_STATEMENTS = 512  # prepared statements kept by a connection
_SETTINGS = ("synchronous = FULL", "foreign_keys = ON", "mmap_size = 0", "cache_size = -16384", "temp_store = MEMORY")


class SqliteStore:
    """One book. Threads share it; each gets a reading connection of its own, and all share the writing one."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self.path = path
        self.clock = clock
        self.read_deadline_seconds: float = limits.READ_DEADLINE_SECONDS  # time, not money
        self._own = threading.local()
        self._readers: list[sqlite3.Connection] = []
        self._write_lock = threading.Lock()
        self._writer: sqlite3.Connection | None = None

    def reading(self) -> "_Reading":
        """One snapshot; a statement that runs past the deadline is stopped with 503."""
        return _Reading(self)

    @contextmanager
    def writing(self) -> Iterator[Writes]:
        """One act at one instant: committed and on disk at the end, or nothing at all."""
        if not self._write_lock.acquire(timeout=limits.LOCK_WAIT_SECONDS):
            raise Refusal(errors.STORE_BUSY, retry_after=limits.RETRY_AFTER_SECONDS)
        try:
            with _translated():
                connection = self._writer = self._writer or self._open(limits.LOCK_WAIT_SECONDS)
                connection.execute("BEGIN IMMEDIATE")
                try:
                    act = Writes(connection, self.clock.now())
                    yield act
                    act.finish()
                    connection.execute("COMMIT")
                except BaseException:
                    with suppress(sqlite3.Error):
                        connection.execute("ROLLBACK")
                    raise
        finally:
            self._write_lock.release()

    def ready(self) -> None:
        """Prove that the book can be read and written and the disk is not full; a Refusal says what is not."""
        with self.reading() as book:
            book.operator_sid()
        if shutil.disk_usage(self.path.parent).free < limits.FREE_DISK_BYTES_MIN:
            raise Refusal(errors.STORE_FULL, Flaw("disk", "less than 64 MiB are free"))
        if not os.access(self.path, os.W_OK):
            raise Refusal(errors.STORE_FULL, Flaw("db", "the file is read-only"))
        with suppress(_Unwritten), self.writing() as act:
            act.set_book("probe", str(act.now))
            raise _Unwritten

    def backup(self, target: Path) -> None:
        """Copy the book as it is at this instant to a new file, while it stays in use."""
        part = target.with_name(target.name + ".part")
        part.unlink(missing_ok=True)
        _create(part)
        with _translated(), self.reading():
            copy = sqlite3.connect(part, isolation_level=None)
            try:
                self._reader_for_copy().backup(copy)
                copy.execute("PRAGMA journal_mode = DELETE")
            finally:
                copy.close()
        part.replace(target)

    def explain(self, sight: Sight, query: ListQuery) -> list[Step]:
        """The statements that a page of a list takes, with the database's plan for each."""
        with _Reading(self):
            return explain_page(self.reader(), sight, query)

    def expect_much(self, cache_kib: int, log_pages: int) -> None:
        """Get ready for a long import: more of the book in memory, and the log copied back less often."""
        with self._write_lock, _translated():
            self._writer = self._writer or self._open(limits.LOCK_WAIT_SECONDS)
            self._writer.execute(f"PRAGMA cache_size = -{cache_kib:d}")
            self._writer.execute(f"PRAGMA wal_autocheckpoint = {log_pages:d}")

    def close(self) -> None:
        """Let go of the file."""
        for connection in [*self._readers, self._writer]:
            if connection is not None:
                connection.close()
        self._readers.clear()
        self._writer = None
        self._own = threading.local()

    def reader(self) -> sqlite3.Connection:
        """This thread's reading connection, with the deadline set anew."""
        self._own.deadline = time.monotonic() + self.read_deadline_seconds
        connection: sqlite3.Connection | None = getattr(self._own, "connection", None)
        if connection is None:
            connection = self._own.connection = self._open(limits.LOCK_WAIT_SECONDS)
            connection.execute("PRAGMA query_only = ON")
            connection.set_progress_handler(self._is_late, limits.PROGRESS_STEPS)
            self._readers.append(connection)
        return connection

    def _is_late(self) -> bool:
        return bool(time.monotonic() > self._own.deadline)

    def _reader_for_copy(self) -> sqlite3.Connection:
        connection = self._open(limits.LOCK_WAIT_SECONDS)
        self._readers.append(connection)
        return connection

    def _open(self, wait_seconds: int) -> sqlite3.Connection:
        return connect(self.path, wait_seconds)


class _Reading:
    """The context of one snapshot. A class, not a generator: every request enters two of them."""

    __slots__ = ("_connection", "_store")

    def __init__(self, store: SqliteStore) -> None:
        self._store = store

    def __enter__(self) -> Reads:
        try:
            self._connection = self._store.reader()
            self._connection.execute("BEGIN")
        except sqlite3.Error as error:
            raise _translation(error) from error
        return Reads(self._connection)

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        try:
            self._connection.execute("ROLLBACK")
        except sqlite3.Error as broken:
            error = error or broken
        if isinstance(error, sqlite3.Error):
            raise _translation(error) from error


class _Unwritten(Exception):
    """Thrown to roll a probing write back."""


def connect(path: Path, wait_seconds: int) -> sqlite3.Connection:
    """A connection with the book's settings."""
    connection = sqlite3.connect(
        path,
        timeout=wait_seconds,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=_STATEMENTS,
    )
    try:
        for setting in _SETTINGS:
            connection.execute(f"PRAGMA {setting}")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def create_book(path: Path) -> None:
    """Make an empty book at a path where nothing is; readable by its owner only."""
    if path.exists():
        raise Refusal(errors.CONFLICT, Flaw("db", f"{path} exists already"))
    _create(path)
    with _translated(path):
        connection = connect(path, limits.LOCK_WAIT_SECONDS)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA application_id = {migrations.APPLICATION_ID}")
        migrations.apply(connection, to=migrations.LATEST)
        connection.close()


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


def book_version(path: Path) -> int:
    """The version of the book in a file; a Refusal where there is no book, or a newer one."""
    if not path.is_file():
        raise Refusal(
            errors.BOOK_FOREIGN, Flaw("db", f"there is no book at {path}; make one with tollbook init --db {path}")
        )
    if sqlite3.sqlite_version_info < _MIN_VERSION:
        raise Refusal(
            errors.STORE_UNAVAILABLE, Flaw("db", f"SQLite {sqlite3.sqlite_version} is too old; 3.37 or newer is needed")
        )
    with _translated(path):
        connection = connect(path, limits.LOCK_WAIT_SECONDS)
        try:
            stamp = connection.execute("PRAGMA application_id").fetchone()[0]
            version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        finally:
            connection.close()
    if stamp != migrations.APPLICATION_ID:
        raise Refusal(errors.BOOK_FOREIGN, Flaw("db", f"{path} is not a Tollbook book"))
    if version > migrations.LATEST:
        raise Refusal(
            errors.BOOK_VERSION,
            Flaw("db", f"{path} is of version {version}, newer than this Tollbook's {migrations.LATEST}"),
        )
    return version


def migrate_book(path: Path, backup: Path) -> tuple[int, int]:
    """Bring a book to the present version after copying it to `backup`; the versions before and after."""
    before = book_version(path)
    if before < migrations.LATEST:
        with _translated(path):
            connection = connect(path, limits.LOCK_WAIT_SECONDS)
            _create(backup)
            copy = sqlite3.connect(backup, isolation_level=None)
            connection.backup(copy)
            copy.close()
            migrations.apply(connection, to=migrations.LATEST)
            connection.close()
    return before, migrations.LATEST


def _create(path: Path) -> None:
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except OSError as error:
        raise Refusal(errors.STORE_FULL, Flaw("db", f"cannot make {path}: {error.strerror}")) from None


_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_FULL = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}
_DAMAGED = {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}


@contextmanager
def _translated(path: Path | None = None) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise _translation(error, path) from error


def _translation(error: sqlite3.Error, path: Path | None = None) -> Exception:
    """The Refusal that a driver's error means; the error itself where it is a defect of ours."""
    problem = _problem(getattr(error, "sqlite_errorcode", 0) & 0xFF)
    if problem is None:
        return error
    retry = limits.RETRY_AFTER_SECONDS if problem is not errors.BOOK_FOREIGN else None
    said = _ADVICE.get(problem, problem.when)
    return Refusal(problem, Flaw("db", f"{path}: {said}") if path else Flaw(None, said), retry_after=retry)


def _problem(code: int) -> Problem | None:
    if code == sqlite3.SQLITE_INTERRUPT:
        return errors.QUERY_TOO_EXPENSIVE
    if code in _BUSY:
        return errors.STORE_BUSY
    if code in _FULL:
        return errors.STORE_FULL
    return errors.BOOK_FOREIGN if code in _DAMAGED else None


_ADVICE = {
    errors.QUERY_TOO_EXPENSIVE: (
        "the list did not finish in time; cheaper: filter by status, amount or a billing period,"
        " keep the default order, and page with after instead of a deep offset"
    ),
}
