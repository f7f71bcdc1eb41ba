"""Single records that share commits at several hosts on one PostgreSQL database: nobody waits in a circle."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from tests.engine import Engine
from tests.operations.hosts import at_hosts
from tests.simulation.book_laws import broken_laws

from tollbook.billing.sheets import CallRate
from tollbook.money import parse_rate
from tollbook.store import Alike, Writes
from tollbook.store.postgres import PostgresStore

pytestmark = pytest.mark.postgres


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = Engine(tmp_path, "2024-12-20T10:00:00Z")
    made.sheet(CallRate(prefix=None, rate=parse_rate("0.0031"), billing_minimum=1))
    yield made
    made.store.close()


_SINGLES = """
import os, random
from concurrent.futures import ThreadPoolExecutor
from tests.engine import call
from tollbook.operations.usage import Single, record_singles
from tollbook.store import Alike
def do(store, sids):
    def one(n):
        event = call(random.choice(sids), f"{os.getpid()} {n}", "2024-12-20T10:00:00Z", seconds=60)
        return store.act(Alike(record_singles, Single(caller, "call", event))) and 1
    with ThreadPoolExecutor(24) as pool:
        return sum(pool.map(one, range(400)))
"""


def test_single_records_at_two_hosts_never_wait_for_each_other_in_a_circle(engine: Engine) -> None:
    partners = [engine.partner(f"Partner {number}") for number in range(20)]
    assert at_hosts(engine.store, _SINGLES, _SINGLES, given=partners) == [400, 400]
    assert sum(item[4] for sid in partners for item in engine.items(sid)) == 800 * 60
    assert deadlocks(engine) == 0
    assert broken_laws(engine.store) == []


def test_who_comes_while_a_shared_commit_is_made_has_locks_in_an_order_of_its_own(engine: Engine) -> None:
    store, transactions = engine.store, []
    assert isinstance(store, PostgresStore)

    def note(act: Writes, given: Sequence[Any]) -> Sequence[Any]:
        transactions.append(act.connection.execute("SELECT pg_current_xact_id()").fetchone()[0])
        if len(transactions) == 1:
            later.start()
            while not len(store._line):
                time.sleep(0.001)
        return given

    later = Thread(target=lambda: store.act(Alike(note, None)))
    store.act(Alike(note, None))
    later.join(30)
    assert len({*transactions}) == len(transactions) == 2


def deadlocks(engine: Engine) -> int:
    """How often the server had to undo an act of the book's: its counts come when a connection ends."""
    with engine.store.reading() as book:
        counted = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        return int(book.connection.execute(counted).fetchone()[0])
