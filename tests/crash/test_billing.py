"""Rows A1 to A3 for billing: killed while it records and closes, and a disk that is full at any statement."""

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from msgspec.structs import replace
from tests.conftest import PROVING
from tests.crash.process import KILLS, ROOT, instants, run
from tests.engine import Engine, call
from tests.simulation.book_laws import broken_laws
from tests.stores import digest, file_of, in_file

from tollbook import errors
from tollbook.billing.events import CallEvent
from tollbook.billing.sheets import CallRate
from tollbook.clock import FixedClock, parse_instant
from tollbook.errors import Refusal
from tollbook.money import parse_rate
from tollbook.operations import recording
from tollbook.operations.books import operator_caller
from tollbook.operations.verifying import check_book
from tollbook.store import Store, Writes, open_store

EVERY = 1 if PROVING else 3
"""How many statements are left out between two that fail."""

NOW = "2024-12-20T10:00:00Z"
CLOSED = "2025-02-21T00:00:00Z"

# Records batches of ten for three partners, each batch printed once it is acknowledged; every fifth time some days
# go by and what is due is closed.
_RECORDING = """
import itertools, os, sys
from tests.crash.test_billing import batch
from tollbook.clock import DAY_MS, FixedClock
from tollbook.operations import billing_run, recording
from tollbook.operations.books import operator_caller
from tollbook.store import open_store

path, first, *partners = sys.argv[1:]
clock = FixedClock(0)
store = open_store(path, clock)
caller = operator_caller(store)
with store.reading() as book:
    clock.instant = book.present(0)
for number in itertools.count(int(first)):
    events = batch(partners, number)
    store.act(lambda act: recording.record(act, caller, events))
    os.write(1, b"%d\\n" % number)
    if number % 5 == 0:
        clock.instant += 4 * DAY_MS
        billing_run.run(store)
"""


def batch(partners: list[str], number: int) -> list[CallEvent]:
    """Ten calls of a number, all of the day on which billing begins: in time, late, or of an open period."""
    return [call(partners[place % 3], f"{number}-{place}", NOW, seconds=60 + place) for place in range(10)]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = Engine(tmp_path, NOW)
    made.sheet(CallRate(prefix=None, rate=parse_rate("0.0031"), billing_minimum=1))
    yield made
    made.store.close()


def acknowledged(path: Path, first: int, partners: list[str], seconds: float) -> list[int]:  # time, not money
    """The batches that were acknowledged by the program above until it was killed."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT / "src"), str(ROOT)))}
    command = [sys.executable, "-c", _RECORDING, str(path), str(first), *partners]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout
        told = process.stdout.readline()
        time.sleep(seconds)
        process.kill()
        told += process.stdout.read()
    return [int(number) for number in told.split(b"\n")[:-1]]


def test_a1_a2_killed_while_recording_and_closing(engine: Engine) -> None:
    partners = [engine.partner(name) for name in ("Acme", "Beta", "Gamma")]
    with engine.store.writing() as act:
        act.set_book("usage_age_days_max", "36500")
    path, first, told = file_of(engine.store), 1, 0
    engine.store.close()
    for kill in range(KILLS):
        numbers = acknowledged(path, first, partners, kill % 10 / 15)
        told += len(numbers)
        store = open_store(str(path), FixedClock(0))
        assert broken_laws(store) == []
        assert check_book(store, thorough=True).findings == []
        with store.reading() as book:
            there = {sid for partner in partners for sid in book.seen(partner, sids_of(range(first, numbers[-1] + 3)))}
        # What was acknowledged is there, whole; of what was not, a batch is there or it is not.
        assert set(sids_of(numbers)) <= there
        assert there == set(sids_of(range(first, first + len(there) // 10)))
        assert set(sent_again(store, batch(partners, numbers[-1]))) == {"duplicate"}
        first += len(there) // 10
        store.close()
    assert told > KILLS


def sent_again(store: Store, events: list[CallEvent]) -> list[str]:
    """What becomes of records."""
    caller = operator_caller(store)
    return [outcome.result for outcome in store.act(lambda act: recording.record(act, caller, events))]


def sids_of(numbers: Any) -> list[str]:
    """The records of batches."""
    return [f"{number}-{place}" for number in numbers for place in range(10)]


def filled(engine: Engine, partners: int, *, sandbox: bool = False) -> list[str]:
    """Partners with usage, whose two periods are due."""
    sids = [engine.partner(f"Partner {number}") for number in range(partners)]
    engine.record(*(call(sid, f"{n}", NOW, seconds=8880 + n) for sid in sids for n in range(3)))
    engine.at(CLOSED)
    if sandbox:
        with engine.store.writing() as act:
            act.set_book("sandbox_clock", str(parse_instant(CLOSED)))
    return sids


def state_of(path: Path, partners: list[str]) -> list[tuple[Any, ...]]:
    """Each partner's invoices, balance and journal; not the revision, which is drawn at each write."""
    store = open_store(str(path), FixedClock(parse_instant(CLOSED)))
    try:
        assert broken_laws(store) == []
        assert check_book(store, thorough=True).findings == []
        with store.reading() as book:
            billings = {sid: book.billing(sid) for sid in partners}
            return [
                (tuple(book.invoice_documents(sid)), billed and replace(billed, revision=0), tuple(book.journal(sid)))
                for sid, billed in billings.items()
            ]
    finally:
        store.close()


def test_a2_killed_during_a_billing_run(engine: Engine) -> None:
    """Each partner is wholly moved on or not at all, and the next run does the rest."""
    partners = filled(engine, 40, sandbox=True)
    path = file_of(engine.store)
    engine.store.close()
    before = state_of(path, partners)
    how: dict[str, Any] = {
        "module": "tollbook.cli.running",
        "before": "from tollbook import limits\nlimits.RUN_PARTNERS_MAX = 3",
    }
    whole = path.with_name("whole.db")
    shutil.copyfile(path, whole)
    timed = run("bill", "--db", str(whole), **how)
    assert timed.status == 0, timed.err
    after = state_of(whole, partners)
    moved = set()
    for number, instant in enumerate(instants(timed.seconds, "bill")):
        copy = path.with_name(f"{number}.db")
        shutil.copyfile(path, copy)
        run("bill", "--db", str(copy), kill_after=instant, **how)
        found = state_of(copy, partners)
        assert all(one in (was, will) for one, was, will in zip(found, before, after, strict=True))
        moved.add(sum(one == will for one, will in zip(found, after, strict=True)))
        assert run("bill", "--db", str(copy), **how).status == 0
        assert state_of(copy, partners) == after
    assert len(moved) > 1, "every kill came too early or too late to tell anything"


@contextmanager
def full_at(statement: int) -> Iterator[list[int]]:
    """While the disk is full at one statement of acts and at all behind it; how many there were."""
    met = [0]

    def failing(run: Callable[..., Any]) -> Callable[..., Any]:
        def do(*arguments: Any) -> Any:
            met[0] += not arguments[0].startswith(("SELECT", "SAVEPOINT", "RELEASE", "ROLLBACK"))
            if met[0] >= statement and not arguments[0].startswith(("RELEASE", "ROLLBACK")):
                error = sqlite3.OperationalError("database or disk is full")
                error.sqlite_errorcode = sqlite3.SQLITE_FULL
                raise error
            return run(*arguments)

        return do

    begin = Writes.__init__

    def beginning(self: Writes, *arguments: Any) -> None:
        begin(self, *arguments)
        self._run, self._run_many = failing(self._run), failing(self._run_many)

    with patch.object(Writes, "__init__", beginning):
        yield met


def fits(act: Callable[[], Any]) -> bool:
    """Whether the disk has room for an act; if not, it says so."""
    try:
        act()
    except Refusal as refusal:
        if refusal.problem is not errors.STORE_FULL:
            raise
        return False
    return True


def full_at_each(engine: Engine, act: Callable[[], Any], done: Callable[[], bool] = lambda: False) -> int:
    """Fail an act at statement after statement until it goes through: nothing of it is there before it is `done`."""
    before = digest(engine.store)
    for statement in range(1, 10_000, EVERY):
        with full_at(statement) as met:
            fitted = fits(act)
        if fitted:
            assert met[0] < statement, "a statement failed and nobody was told"
            return statement
        assert done() or digest(engine.store) == before
    raise AssertionError("it never goes through")


def test_a3_full_at_any_statement_of_recording(engine: Engine) -> None:
    acme, beta = engine.partner("Acme"), engine.partner("Beta")
    engine.record(call(acme, "first", NOW))
    many = [call(sid, f"{n}", NOW, seconds=8880) for n in range(3) for sid in (acme, beta)]
    assert full_at_each(engine, lambda: engine.record(*many)) > 10
    assert [engine.figures(sid, "amount") for sid in (acme, beta)] == [[("1.38",)], [("1.38",)]]
    assert broken_laws(engine.store) == []


def test_a3_full_at_any_statement_of_closing(engine: Engine) -> None:
    acme, beta = filled(engine, 2)
    # Of the acts of a run, the last one only begins the new day.
    closed = [("closed",), ("closed",), ("open",)]
    assert full_at_each(engine, engine.run, lambda: engine.figures(beta, "status") == closed) > 10
    for sid in (acme, beta):
        assert engine.figures(sid, "status") == closed
    assert broken_laws(engine.store) == []


def test_a3_full_at_any_statement_of_a_correction_and_a_payment(engine: Engine) -> None:
    (acme,) = filled(engine, 1)
    engine.run()
    assert full_at_each(engine, lambda: engine.correct("0", call(acme, "0", NOW, seconds=60))) > 10
    assert full_at_each(engine, lambda: engine.pay(acme, "1.38", reference="once")) > 10
    assert engine.figures(acme, "paid") == [(True,), (True,), (False,)]
    assert broken_laws(engine.store) == []


def test_a3_full_at_any_page_while_closing(engine: Engine) -> None:
    """The same as SQLite itself meets it."""
    partners = filled(engine, 8)
    before = digest(engine.store)
    writer = in_file(engine.store)._write_connection()
    (pages,) = writer.execute("PRAGMA page_count").fetchone()
    for room in range(1_000):
        writer.execute(f"PRAGMA max_page_count = {pages + room}")
        if fits(engine.run):
            break
        assert digest(engine.store) == before
    assert room > 1
    assert all(len(engine.invoices(sid)) == 3 for sid in partners)
    assert broken_laws(engine.store) == []
