"""A book's file: made, stamped, copied, replaced, brought to another version; and what the driver's errors mean.

This is the one border where those become a `Refusal`. What is in a book is not known here.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from tollbook import errors, limits
from tollbook.errors import Flaw, Problem, Refusal
from tollbook.store import migrations

_MIN_VERSION = (3, 37, 0)  # STRICT tables
_PAGE_BYTES = 16_384  # a document of up to 4 kB stays within its key's tree, without an overflow page
_STATEMENTS = 512  # prepared statements kept by a connection
_SETTINGS = ("synchronous = FULL", "foreign_keys = ON", "mmap_size = 0", "temp_store = MEMORY")


def connect(path: Path, wait_seconds: int, cache_kib: int = limits.WRITE_CACHE_KIB) -> sqlite3.Connection:
    """A connection to a file that is there, with the book's settings; the driver would make one that is not."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw",
        uri=True,
        timeout=wait_seconds,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=_STATEMENTS,
    )
    try:
        for setting in _SETTINGS:
            connection.execute(f"PRAGMA {setting}")
        connection.execute(f"PRAGMA cache_size = -{cache_kib:d}")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def create_book(path: Path) -> None:
    """Make an empty book at a path where nothing is; readable by its owner only."""
    refuse_present(path)
    create_file(path)
    with translated(path):
        connection = connect(path, limits.LOCK_WAIT_SECONDS)
        connection.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA application_id = {migrations.APPLICATION_ID}")
        migrations.apply(connection, to=migrations.LATEST)
        connection.close()


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
    with translated(path):
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
        copy_book(path, backup)
        with translated(path), closing(connect(path, limits.LOCK_WAIT_SECONDS)) as connection:
            migrations.apply(connection, to=migrations.LATEST)
    return before, migrations.LATEST


def copy_book(path: Path, target: Path) -> None:
    """Copy a book as it is at this instant to a file where nothing is; it appears whole or not at all.

    The book may be in use. The copy is one file, without a log beside it.
    """
    refuse_present(target, "file")
    part = target.with_name(target.name + ".part")
    remove_book(part)
    create_file(part)
    try:
        with (
            translated(),
            closing(connect(path, limits.LOCK_WAIT_SECONDS)) as source,
            closing(sqlite3.connect(part, isolation_level=None)) as copy,
        ):
            source.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")
        part.replace(target)
        sync_folder(target)
    finally:
        remove_book(part)


def put_in_place(part: Path, path: Path, aside: Path) -> bool:
    """Let a book take the place of another, which stays beside it as `aside`; whether there was another.

    At any instant one of the two is whole at `path`. 503 where a process has the other one open; a damaged one
    cannot tell.
    """
    with translated(part), closing(connect(part, limits.LOCK_WAIT_SECONDS)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    replaced = path.exists()
    if replaced:
        _fold_log(path)
        os.link(path, aside)
    for suffix in LOGS:
        with suppress(FileNotFoundError):
            _beside(path, suffix).replace(_beside(aside, suffix))
    part.replace(path)
    sync_folder(path)
    return replaced


def put_over(part: Path, path: Path) -> None:
    """Let a copy take the place of an older one, whose log must not be read as its own; 503 where that is in use."""
    with translated(path):
        _fold_log(path)
    for suffix in LOGS:
        _beside(path, suffix).unlink(missing_ok=True)
    part.replace(path)
    sync_folder(path)


def refuse_present(path: Path, field: str = "db") -> None:
    """A Refusal where something is at a path already, be it the log of a book that is gone: it would be read."""
    if path.exists():
        raise Refusal(errors.CONFLICT, Flaw(field, f"{path} exists already"))
    for suffix in LOGS:
        if (log := _beside(path, suffix)).exists():
            raise Refusal(errors.CONFLICT, Flaw(field, f"{log} is left of another book: move it away first"))


def put_first(part: Path, path: Path) -> None:
    """Give a closed book its place, where nothing may be yet; a link, unlike a rename, never overwrites."""
    try:
        os.link(part, path)
    except FileExistsError:
        refuse_present(path)
    finally:
        part.unlink()
    sync_folder(path)


def _fold_log(path: Path) -> None:
    """Bring what is in a book's log into its file; for that nobody else may have it open."""
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as connection:
        try:
            connection.execute("PRAGMA journal_mode = DELETE")
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in _BUSY:
                said = f"{path} is in use: stop the server and every other tollbook first"
                raise Refusal(errors.STORE_BUSY, Flaw("db", said)) from None


LOGS = ("-wal", "-shm", "-journal")
"""What the database keeps beside a file in use, by the ends of the names."""


def remove_book(path: Path) -> None:
    """Remove a book with all that the database keeps beside it."""
    for suffix in ("", *LOGS):
        _beside(path, suffix).unlink(missing_ok=True)


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def sync_folder(path: Path) -> None:
    """Have the disk know a file's name, not only its bytes."""
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def create_file(path: Path) -> None:
    """Make an empty file that only its owner may read; a Refusal where there is one."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except OSError as error:
        raise Refusal(errors.STORE_FULL, Flaw("db", f"cannot make {path}: {error.strerror}")) from None


_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL}
_FULL = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}
_DAMAGED = {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}


@contextmanager
def translated(path: Path | None = None) -> Iterator[None]:
    """Where the driver's errors become ours."""
    try:
        yield
    except sqlite3.Error as error:
        raise translation(error, path) from error


def translation(error: sqlite3.Error, path: Path | None = None) -> Exception:
    """The Refusal that a driver's error means; the error itself where it is a defect of ours."""
    problem = _problem(getattr(error, "sqlite_errorcode", 0) & 0xFF)
    if problem is None:
        return error
    retry = limits.RETRY_AFTER_SECONDS if problem is not errors.BOOK_FOREIGN else None
    said = ADVICE.get(problem, problem.when)
    return Refusal(problem, Flaw("db", f"{path}: {said}") if path else Flaw(None, said), retry_after=retry)


def _problem(code: int) -> Problem | None:
    if code == sqlite3.SQLITE_INTERRUPT:
        return errors.QUERY_TOO_EXPENSIVE
    if code in _BUSY:
        return errors.STORE_BUSY
    if code in _FULL:
        return errors.STORE_FULL
    return errors.BOOK_FOREIGN if code in _DAMAGED else None


ADVICE = {
    errors.QUERY_TOO_EXPENSIVE: (
        "the list did not finish in time; cheaper: filter by status, amount or a billing period,"
        " keep the default order, and page with after instead of a deep offset"
    ),
}
"""What helps, where a problem has more to say than when it occurs."""
