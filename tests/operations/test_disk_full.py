"""Row A5 on PostgreSQL: its disk is full, as its server says it. Nothing is done by half, and it goes on by itself."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.conformance.sqlite_files import refused
from tests.engine import Engine, call
from tests.simulation.book_laws import broken_laws
from tests.stores import behind, digest
from tests.together import together

from tollbook import errors, limits
from tollbook.billing.sheets import CallRate
from tollbook.errors import Refusal
from tollbook.money import parse_rate
from tollbook.operations.idempotency import Once, write_once
from tollbook.operations.payments import pay
from tollbook.operations.usage import Single, record_singles
from tollbook.store import Alike

pytestmark = pytest.mark.postgres

NOW = "2024-12-20T10:00:00Z"
CLOSED = "2025-02-21T00:00:00Z"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = Engine(tmp_path, NOW)
    made.sheet(CallRate(prefix=None, rate=parse_rate("0.0031"), billing_minimum=1))
    yield made
    made.store.close()


@contextmanager
def full(engine: Engine, table: str, *, at_commit: bool = False) -> Iterator[None]:
    """While the server says of a table that it cannot grow: at the statement, or not before the commit."""
    kind, when = ("CONSTRAINT TRIGGER", "DEFERRABLE INITIALLY DEFERRED") if at_commit else ("TRIGGER", "")
    with behind(engine.store) as book:
        book.execute(_FULL)
        book.execute(f"CREATE {kind} full_disk AFTER INSERT ON {table} {when} FOR EACH ROW {_SAY}")
        yield
        book.execute(f"DROP TRIGGER full_disk ON {table}")


_SAY = "EXECUTE FUNCTION disk_full()"
_FULL = """
CREATE OR REPLACE FUNCTION disk_full() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$
"""
each_way = pytest.mark.parametrize("at_commit", [False, True], ids=["at the statement", "at the commit"])


def refused_for_now(engine: Engine, do: Callable[[], object]) -> None:
    """That something is refused, to be sent again, and has changed nothing."""
    before = digest(engine.store)
    refusal = refused(errors.STORE_FULL, do)
    assert refusal.retry_after == limits.RETRY_AFTER_SECONDS
    assert "disk full" in str(refusal)
    assert digest(engine.store) == before


@each_way
@pytest.mark.parametrize("table", ["event", "event_seen"])
def test_a5_records_are_all_there_or_none(engine: Engine, table: str, *, at_commit: bool) -> None:
    acme, bolt = engine.partner("Acme"), engine.partner("Bolt")
    some = [call(sid, f"c{number}", NOW, seconds=60) for number, sid in enumerate([acme, bolt, acme])]
    with full(engine, table, at_commit=at_commit):
        refused_for_now(engine, lambda: engine.record(*some))
        engine.store.ready()  # the book's own row could be written
        assert engine.pay(acme, "1").amount  # what needs no room there is done
    assert [outcome.result for outcome in engine.record(*some)] == ["accepted"] * 3
    assert {engine.billing(sid).status for sid in (acme, bolt)} == {"billed"}  # nobody is parked for it
    assert broken_laws(engine.store) == []


@each_way
def test_a5_records_that_share_a_commit_are_each_told(engine: Engine, *, at_commit: bool) -> None:
    acme = engine.partner("Acme")

    def one(number: int) -> Any:
        single = Single(engine.caller, "call", call(acme, f"c{number}", NOW, seconds=60))
        return engine.store.act(Alike(record_singles, single))

    every = [lambda number=number: one(number) for number in range(8)]
    with full(engine, "event", at_commit=at_commit):
        before = digest(engine.store)
        told = together(*every, caught=Refusal)
        assert {refusal.problem for refusal in told} == {errors.STORE_FULL}
        assert digest(engine.store) == before
    assert not any(isinstance(answer, Refusal) for answer in together(*every, caught=Refusal))
    assert [item[4] for item in engine.items(acme)] == [8 * 60]
    assert broken_laws(engine.store) == []


@each_way
def test_a5_a_key_whose_write_found_no_room_may_be_sent_again(engine: Engine, *, at_commit: bool) -> None:
    acme = engine.partner("Acme")
    body = {"amount": "5", "type": "visa", "partner_sid": acme}

    def send() -> bool:
        once = Once("key", b"same")
        return write_once(
            engine.store, engine.caller, once, lambda act: pay(act, engine.caller, body).payment_sid.encode()
        ).replayed

    with full(engine, "payment", at_commit=at_commit):
        refused_for_now(engine, send)
    assert [send(), send()] == [False, True]
    assert engine.balance(acme) == "5"


@each_way
@pytest.mark.parametrize("table", ["journal", "closed_invoice", "invoice_document"])
def test_a5_a_billing_run_closes_all_that_is_due_once_there_is_room(
    engine: Engine, table: str, *, at_commit: bool
) -> None:
    partners = [engine.partner(name) for name in ("Acme", "Bolt", "Coil")]
    engine.record(*(call(sid, f"c{sid}", NOW, seconds=60) for sid in partners))
    engine.at(CLOSED)
    with full(engine, table, at_commit=at_commit):
        refused_for_now(engine, engine.run)
    assert engine.run().closed
    assert [engine.figures(sid, "status")[0] for sid in partners] == [("closed",)] * 3
    assert broken_laws(engine.store) == []
