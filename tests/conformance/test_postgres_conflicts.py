"""Row A16: acts in each other's way on a PostgreSQL server, and readers after readers: every wait is bounded.

What came first is met by running the whole act again; whoever gets 503 may try again, and nothing is done twice.
"""

import threading
import time
from collections.abc import Callable, Iterator

import psycopg
import pytest
from psycopg import errors as said
from tests.conformance.acts import writes
from tests.conformance.asking import page, sids
from tests.conformance.postgres_servers import own_server, planted, seconds, works
from tests.conformance.sqlite_files import refused
from tests.making import CHILD, RESELLER, invoice, put, sid
from tests.together import together

from tollbook import errors, limits
from tollbook.store import Writes, postgres_server
from tollbook.store.postgres import PostgresStore

pytestmark = pytest.mark.postgres

Server = postgres_server.Server


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with own_server() as made:
        yield made


@pytest.fixture
def book(server: Server) -> Iterator[PostgresStore]:
    made = planted(server)
    yield made
    made.close()


def test_a16_what_comes_first_is_met_by_running_the_whole_act_again(book: PostgresStore) -> None:
    for error in (said.SerializationFailure, said.DeadlockDetected, said.UniqueViolation):
        tries: list[int] = []

        def once(act: Writes, error: type[psycopg.Error] = error, tries: list[int] = tries) -> int:
            tries.append(1)
            writes(len(tries))(act)
            if len(tries) == 1:
                raise error
            return len(tries)

        assert book.act(once) == 2
        assert sids(page(book)) == [sid(2)]
        assert page(book, filter="status eq open").total == 1


def test_a16_no_more_tries_than_may_be(book: PostgresStore) -> None:
    tries: list[int] = []

    def always(_: Writes) -> None:
        tries.append(1)
        raise said.SerializationFailure

    refused(errors.STORE_BUSY, lambda: book.act(always))
    assert len(tries) == limits.ACT_TRIES_MAX


def test_a16_an_act_that_somebody_went_on_with_after_it_failed_is_not_answered(book: PostgresStore) -> None:
    """PostgreSQL answers the commit of such a one with a rollback."""

    def goes_on(act: Writes) -> None:
        writes(1)(act)
        with pytest.raises(psycopg.Error):
            act._run("SELECT 1 / 0")

    with pytest.raises(psycopg.Error):
        book.act(goes_on)
    assert page(book).total == 0


def test_a16_two_acts_that_lock_in_opposite_order_are_both_done(book: PostgresStore) -> None:
    met = threading.Barrier(2)

    def locking(*order: str) -> Callable[[Writes], None]:
        def do(act: Writes) -> None:
            act.hold_partner(order[0])
            try:
                met.wait(0.5)
            except threading.BrokenBarrierError:
                pass  # it is run again, alone
            act.hold_partner(order[1])

        return do

    told = together(lambda: book.act(locking(CHILD, RESELLER)), lambda: book.act(locking(RESELLER, CHILD)))
    assert told == [None, None]


def test_a16_who_waits_too_long_for_another_act_is_refused(server: Server) -> None:
    """Another host has the rows; the bound is the server's to keep."""
    with pytest.MonkeyPatch.context() as patch:
        from tollbook.store import postgres

        patch.setitem(postgres._OF_WRITERS, "lock_timeout", "300ms")
        store, other = planted(server), None
        try:
            with store.writing() as act:
                act.hold_partner(CHILD)
                took = seconds(
                    lambda: refused(errors.STORE_BUSY, lambda: store.act(lambda act: act.hold_partner(CHILD)))
                )
                assert 0.2 < took < 3
            store.act(lambda act: act.hold_partner(CHILD))
        finally:
            store.close()
        assert other is None


def test_a16_a_statement_of_an_act_that_takes_too_long(book: PostgresStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ACT_SECONDS", 0.3)
    took = seconds(lambda: refused(errors.STORE_BUSY, lambda: book.act(lambda act: act._run("SELECT pg_sleep(20)"))))
    assert took < 3
    monkeypatch.undo()
    assert book.act(writes(1)) == 1


def test_a16_a_host_that_is_stuck_within_an_act_gives_up_its_rows(server: Server) -> None:
    from tollbook.store import postgres

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(postgres._OF_WRITERS, "idle_in_transaction_session_timeout", "200ms")
        store = planted(server)
        tries: list[int] = []

        def sticks_once(act: Writes) -> int:
            tries.append(1)
            act.hold_partner(CHILD)
            time.sleep(0.6 if len(tries) == 1 else 0)
            return writes(len(tries))(act)

        assert store.act(sticks_once) == 2
        assert sids(page(store)) == [sid(2)]
        store.close()


def test_a16_no_free_connection_is_a_bounded_wait(book: PostgresStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CONNECTION_WAIT_SECONDS", 0.3)
    monkeypatch.setattr(limits, "LOCK_WAIT_SECONDS", 0.3)
    readers = [book.reading() for _ in range(limits.CONNECTIONS_MAX)]
    for reader in readers:
        reader.__enter__()
    assert seconds(lambda: refused(errors.STORE_BUSY, lambda: page(book))) < 2
    for reader in readers:
        reader.__exit__(None, None, None)
    writers = [book.writing() for _ in range(limits.CONNECTIONS_MAX)]
    for writer in writers:
        writer.__enter__()
    assert seconds(lambda: refused(errors.STORE_BUSY, lambda: book.act(writes(1)))) < 2
    for writer in writers:
        writer.__exit__(None, None, None)
    assert works(book)


def test_a16_whatever_a_reader_leaves_behind_the_next_one_begins_anew(book: PostgresStore) -> None:
    """A long answer that nobody read to its end, an error in a snapshot: the connection serves the next as new."""
    for number in range(1, 40):
        put(book, invoice(number))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "STREAMED_ROWS", 5)
        left = []
        with book.reading() as snapshot:
            left += [snapshot.invoice_documents(), snapshot.invoice_documents()]
            assert [next(each) for each in left] == [next(iter(snapshot.invoice_documents()))] * 2
            assert len(list(snapshot.invoice_documents())) == 39
        with pytest.raises(psycopg.Error), book.reading() as snapshot:
            snapshot._run("SELECT 1 / 0")
        with book.reading() as snapshot:
            del left
            assert len(list(snapshot.invoice_documents())) == 39
            assert snapshot.operator_sid()
