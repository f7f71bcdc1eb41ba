"""`move`: the copy is the source to the last byte, in either direction; broken off it is gone on with."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.api.client import World
from tests.operations.lines import exported
from tests.stores import bare_database, behind, new_database, workers

from tollbook import errors, limits
from tollbook.clock import FixedClock
from tollbook.errors import Refusal
from tollbook.operations import demo, moving
from tollbook.operations.demo import CLINIC, NOW, make_demo_book
from tollbook.operations.verifying import check_book
from tollbook.query.records import decode_json
from tollbook.store import Store, open_store, postgres_books, tables
from tollbook.store.postgres_distributed import is_distributed

pytestmark = pytest.mark.postgres
CLOCK = FixedClock(NOW)
ASKED = (
    "/billing/invoices?limit=100&with_related=true",
    "/billing/invoices?filter=status+eq+closed+and+amount+gt+1&order=amount&limit=7",
    "/billing/payments?limit=1000",
    "/partners",
    "/calls/call_drs?limit=50",
    "/sms/message_drs?filter=direction+eq+inbound&limit=20",
    "/calls/rates/outbound/pstn?limit=100",
)


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """The demo book in a file, with tokens."""
    path = tmp_path_factory.mktemp("moving") / "demo.db"
    make_demo_book(str(path), CLOCK)
    with closing(open_store(str(path), CLOCK)) as store:
        store.act(lambda act: act.set_book("spending_policy", "charge"))
        yield store


@pytest.fixture(scope="module")
def moved(lived: Store) -> Iterator[Store]:
    """The same moved to a PostgreSQL database."""
    url = new_database()
    moving.move(lived, url, CLOCK)
    with closing(open_store(url, CLOCK)) as store:
        yield store


@pytest.fixture(scope="module")
def back(moved: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """And back to a file."""
    path = tmp_path_factory.mktemp("back") / "back.db"
    moving.move(moved, str(path), CLOCK)
    with closing(open_store(str(path), CLOCK)) as store:
        assert list(path.parent.glob("back.db.moving*")) == []
        yield store


def contents(store: Store) -> dict[str, Any]:
    with store.reading() as book:
        return {"book": book.about()} | {table.name: book.digest_of(table) for table in tables()}


def test_every_row_and_what_is_answered_are_the_same(lived: Store, moved: Store, back: Store) -> None:
    books = (lived, moved, back)
    there = contents(lived)
    assert there["event"][0] > 10_000
    assert [contents(book) for book in books[1:]] == [there, there]
    assert [check_book(book).total for book in books] == [0, 0, 0]
    assert exported(moved) == exported(lived) == exported(back)
    worlds = [World(book, CLOCK) for book in books]
    token = worlds[0].token(demo.OPERATOR)
    for store in books[1:]:
        with lived.reading() as book, behind(store) as connection:
            table = next(each for each in tables() if each.name == "token")
            connection.execute("DELETE FROM token")
            marks = ", ".join("?" * len(table.columns))
            connection.executemany(f"INSERT INTO token VALUES ({marks})", list(book.rows_of(table)))
    invoices = decode_json(worlds[0].get("/core/v2/billing/invoices?limit=100", token).body)["items"]
    asked = [*ASKED, *(f"/billing/invoices/{each['invoice_sid']}/explain" for each in invoices)]
    for target in asked:
        answers = {(reply.status, reply.body) for reply in (world.get(f"/core/v2{target}", token) for world in worlds)}
        assert len(answers) == 1, target
        assert next(iter(answers))[0] == 200, target


def test_what_is_broken_off_is_gone_on_with_and_no_book_until_then(
    lived: Store, moved: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MOVED_ROWS", 3_000)
    for source, dest in ((lived, new_database()), (moved, str(tmp_path / "copy.db"))):
        for parts in (0, 1, 4, 9, 40):
            with pytest.raises(Broken):
                moving.move(source, dest, CLOCK, breaking(parts))
            with pytest.raises(Refusal) as refused:
                open_store(dest, CLOCK)
            assert refused.value.problem is errors.BOOK_FOREIGN
        moving.move(source, dest, CLOCK)
        with closing(open_store(dest, CLOCK)) as copy:
            assert contents(copy) == contents(source)
        with pytest.raises(Refusal, match=r"already|there is a book"):
            moving.move(source, dest, CLOCK)


def test_a_copy_is_distributed_only_where_that_can_be(lived: Store, tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="a file is one"):
        moving.move(lived, str(tmp_path / "copy.db"), CLOCK, distributed=True)
    dest = bare_database()
    if not workers():
        with pytest.raises(Refusal, match="no extension citus"):
            moving.move(lived, dest, CLOCK, distributed=True)
    with pytest.raises(Broken):
        moving.move(lived, dest, CLOCK, breaking(1))
    with pytest.raises(Refusal, match="begun without --distributed"):
        moving.move(lived, dest, CLOCK, distributed=True)
    moving.move(lived, dest, CLOCK)
    assert not is_spread(dest)


def test_a_book_is_moved_into_a_cluster_and_out_of_it(lived: Store, tmp_path: Path) -> None:
    if not workers():
        return  # see above what is said there
    whole, dest = bare_database(), bare_database()
    moving.move(lived, whole, CLOCK)
    with closing(open_store(whole, CLOCK)) as store:
        with pytest.raises(Broken):
            moving.move(store, dest, CLOCK, breaking(9), distributed=True)
        moving.move(store, dest, CLOCK)
    assert (is_spread(whole), is_spread(dest)) == (False, True)
    with closing(open_store(dest, CLOCK)) as store:
        assert contents(store) == contents(lived)
        assert check_book(store).total == 0
        moving.move(store, str(tmp_path / "back.db"), CLOCK)
    with closing(open_store(str(tmp_path / "back.db"), CLOCK)) as store:
        assert contents(store) == contents(lived)


def is_spread(url: str) -> bool:
    with postgres_books.connect(url) as connection:
        return is_distributed(connection)


class Broken(Exception):
    """What ends a move in its midst."""


def breaking(parts: int) -> moving.Watch:
    told: list[int] = []

    def watch(done: int, total: int | None) -> None:
        told.append(done)
        if len(told) > parts:
            raise Broken

    return watch


def test_a_book_that_changed_meanwhile_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_demo_book(str(tmp_path / "own.db"), CLOCK)
    dest = new_database()
    with closing(open_store(str(tmp_path / "own.db"), CLOCK)) as store:
        with pytest.raises(Broken):
            moving.move(store, dest, CLOCK, breaking(15))
        with behind(store) as connection:
            connection.execute("UPDATE partner SET city = 'Elsewhere' WHERE partner_sid = ?", (CLINIC,))
        with pytest.raises(Refusal, match="the copy differs in partner: the book was changed"):
            moving.move(store, dest, CLOCK)
        with pytest.raises(Refusal, match="not whole"):
            open_store(dest, CLOCK)


def test_another_books_copy_is_not_gone_on_with(lived: Store, book: Store) -> None:
    dest = new_database()
    with pytest.raises(Broken):
        moving.move(lived, dest, CLOCK, breaking(2))
    with pytest.raises(Refusal, match="another book was being moved there"):
        moving.move(book, dest, CLOCK)
