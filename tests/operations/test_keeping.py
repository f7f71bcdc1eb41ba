"""Backups are whole or not there; a restore verifies first and leaves one whole book at every instant."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.making import NOW, invoice, put
from tests.operations.lines import exported
from tests.stores import file_of

from tollbook import errors
from tollbook.clock import FixedClock
from tollbook.errors import Refusal
from tollbook.operations import keeping
from tollbook.operations.books import create_book
from tollbook.operations.verifying import check_book
from tollbook.store import Store, open_store

pytestmark = pytest.mark.files

CLOCK = FixedClock(NOW)


@pytest.fixture
def backup(book: Store, tmp_path: Path) -> Path:
    """A backup of the book with three invoices; the book has a fourth."""
    put(book, *(invoice(n) for n in range(3)))
    file = tmp_path / "backup.db"
    keeping.back_up(book, file)
    put(book, invoice(3))
    return file


def invoices_in(path: Path) -> int:
    store = open_store(str(path), CLOCK)
    try:
        return len(exported(store).splitlines())
    finally:
        store.close()


def test_a_backup_is_one_file_for_its_owner(backup: Path, book: Store) -> None:
    assert invoices_in(backup) == 3
    assert backup.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in backup.parent.iterdir() if path.name.startswith("backup")) == ["backup.db"]


def test_what_is_there_is_not_overwritten_unasked(backup: Path, book: Store) -> None:
    with pytest.raises(Refusal) as refused:
        keeping.back_up(book, backup)
    assert refused.value.problem is errors.CONFLICT
    assert invoices_in(backup) == 3
    keeping.back_up(book, backup, replace=True)
    assert invoices_in(backup) == 4


@pytest.fixture
def killed(tmp_path: Path, backup: Path) -> Path:
    """A copy that a process wrote to before it was killed: what it wrote is in the log beside the file."""
    copy = tmp_path / "copy.db"
    copy.write_bytes(backup.read_bytes())
    child = os.fork()
    if child == 0:
        put(open_store(str(copy), CLOCK), *(invoice(n) for n in range(100, 140)))
        os._exit(0)
    os.waitpid(child, 0)
    assert copy.with_name("copy.db-wal").stat().st_size > 0
    return copy


def test_a_log_is_not_read_into_the_backup_that_takes_its_books_place(book: Store, killed: Path) -> None:
    keeping.back_up(book, killed, replace=True)
    assert not killed.with_name("copy.db-wal").exists()
    assert invoices_in(killed) == 4


def test_a_backup_in_use_is_not_replaced(book: Store, backup: Path) -> None:
    store = open_store(str(backup), CLOCK)
    put(store, invoice(7))
    with pytest.raises(Refusal, match="is in use"):
        keeping.back_up(book, backup, replace=True)
    store.close()
    assert invoices_in(backup) == 4


def test_no_book_is_made_beside_the_log_of_one_that_is_gone(book: Store, killed: Path) -> None:
    killed.unlink()
    for make in (lambda: keeping.back_up(book, killed), lambda: create_book(str(killed), CLOCK)):
        with pytest.raises(Refusal, match=r"copy\.db-wal is left of another book: move it away first"):
            make()
    assert not killed.exists()


def test_a_restore_puts_the_log_of_a_book_that_is_gone_aside(backup: Path, killed: Path) -> None:
    killed.unlink()
    assert keeping.restore(backup, str(killed)) is None
    assert invoices_in(killed) == 3
    assert [path.name for path in killed.parent.glob("copy.db.replaced-*-wal")] != []


def test_never_the_book_itself(book: Store) -> None:
    with pytest.raises(Refusal, match="is the book itself"):
        keeping.back_up(book, file_of(book), replace=True)
    with pytest.raises(Refusal, match="is the book itself"):
        keeping.restore(file_of(book), book.url)


def test_restored_where_nothing_was(backup: Path, tmp_path: Path) -> None:
    target = tmp_path / "new.db"
    assert keeping.restore(backup, str(target)) is None
    assert invoices_in(target) == 3
    store = open_store(str(target), CLOCK)
    put(store, invoice(9))
    assert check_book(store).total == 0
    store.close()


def test_restored_in_the_place_of_another_which_is_kept(backup: Path, book: Store) -> None:
    book.close()
    aside = keeping.restore(backup, book.url)
    assert aside is not None
    assert (invoices_in(file_of(book)), invoices_in(aside)) == (3, 4)
    again = keeping.restore(aside, book.url)
    assert again is not None
    assert invoices_in(file_of(book)) == 4


def test_not_while_it_is_in_use(backup: Path, book: Store) -> None:
    with pytest.raises(Refusal, match="is in use") as refused:
        keeping.restore(backup, book.url)
    assert refused.value.problem is errors.STORE_BUSY
    assert len(exported(book).splitlines()) == 4
    assert not list(file_of(book).parent.glob("*.restoring*"))


def test_a_damaged_book_is_replaced_and_kept(backup: Path, book: Store) -> None:
    book.close()
    file_of(book).write_bytes(b"damaged" * 1000)
    aside = keeping.restore(backup, book.url)
    assert aside is not None
    assert aside.read_bytes() == b"damaged" * 1000
    assert invoices_in(file_of(book)) == 3


def test_a_backup_is_verified_whole(backup: Path) -> None:
    assert keeping.verify_backup(backup, CLOCK, lambda done, total: None).total == 0
    with closing(sqlite3.connect(backup, isolation_level=None)) as connection:
        connection.execute("UPDATE invoice SET amount = 1 WHERE display_id = '001'")
    assert keeping.verify_backup(backup, CLOCK, lambda done, total: None).counts == {"document": 1}


def test_a_backup_that_is_no_book(tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_text("hello")
    with pytest.raises(Refusal):
        keeping.verify_backup(file, CLOCK, lambda done, total: None)


def test_migrating_a_book_of_this_version_does_nothing(book: Store) -> None:
    before, after, copy = keeping.migrate(book.url)
    assert before == after
    assert copy is None


def test_a_name_beside_is_new(tmp_path: Path) -> None:
    first = keeping.beside(tmp_path / "a.db", "why")
    first.touch()
    assert keeping.beside(tmp_path / "a.db", "why") != first
