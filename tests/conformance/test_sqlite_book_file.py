"""The file of a SQLite book: what is refused at its opening, who may read it, copies of it, opened again."""

import os
import sqlite3
import threading
from pathlib import Path

import pytest
from tests.conformance.asking import page, sids
from tests.conformance.sqlite_files import changed, opened, refused
from tests.making import NOW, family, invoice, put, sid
from tests.stores import file_of, in_file

from tollbook import errors
from tollbook.clock import FixedClock
from tollbook.query.fields import PARTNERS
from tollbook.store import Store, create_store, migrations, store_path
from tollbook.store.book_files import copy_book
from tollbook.store.sqlite import book_version, migrate_book

pytestmark = pytest.mark.files

# Damaged, foreign, of another version (A4).


def filled(path: Path) -> None:
    """A closed book of a few pages."""
    store = create_store(str(path), FixedClock(NOW))
    with store.writing() as act:
        for member in family():
            act.add_partner(member)
    put(store, *(invoice(number) for number in range(50)))
    store.close()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is not a Tollbook book"),
        (b"\0" * 8192, "damaged"),
        (b"not a database, but long enough to have a header " * 10, "damaged"),
        (b"short", "damaged"),
        (b"%PDF-1.7\n" + os.urandom(5_000), "damaged"),
    ],
    ids=["empty", "zeros", "text", "short", "pdf"],
)
def test_a4_a_file_that_is_no_database(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "book.db"
    path.write_bytes(content)
    refusal = refused(errors.BOOK_FOREIGN, lambda: opened(path))
    assert said in str(refusal)
    assert str(path) in str(refusal)
    assert refusal.retry_after is None
    assert path.read_bytes() == content


def test_a4_another_programs_database(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with changed(path) as connection:
        connection.execute("CREATE TABLE invoice (a)")
    content = path.read_bytes()
    assert str(refused(errors.BOOK_FOREIGN, lambda: opened(path))) == f"db: {path} is not a Tollbook book"
    assert path.read_bytes() == content


@pytest.mark.parametrize("kept", [100, 4_096, 10_000, 50_000])
def test_a4_a_book_cut_short(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "book.db"
    filled(path)
    assert path.stat().st_size > kept
    os.truncate(path, kept)
    refusal = refused(errors.BOOK_FOREIGN, lambda: opened(path))
    assert str(path) in str(refusal)


def test_a4_a_book_with_an_overwritten_schema(tmp_path: Path) -> None:
    path = tmp_path / "book.db"
    filled(path)
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"\xff" * 3_000)
    refusal = refused(errors.BOOK_FOREIGN, lambda: opened(path))
    assert str(path) in str(refusal)


def test_a4_a_book_overwritten_in_its_middle(tmp_path: Path) -> None:
    """Found when it is read: refused, and no traceback of a driver's."""
    path = tmp_path / "book.db"
    filled(path)
    with changed(path) as connection:
        roots = [root for (root,) in connection.execute("SELECT rootpage FROM sqlite_schema WHERE rootpage > 0")]
        size = connection.execute("PRAGMA page_size").fetchone()[0]
    with path.open("r+b") as file:
        for root in roots:
            file.seek((root - 1) * size)
            file.write(b"\x5a" * size)
    store = opened(path)
    for _ in range(2):
        refusal = refused(errors.BOOK_FOREIGN, lambda: page(store))
        assert "damaged" in str(refusal)
        refused(errors.BOOK_FOREIGN, lambda: put(store, invoice(1)))
    store.close()


def test_a4_a_book_overwritten_once_it_was_opened(tmp_path: Path) -> None:
    path = tmp_path / "book.db"
    filled(path)
    store = opened(path)
    path.write_bytes(b"something else " * 1_000)
    refused(errors.BOOK_FOREIGN, lambda: page(store))
    refused(errors.BOOK_FOREIGN, lambda: put(store, invoice(1)))
    store.close()


def test_a4_there_is_no_book(tmp_path: Path) -> None:
    for path in (tmp_path / "none.db", tmp_path, tmp_path / "none" / "book.db"):
        refusal = refused(errors.BOOK_FOREIGN, lambda path=path: opened(path))  # type: ignore[misc]
        assert str(refusal) == f"db: there is no book at {path}; make one with tollbook init --db {path}"
    assert list(tmp_path.iterdir()) == []


def test_a4_a_newer_book_is_refused_and_left_alone(book: Store) -> None:
    with changed(file_of(book)) as connection:
        connection.execute("PRAGMA user_version = 99")
    refusal = refused(errors.BOOK_VERSION, lambda: opened(file_of(book)))
    assert "of version 99, newer than" in str(refusal)
    refused(errors.BOOK_VERSION, lambda: migrate_book(file_of(book), file_of(book).with_suffix(".old")))
    assert not file_of(book).with_suffix(".old").exists()


def test_a4_an_older_book_is_refused_until_it_is_migrated(tmp_path: Path) -> None:
    path, backup = tmp_path / "book.db", tmp_path / "before.db"
    with changed(path) as connection:
        connection.isolation_level = None
        connection.execute(f"PRAGMA application_id = {migrations.APPLICATION_ID}")
        migrations.apply(connection, to=1)
    refusal = refused(errors.BOOK_VERSION, lambda: opened(path))
    assert f"run tollbook migrate --db {path}" in str(refusal)
    assert migrate_book(path, backup) == (1, migrations.LATEST)
    assert (book_version(path), book_version(backup)) == (migrations.LATEST, 1)
    assert backup.stat().st_mode & 0o777 == 0o600
    assert migrate_book(path, tmp_path / "unneeded.db") == (migrations.LATEST, migrations.LATEST)
    assert not (tmp_path / "unneeded.db").exists()
    store = opened(path)
    assert page(store).total == 0
    store.close()


def test_a2_a_migration_that_fails_leaves_the_book_as_it_was(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "book.db", isolation_level=None)
    connection.execute("CREATE TABLE invoice_counter (a)")
    with pytest.raises(sqlite3.OperationalError, match="invoice_counter already exists"):
        migrations.apply(connection, to=migrations.LATEST)
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    assert connection.execute("PRAGMA user_version").fetchone() == (1,)
    assert "partner" in tables
    assert "invoice" not in tables
    connection.close()


def test_an_old_library_is_told(book: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 36, 0))
    assert "3.37 or newer" in str(refused(errors.STORE_UNAVAILABLE, lambda: opened(file_of(book))))


# The file itself.


def test_e9_only_the_owner_reads_a_book(book: Store) -> None:
    put(book, invoice(1))
    page(book)
    files = {path.name: path.stat().st_mode & 0o777 for path in file_of(book).parent.iterdir()}
    assert files == dict.fromkeys(("book.db", "book.db-wal", "book.db-shm"), 0o600)


def test_a_file_is_not_distributed(tmp_path: Path) -> None:
    path = tmp_path / "book.db"
    refused(errors.SETTING_INVALID, lambda: create_store(str(path), FixedClock(NOW), distributed=True))
    assert not path.exists()


def test_a_book_is_never_made_over_a_file(book: Store) -> None:
    refusal = refused(errors.CONFLICT, lambda: create_store(book.url, FixedClock(NOW)))
    assert str(refusal) == f"db: {file_of(book)} exists already"


def test_a1_every_commit_is_synced(book: Store) -> None:
    put(book, invoice(1))
    assert in_file(book)._writer is not None
    assert in_file(book)._writer.execute("PRAGMA synchronous").fetchone() == (2,)  # type: ignore[union-attr]
    assert in_file(book)._writer.execute("PRAGMA journal_mode").fetchone() == ("wal",)  # type: ignore[union-attr]
    assert in_file(book)._writer.execute("PRAGMA foreign_keys").fetchone() == (1,)  # type: ignore[union-attr]


def test_a_reading_connection_cannot_write(book: Store) -> None:
    with book.reading() as reads, pytest.raises(sqlite3.OperationalError, match="readonly"):
        reads._run("DELETE FROM partner")
    assert page(book, resource=PARTNERS).total == 4


def test_a_thread_that_ends_takes_its_connection_with_it(book: Store) -> None:
    """A server's threads come and go with its load: it would run out of files."""

    def files() -> int:
        return sum(os.readlink(f"/proc/self/fd/{name}").startswith(book.url) for name in _open_files())

    page(book)
    before = files()
    for _ in range(5):
        thread = threading.Thread(target=page, args=(book,))
        thread.start()
        thread.join()
    assert files() <= before + 1  # a closed file's number may be kept until nobody holds a lock on it
    assert len(in_file(book)._readers) == 1


def _open_files() -> list[str]:
    return [name for name in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{name}")]


@pytest.mark.parametrize("replaced", [True, False], ids=["replaced", "removed"])
def test_a_book_whose_file_is_no_longer_there_takes_no_writes(tmp_path: Path, replaced: bool) -> None:
    path = tmp_path / "book.db"
    filled(path)
    store = opened(path)
    assert page(store).total == 50
    put(store, invoice(50))
    path.rename(tmp_path / "old.db")
    if replaced:
        filled(tmp_path / "new.db")
        (tmp_path / "new.db").rename(path)
    refused(errors.STORE_UNAVAILABLE, lambda: put(store, invoice(51)))
    assert "start the server again" in str(refused(errors.STORE_UNAVAILABLE, store.ready))
    with store.reading():  # so that the next one needs a connection that is not open yet
        refused(errors.STORE_UNAVAILABLE, lambda: page(store))
    assert path.exists() is replaced
    store.close()


@pytest.mark.parametrize("name", ["a b.db", "a?mode=memory.db", "100%25#x.db", "\u00e5.db"])
def test_a_books_name_is_taken_as_it_is(tmp_path: Path, name: str) -> None:
    filled(tmp_path / name)
    store = opened(tmp_path / name)
    assert page(store).total == 50
    store.close()
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_reopened(book: Store) -> None:
    put(book, *(invoice(number) for number in range(12)))
    before = page(book), page(book, resource=PARTNERS)
    book.close()
    again = opened(file_of(book))
    assert (page(again), page(again, resource=PARTNERS)) == before
    put(again, invoice(12))
    assert page(again).total == 13
    again.close()


def test_a2_a_backup_is_the_book_at_one_instant(book: Store, tmp_path: Path) -> None:
    put(book, invoice(1))
    target = tmp_path / "copy.db"
    (tmp_path / "copy.db.part").write_text("left by a backup that was killed")
    copy_book(file_of(book), target)
    put(book, invoice(2))
    copy = opened(target)
    assert sids(page(copy)) == [sid(1)]
    put(copy, invoice(3))
    copy.close()
    assert target.stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / "copy.db.part").exists()
    assert page(book).total == 2


@pytest.mark.parametrize(
    ("url", "path"),
    [("book.db", "book.db"), ("/a/book.db", "/a/book.db"), ("sqlite:///a/b.db", "/a/b.db"), ("sqlite://b.db", "b.db")],
)
def test_where_a_book_is(url: str, path: str) -> None:
    assert store_path(url) == Path(path)


@pytest.mark.parametrize("url", ["mysql://a/b", "http://x", "://x", "SQLITE://x"])
def test_no_such_store(url: str) -> None:
    assert str(refused(errors.SETTING_INVALID, lambda: store_path(url))).startswith("db: no store for ")
