"""Rows A11 to A13: closing, recording and paying by many threads and two processes at once; sums commute."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.engine import UK, US, Engine, call, day, message, usage
from tests.simulation.book_laws import broken_laws
from tests.stores import ON_POSTGRES, in_file
from tests.together import together

from tollbook.billing.events import Event
from tollbook.billing.sheets import CallRate, MessageRate, UsagePrice
from tollbook.clock import parse_instant
from tollbook.errors import Refusal
from tollbook.money import parse_rate
from tollbook.operations import billing_run

ROOT = Path(__file__).resolve().parents[2]
NOW = "2024-12-20T10:00:00Z"
CLOSED = "2025-02-21T00:00:00Z"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = Engine(tmp_path, NOW)
    furnish(made)
    yield made
    made.store.close()


def furnish(engine: Engine) -> None:
    """Prices for whatever is used here."""
    engine.sheet(CallRate(prefix=None, rate=parse_rate("0.0031"), billing_minimum=1))
    engine.sheet(MessageRate(price=parse_rate("0.005")), service="sms")
    engine.sheet(UsagePrice(type="lookup", price=parse_rate("0.004")), service="usage", direction=None)


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """What each of some acts answers, or its refusal, all of them begun at one moment."""
    return together(*acts, caught=Refusal)


def filled(engine: Engine, partners: int) -> list[str]:
    """Partners with usage, of whom two periods are due."""
    sids = [engine.partner(f"Partner {number}") for number in range(partners)]
    engine.record(*(call(sid, f"{n}", NOW, seconds=8880 + n) for sid in sids for n in range(3)))
    engine.at(CLOSED)
    return sids


def closed_once(engine: Engine, partners: list[str]) -> None:
    """Each period of each partner was closed once, in order, and everything that is due."""
    assert broken_laws(engine.store) == []
    for sid in partners:
        numbers = [("001", "closed"), ("002", "closed"), ("003", "open")]
        assert engine.figures(sid, "display_id", "status") == numbers
        assert engine.moves(sid).count("close") == 2
        assert engine.billing(sid).date_due == parse_instant("2025-03-19T23:30:00Z")


def test_a11_twenty_threads_close_at_once(engine: Engine) -> None:
    partners = filled(engine, 7)
    runs = at_once(*[lambda: billing_run.run(engine.store)] * 20)
    assert sum(made.closed for made in runs) == 14
    closed_once(engine, partners)


_RUN = """
import sys
from tollbook.clock import FixedClock
from tollbook import limits
from tollbook.operations import billing_run
from tollbook.store import open_store

limits.RUN_PARTNERS_MAX = 2
store = open_store(sys.argv[1], FixedClock(int(sys.argv[2])))
print("ready", flush=True)
sys.stdin.readline()
print(billing_run.run(store).closed)
"""


def test_a11_two_processes_close_at_once(engine: Engine) -> None:
    partners = filled(engine, 30)
    command = [sys.executable, "-c", _RUN, engine.store.url, str(engine.clock.instant)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    how: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "env": environment}
    with subprocess.Popen(command, **how) as one, subprocess.Popen(command, **how) as two:
        for process in (one, two):
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in (one, two):
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        closed = [int(process.communicate(timeout=60)[0]) for process in (one, two)]
    assert sum(closed) == 60
    closed_once(engine, partners)


def test_a12_records_that_come_while_their_period_is_closed(engine: Engine) -> None:
    """Each is on one invoice: its period's if it came before the close, the current one's with its period if after."""
    (acme,) = filled(engine, 1)
    batches = [[call(acme, f"{n} {m}", NOW, seconds=60) for m in range(5)] for n in range(30)]
    acts = [lambda batch=batch: engine.record(*batch) for batch in batches]
    *told, made = at_once(*acts, lambda: billing_run.run(engine.store))
    assert made.closed == 2
    outcomes = [outcome for answers in told for outcome in answers]
    assert {outcome.result for outcome in outcomes} == {"accepted"}
    shown = [item["usage"] for invoice in engine.invoices(acme) for item in invoice["invoice_items"]]
    assert sum(shown) == 3 * 8880 + 3 + 150 * 60
    late = sum(outcome.late for outcome in outcomes)
    assert sum(item[4] for item in engine.items(acme)) == late * 60
    closed_once(engine, [acme])


def test_a13_one_payment_by_twenty_clients_counts_once(engine: Engine) -> None:
    acme = engine.partner("Acme")
    answers = at_once(*[lambda: engine.pay(acme, "5", provider="bank", reference="r1")] * 20)
    refusals = [answer for answer in answers if isinstance(answer, Refusal)]
    (paid,) = [answer for answer in answers if not isinstance(answer, Refusal)]
    assert {refusal.problem.status for refusal in refusals} == {409}
    assert {refusal.flaws[0].reference_sid for refusal in refusals} == {paid.payment_sid}
    assert engine.balance(acme) == "5"


def test_a6_the_same_records_by_many_threads_count_once(engine: Engine) -> None:
    acme = engine.partner("Acme")
    batch = [call(acme, f"{n}", NOW, seconds=60) for n in range(20)]
    told = at_once(*[lambda: engine.record(*batch)] * 10)
    results = sorted({outcome.result for outcome in answers} == {"accepted"} for answers in told)
    assert results == [False] * 9 + [True]
    assert engine.items(acme)[0][4] == 1200
    assert broken_laws(engine.store) == []


# Sums commute.

whens = st.sampled_from(
    ("2024-12-20T00:00:00Z", "2024-12-20T10:00:00Z", "2025-01-19T23:59:59.999Z", "2025-01-20T00:00:00Z",
     "2025-02-19T23:59:59.999Z", "2025-02-20T00:00:00Z")
)  # fmt: skip


@st.composite
def events(draw: st.DrawFn, number: int) -> Event:
    """A record of some kind; of its own sid, so that it is one of many."""
    kind, when, sid = draw(st.sampled_from("cccmu")), draw(whens), f"dr {number}"
    if kind == "m":
        return message("", sid, when, message_segments=draw(st.integers(1, 3)))
    if kind == "u":
        return usage("", sid, when, "lookup", draw(st.integers(0, 999)))
    return call("", sid, when, seconds=draw(st.integers(0, 9_999)), number_dst=draw(st.sampled_from((US, UK))))


some_events = st.integers(1, 12).flatmap(lambda size: st.tuples(*(events(number) for number in range(size))))


@given(some=some_events, data=st.data())
@settings(max_examples=max(10, settings().max_examples // 10))
def test_any_order_any_batches_and_any_duplicates_make_the_same_invoices(some: tuple[Event, ...], data: Any) -> None:
    """All is the same but the sids of the book itself; the clock stands still, or it would show."""
    again = data.draw(st.permutations([*some, *data.draw(st.lists(st.sampled_from(some), max_size=6))]))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(again)), max_size=5)))
    batches = [again[start:end] for start, end in zip([0, *cuts], [*cuts, len(again)], strict=True)]
    assert documents([list(some)]) == documents(batches)


def documents(batches: list[list[Event]]) -> list[dict[str, Any]]:
    """The invoices that batches make, after two periods of three are closed."""
    with tempfile.TemporaryDirectory() as folder:
        engine = Engine(Path(folder), "2025-02-20T12:00:00Z")
        if not ON_POSTGRES:
            in_file(engine.store)._write_connection().execute("PRAGMA synchronous = OFF")
        furnish(engine)
        acme = engine.partner("Acme", begins=day("2024-12-20"))
        for batch in batches:
            engine.record(*(replace(event, partner_sid=acme) for event in batch))
        engine.run(CLOSED)
        found = engine.invoices(acme)
        engine.store.close()
    return [{k: v for k, v in one.items() if k not in ("invoice_sid", "partner_sid")} for one in found]
