"""Row A16: a PostgreSQL server that is gone, hangs, comes back or is read-only.

Every wait is bounded; whoever gets 503 may try again, and nothing is done twice.
"""

import random
import threading
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from tests.conformance.acts import writes
from tests.conformance.asking import page, sids
from tests.conformance.postgres_servers import (
    command,
    end_connections,
    frozen,
    heard,
    own_server,
    planted,
    seconds,
    start,
    until,
    works,
)
from tests.conformance.sqlite_files import refused
from tests.making import invoice, put, sid
from tests.together import together

from tollbook import errors, limits
from tollbook.api import health
from tollbook.query.fields import PARTNERS
from tollbook.store import Store, Writes, open_store, postgres_pool, postgres_server
from tollbook.store.postgres import PostgresStore
from tollbook.store.postgres_pool import Patient

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


# Gone.


@pytest.mark.parametrize("how", ["fast", "immediate"])
def test_a16_a_server_that_is_gone_is_told_at_once_and_found_again(
    server: Server, book: PostgresStore, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert works(book)
    server.stop(how)
    for _ in range(3):
        assert seconds(lambda: refused(errors.STORE_UNAVAILABLE, lambda: page(book))) < 2
        assert seconds(lambda: refused(errors.STORE_UNAVAILABLE, lambda: book.act(writes(1)))) < 2
        assert seconds(lambda: refused(errors.STORE_UNAVAILABLE, lambda: put(book, invoice(1)))) < 2
    refusal = refused(errors.STORE_UNAVAILABLE, book.ready)
    assert str(refusal) == "the database cannot be reached, or ended the connection"
    assert str(server.folder) not in str(refusal)
    start(server)
    assert works(book)
    assert page(book).total == 0


def test_a16_a_restart_between_two_requests_is_not_noticed(server: Server, book: PostgresStore) -> None:
    """What rested is looked at before it is used, whether it rested long or not."""
    answers = together(*[lambda: works(book)] * 6)  # so that there are several connections
    assert answers == [True] * 6
    server.stop("fast")
    start(server)
    assert together(*[lambda: works(book)] * 6) == [True] * 6


def test_a16_readiness_turns_false_and_true_again(
    server: Server, book: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_known", health._Known())
    health.check_ready(book)
    server.stop("immediate")
    until(lambda: unready(book), limits.READY_SECONDS + 2)
    start(server)
    until(lambda: not unready(book), limits.READY_SECONDS + 2)


def unready(store: Store) -> bool:
    def look() -> bool:
        health.check_ready(store)
        return True

    return heard(look) is None


def test_a16_an_outage_is_told_once_in_a_while(
    server: Server, book: PostgresStore, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    assert works(book)
    caplog.clear()
    capfd.readouterr()
    with caplog.at_level("INFO", "tollbook"):
        server.stop("immediate")
        for _ in range(5):
            refused(errors.STORE_UNAVAILABLE, lambda: page(book))
        start(server)
        assert works(book)
    told = [record.getMessage() for record in caplog.records]
    assert told[0] == "the database cannot be reached"
    assert told.count("the database cannot be reached") <= 2  # of readers, and of writers
    assert "the database is back" in told
    # A handler of an earlier test may have lost its stream, and say so itself.
    assert "psycopg" not in capfd.readouterr().err.partition("--- Logging error ---")[0]


# Hangs.


def test_a16_a_server_that_hangs_is_waited_for_so_long_and_no_longer(
    server: Server, book: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "ACT_SECONDS", 2)
    assert works(book)
    with frozen(server):
        for _ in range(2):  # with a connection that is open, and with none
            assert seconds(lambda: refused(errors.STORE_UNAVAILABLE, lambda: page(book))) < 5
            assert seconds(lambda: refused(errors.STORE_UNAVAILABLE, lambda: book.act(writes(1)))) < 9
            assert seconds(lambda: refused(errors.STORE_UNAVAILABLE, lambda: put(book, invoice(1)))) < 9
    until(lambda: works(book))
    assert page(book).total == 0


def test_a16_a_server_that_hangs_within_an_act(
    server: Server, book: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "ACT_SECONDS", 2)
    tries: list[int] = []

    def hangs(act: Writes) -> None:
        tries.append(act.now)
        writes(1)(act)
        with frozen(server):
            writes(2)(act)

    assert seconds(lambda: refused(errors.STORE_UNAVAILABLE, lambda: book.act(hangs))) < 5
    assert len(tries) == 1
    until(lambda: works(book))
    assert page(book).total == 0


def test_a16_closing_leaves_no_thread_even_where_the_server_hangs(server: Server) -> None:
    store = planted(server)
    before = threading.active_count()
    assert works(store)
    with frozen(server):
        refused(errors.STORE_UNAVAILABLE, lambda: page(store))
        assert seconds(store.close) < 12
    until(lambda: threading.active_count() <= before)


def test_a16_a_server_that_takes_its_time_is_no_server_that_hangs(
    book: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is busy, or far away: whoever needs a new connection waits for it."""
    begin = postgres_pool._Reach.begin

    def slowly(reach: postgres_pool._Reach) -> None:
        begin(reach)
        time.sleep(2 * limits.REFUSED_SECONDS)

    monkeypatch.setattr(postgres_pool._Reach, "begin", slowly)
    store = open_store(book.url, book.clock)
    assert page(store, resource=PARTNERS).total == 4
    assert store.act(writes(1)) == 1
    store.close()


# Connections ended.


class Ending(threading.Thread):
    """Ends everybody's connections again and again."""

    def __init__(self, server: Server) -> None:
        super().__init__()
        self._server = server
        self.over = threading.Event()
        self.ended = 0

    def run(self) -> None:
        while not self.over.is_set():
            self.ended += end_connections(self._server)
            self.over.wait(0.05)


def test_a16_connections_that_are_ended_in_the_midst_of_everything(server: Server, book: PostgresStore) -> None:
    """Reads and writes answer, or are refused with 503; what was answered is there, once."""
    ending = Ending(server)
    ending.start()
    answered: list[int] = []
    unknown: list[int] = []

    def work(first: int) -> None:
        for number in range(first, first + 20):
            (answered if heard(partial(book.act, writes(number))) else unknown).append(number)
            heard(lambda: page(book))

    told = together(*[lambda first=first: work(first) for first in range(1, 81, 20)])
    ending.over.set()
    ending.join(30)
    assert told == [None] * 4
    assert ending.ended > 4
    until(lambda: works(book))
    there = sids(page(book, order="invoice_sid", limit=1000))
    assert set(map(sid, answered)) <= set(there)
    assert set(there) <= {sid(number) for number in [*answered, *unknown]}
    assert page(book, filter="status eq open").total == len(there)


def test_a16_a_connection_that_is_lost_before_the_commit_is_an_act_that_is_run_again(
    server: Server, book: PostgresStore
) -> None:
    tries: list[int] = []

    def dies_once(act: Writes) -> int:
        tries.append(1)
        writes(1)(act)
        with act.savepoint():
            if len(tries) == 1:
                end_connections(server)
            writes(2)(act)
        return len(tries)

    assert book.act(dies_once) == 2
    assert page(book).total == 2


class Refused(Exception):
    """What a part of an act may be refused with."""


def test_a16_a_part_that_is_undone_by_the_loss_of_its_connection_is_told_as_that(
    server: Server, book: PostgresStore
) -> None:
    """Not as what the part was refused with: nobody knows if that would be so again."""
    tries: list[int] = []

    def dies_once(act: Writes) -> str:
        tries.append(1)
        try:
            with act.savepoint():
                if len(tries) == 1:
                    end_connections(server)
                raise Refused
        except Refused:
            return f"refused at {len(tries)}"

    assert book.act(dies_once) == "refused at 2"


def test_a16_a_commit_without_an_answer_is_not_run_again(
    server: Server, book: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody knows if it is on disk: it is told as 503, and sending the same again counts once."""
    tries: list[int] = []
    say = Patient.execute

    def cut(self: Patient, query: Any, *more: Any, **how: Any) -> Any:
        done = say(self, query, *more, **how)
        if query == "COMMIT" and len(tries) == 1:
            self.pgconn.finish()
            raise psycopg.OperationalError("the connection is lost")
        return done

    def once(act: Writes) -> None:
        tries.append(1)
        writes(1)(act)

    monkeypatch.setattr(Patient, "execute", cut)
    refused(errors.STORE_UNAVAILABLE, lambda: book.act(once))
    assert len(tries) == 1
    assert page(book).total == 1
    book.act(once)
    assert page(book).total == 1
    assert page(book, filter="status eq open").total == 1


# Read only.


def test_a16_a_server_that_may_not_be_written(server: Server, book: PostgresStore) -> None:
    """A standby, or one that its administrator closed: reads go on, and writes as soon as it may be written again."""
    name = page_name(book)
    assert works(book)
    command(server, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    end_connections(server)
    until(lambda: not works(book))
    refused(errors.STORE_FULL, lambda: book.act(writes(1)))
    refused(errors.STORE_FULL, lambda: put(book, invoice(1)))
    refused(errors.STORE_FULL, book.ready)
    assert page(book, resource=PARTNERS).total == 4
    command(server, f"ALTER DATABASE {name} SET default_transaction_read_only = off")
    assert book.act(writes(1)) == 1  # over another connection, without a refusal in between


def page_name(store: PostgresStore) -> str:
    return str(conninfo_to_dict(store.url)["dbname"])


def test_a16_whatever_order_faults_come_in(server: Server, book: PostgresStore) -> None:
    """A short life of random faults; at its end all is as if they had not been."""
    chance = random.Random(4)
    done: set[int] = set()
    for number in range(1, 31):
        fault = chance.choice(["none", "none", "end", "restart", "crash"])
        if fault == "end":
            end_connections(server)
        elif fault != "none":
            server.stop("fast" if fault == "restart" else "immediate")
            start(server)
        done.add(book.act(writes(number)))
    assert sids(page(book, order="invoice_sid", limit=1000)) == [sid(number) for number in sorted(done)]
    assert page(book, filter="status eq open").total == 30
