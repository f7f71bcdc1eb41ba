"""A SQLite book that cannot be written for a while: locked, full, read-only. Bounded waits, no trace, recovery."""

import os
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.conformance.asking import page, sids
from tests.conformance.sqlite_files import opened, refused
from tests.making import NOW, invoice, item, put, sid
from tests.stores import file_of, in_file

from tollbook import errors, limits
from tollbook.billing.model import Invoice
from tollbook.clock import FixedClock
from tollbook.errors import Refusal
from tollbook.query.fields import PARTNERS
from tollbook.store import Store, create_store

pytestmark = pytest.mark.files

HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN " + sys.argv[2])
connection.execute("INSERT INTO book VALUES ('held', 'x')")
print("held", flush=True)
sys.stdin.read()
"""


# Locked (A5).


@contextmanager
def held(path: Path, how: str = "IMMEDIATE") -> Iterator[None]:
    """While another process holds the book's write lock."""
    command = [sys.executable, "-c", HOLD, str(path), how]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        yield
        other.communicate("")


def test_a5_locked_by_another_process(book: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LOCK_WAIT_SECONDS", 0.3)
    waiting = opened(file_of(book))
    with held(file_of(book)):
        for _ in range(2):
            began = time.monotonic()
            refusal = refused(errors.STORE_BUSY, lambda: put(waiting, invoice(1)))
            assert 0.2 < time.monotonic() - began < 5
            assert refusal.retry_after == limits.RETRY_AFTER_SECONDS
        assert page(waiting).rows == []  # reads go on
        refused(errors.STORE_BUSY, waiting.ready)
    put(waiting, invoice(1))
    assert sids(page(waiting)) == [sid(1)]
    waiting.close()


def test_a5_a_lock_that_ends_in_time_is_waited_for(book: Store) -> None:
    with held(file_of(book)):
        writer = threading.Thread(target=put, args=(book, invoice(1)))
        writer.start()
        time.sleep(0.3)
        assert writer.is_alive()
    writer.join()
    assert sids(page(book)) == [sid(1)]


def test_a5_locked_by_another_thread(book: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LOCK_WAIT_SECONDS", 0.2)
    caught: list[Refusal] = []

    def wait() -> None:
        try:
            put(book, invoice(2))
        except Refusal as refusal:
            caught.append(refusal)

    with book.writing() as act:
        act.put_invoice(invoice(1), "imported")
        waiter = threading.Thread(target=wait)
        waiter.start()
        waiter.join()
    assert [(each.problem, each.retry_after) for each in caught] == [(errors.STORE_BUSY, 1)]
    assert sids(page(book)) == [sid(1)]


# Full (A3).


def test_a3_full_at_each_page_and_writable_again(book: Store) -> None:
    """However many pages are left, an act that does not fit leaves no trace; reads go on; room makes it fit."""
    put(book, invoice(1))
    before = page(book)
    writer = in_file(book)._writer
    assert writer is not None
    (pages,) = writer.execute("PRAGMA page_count").fetchone()
    large = [invoice(number, invoice_items=(item(),) * 40) for number in range(1, 9)]
    for room in range(1_000):
        writer.execute(f"PRAGMA max_page_count = {pages + room}")
        if fits(book, large):
            break
        assert page(book) == before
    assert room > 3
    assert page(book).total == 8


def fits(book: Store, invoices: list[Invoice]) -> bool:
    """Whether the book has room for invoices; if not, it says so."""
    try:
        put(book, *invoices)
    except Refusal as refusal:
        if (refusal.problem, refusal.retry_after) != (errors.STORE_FULL, limits.RETRY_AFTER_SECONDS):
            raise
        return False
    return True


def test_a3_a_connection_that_may_not_write(book: Store) -> None:
    put(book, invoice(1))
    assert in_file(book)._writer is not None
    in_file(book)._writer.execute("PRAGMA query_only = ON")  # type: ignore[union-attr]
    refused(errors.STORE_FULL, lambda: put(book, invoice(2)))
    refused(errors.STORE_FULL, book.ready)
    assert sids(page(book)) == [sid(1)]
    in_file(book)._writer.execute("PRAGMA query_only = OFF")  # type: ignore[union-attr]
    put(book, invoice(2))
    assert page(book).total == 2


def test_a3_readiness_minds_the_disk_and_the_file(book: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    book.ready()
    monkeypatch.setattr(limits, "FREE_DISK_BYTES_MIN", 2**62)
    assert "64 MiB" in str(refused(errors.STORE_FULL, book.ready))
    monkeypatch.undo()
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert "read-only" in str(refused(errors.STORE_FULL, book.ready))


def as_nobody(do: Callable[[], str]) -> str:
    """What `do` answers in a process without the rights of root."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # nothing but `do` runs in the child
        child = os.fork()
    if child == 0:
        try:
            if os.geteuid() == 0:
                os.setuid(65_534)
            said = do()
        except BaseException as error:
            said = repr(error)
        os.write(writing, said.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        said = answer.read()
    os.waitpid(child, 0)
    return said


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A folder that anybody may read and write in."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        yield Path(folder)
        Path(folder).chmod(0o777)


def test_a3_a_read_only_file(public_folder: Path) -> None:
    path = public_folder / "book.db"
    create_store(str(path), FixedClock(NOW)).close()
    path.chmod(0o444)

    def use() -> str:
        store = opened(path)
        total = page(store, resource=PARTNERS).total
        refusal = refused(errors.STORE_FULL, lambda: put(store, invoice(1)))
        refused(errors.STORE_FULL, store.ready) if total else None
        return f"{total} {refusal.retry_after} {refusal}"

    assert as_nobody(use) == "0 1 the book cannot be written: disk full, read-only or failing"


def test_a3_a_folder_that_cannot_be_written(public_folder: Path) -> None:
    path = public_folder / "book.db"
    create_store(str(path), FixedClock(NOW)).close()
    path.chmod(0o444)
    public_folder.chmod(0o555)
    assert as_nobody(lambda: refused(errors.STORE_FULL, lambda: opened(path)).problem.code) == "store_full"
    made = as_nobody(
        lambda: str(refused(errors.STORE_FULL, lambda: create_store(str(public_folder / "new.db"), FixedClock(NOW))))
    )
    assert made == f"db: cannot make {public_folder / 'new.db'}: Permission denied"
