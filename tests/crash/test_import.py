"""Rows A1 to A5 for imports and for what keeps a book: killed at any instant, full disk, locked book."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.crash.process import instants, run
from tests.making import NOW, invoice, sid
from tests.operations.lines import exported, line

from tollbook import errors, limits
from tollbook.clock import FixedClock
from tollbook.errors import Refusal
from tollbook.mediation.json_files import pieces
from tollbook.operations.books import create_book
from tollbook.operations.importing import Report, import_invoices
from tollbook.operations.verifying import check_book
from tollbook.store import book_files, migrations, open_store

COUNT, BATCH = 400, 20
PARTNERS = [sid(0xC0 + number) for number in range(5)]


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A book with its operator only, closed."""
    path = tmp_path / "book.db"
    create_book(str(path), FixedClock(NOW)).store.close()
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Four hundred invoices of five partners that no book knows yet."""
    path = tmp_path / "invoices.ndjson"
    path.write_bytes(b"".join(line(invoice(n, PARTNERS[n % 5])) for n in range(COUNT)))
    return path


def sids_in(path: Path) -> set[str]:
    """The invoices of a book, which must agree with itself in everything."""
    store = open_store(str(path), FixedClock(NOW))
    try:
        assert check_book(store, thorough=True).findings == []
        return {json.loads(text)["invoice_sid"] for text in exported(store).splitlines()}
    finally:
        store.close()


ALL = {sid(number) for number in range(COUNT)}


@pytest.mark.parametrize("way", [[], ["--keep-going"]], ids=["all-or-nothing", "keep-going"])
def test_a1_killed_during_an_import(book: Path, file: Path, way: list[str]) -> None:
    arguments = ("import", "invoices", str(file), *way, "--db")
    fresh = book.with_name("fresh.db")
    shutil.copyfile(book, fresh)
    timed = run(*arguments, str(fresh), batch=BATCH)
    assert timed.status == 0, timed.err
    assert sids_in(fresh) == ALL
    kept = set()
    for number, instant in enumerate(instants(timed.seconds, f"import {way}")):
        path = book.with_name(f"{number}.db")
        shutil.copyfile(book, path)
        ended = run(*arguments, str(path), batch=BATCH, kill_after=instant)
        found = sids_in(path)
        # All that was acknowledged is there; what is there is whole batches from the file's start.
        assert found == ALL or ended.status != 0
        assert found == {sid(number) for number in range(len(found))}
        assert len(found) in ((0, COUNT) if not way else range(0, COUNT + 1, BATCH))
        kept.add(len(found))
        again = run(*arguments, str(path), batch=BATCH)
        assert again.status == 0, again.err
        assert sids_in(path) == ALL
    assert len(kept) > 1, "every kill came too early or too late to tell anything"


@pytest.fixture
def filled(book: Path, file: Path) -> Path:
    """The book with all the invoices."""
    store = open_store(str(book), FixedClock(NOW))
    with file.open("rb") as opened:
        import_invoices(store, pieces("f", opened))
    store.close()
    return book


def test_a2_killed_during_a_backup(filled: Path) -> None:
    words = ("backup", "--db", str(filled))
    timed = run(*words, str(filled.with_name("timed.db")), module="tollbook.cli.books")
    for number, instant in enumerate(instants(timed.seconds, "backup")):
        target = filled.with_name(f"backup-{number}.db")
        run(*words, str(target), module="tollbook.cli.books", kill_after=instant)
        assert not target.exists() or sids_in(target) == ALL
        assert run(*words, str(target), "--yes", module="tollbook.cli.books").status == 0
        assert sids_in(target) == ALL
        assert sorted(path.name for path in target.parent.glob(f"backup-{number}.*")) == [target.name]


def test_a2_killed_during_a_restore(filled: Path) -> None:
    backup, other = filled.with_name("backup.db"), filled.with_name("other.db")
    run("backup", "--db", str(filled), str(backup), module="tollbook.cli.books")
    create_book(str(other), FixedClock(NOW)).store.close()

    def words(path: Path) -> list[str]:
        shutil.copyfile(other, path)
        return ["restore", str(backup), "--yes", "--db", str(path)]

    timed = run(*words(filled.with_name("timed.db")), module="tollbook.cli.books")
    assert timed.status == 0, timed.err
    for number, instant in enumerate(instants(timed.seconds, "restore")):
        path = filled.with_name(f"{number}.db")
        run(*words(path), module="tollbook.cli.books", kill_after=instant)
        assert sids_in(path) in (set(), ALL)
        assert run("restore", str(backup), "--yes", "--db", str(path), module="tollbook.cli.books").status == 0
        assert sids_in(path) == ALL
        assert sids_in(backup) == ALL


def test_a2_killed_while_a_book_is_made(tmp_path: Path) -> None:
    timed = run("init", "--db", str(tmp_path / "timed.db"), module="tollbook.cli.books")
    for number, instant in enumerate(instants(timed.seconds, "init")):
        path = tmp_path / f"{number}.db"
        ended = run("init", "--db", str(path), module="tollbook.cli.books", kill_after=instant)
        if not path.exists():
            assert ended.status != 0
            assert run("init", "--db", str(path), module="tollbook.cli.books").status == 0
        store = open_store(str(path), FixedClock(NOW))
        with store.reading() as read:
            assert read.operator_sid()
        store.close()
        assert sids_in(path) == set()


def older_book(path: Path) -> Path:
    """A book as the first step of the schema left it."""
    book_files.create_file(path)
    with closing(book_files.connect(path, 1)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA application_id = {migrations.APPLICATION_ID}")
        migrations.apply(connection, to=1)
        connection.execute("INSERT INTO book VALUES ('currency', 'USD')")
    return path


def test_a2_killed_during_a_migration(tmp_path: Path) -> None:
    timed = run("migrate", "--db", str(older_book(tmp_path / "timed.db")), module="tollbook.cli.books")
    assert timed.status == 0, timed.err
    for number, instant in enumerate(instants(timed.seconds, "migrate")):
        path = older_book(tmp_path / f"{number}.db")
        run("migrate", "--db", str(path), module="tollbook.cli.books", kill_after=instant)
        version = book_files.book_version(path)
        assert version in range(1, migrations.LATEST + 1)
        copies = [copy for copy in tmp_path.glob(f"{number}.db.before-migration-*") if ".part" not in copy.name]
        assert all(book_files.book_version(copy) == 1 for copy in copies)
        assert version == 1 or copies
        assert run("migrate", "--db", str(path), module="tollbook.cli.books").status == 0
        store = open_store(str(path), FixedClock(NOW))
        with store.reading() as read:
            assert read.settings() == {"currency": "USD"}
        store.close()


@pytest.mark.parametrize("way", [[], ["--keep-going"]], ids=["all-or-nothing", "keep-going"])
def test_a3_the_disk_is_full(book: Path, file: Path, way: list[str]) -> None:
    """A file may not grow any more: what SQLite meets then is what it meets on a full disk or a quota."""
    words = ("import", "invoices", str(file), *way, "--db", str(book))
    full = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))"
    ignored = "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)"
    ended = run(*words, batch=BATCH, before=f"{ignored}\n{full}")
    assert ended.status == 1
    assert "the book cannot be written: disk full" in ended.err
    assert "Traceback" not in ended.err
    found = sids_in(book)
    assert len(found) % BATCH == 0
    assert len(found) < COUNT
    assert (f"{len(found)} invoices were written before this" in ended.err) is bool(found)
    assert run(*words, batch=BATCH).status == 0
    assert sids_in(book) == ALL


def test_a3_full_at_any_page(book: Path, file: Path) -> None:
    """The same within a process, at many sizes: nothing is written, and the next try goes through."""
    store = open_store(str(book), FixedClock(NOW))
    empty = exported(store)
    for pages in range(40, 100, 6):
        with store.writing() as act:
            act._run(f"PRAGMA max_page_count = {pages}")
        with file.open("rb") as opened, pytest.raises(Refusal) as refused:
            import_invoices(store, pieces("f", opened), Report())
        assert refused.value.problem is errors.STORE_FULL
        assert exported(store) == empty
    with store.writing() as act:
        act._run("PRAGMA max_page_count = 1000000")
    with file.open("rb") as opened:
        assert import_invoices(store, pieces("f", opened)).new == COUNT
    assert check_book(store).total == 0
    store.close()


def test_a5_the_book_is_locked_by_another_process(book: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LOCK_WAIT_SECONDS", 0)
    with closing(sqlite3.connect(book, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        store = open_store(str(book), FixedClock(NOW))
        with file.open("rb") as opened, pytest.raises(Refusal) as refused:
            import_invoices(store, pieces("f", opened))
        assert refused.value.problem is errors.STORE_BUSY
        other.execute("COMMIT")
    with file.open("rb") as opened:
        assert import_invoices(store, pieces("f", opened)).new == COUNT
    store.close()
