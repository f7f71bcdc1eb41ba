"""Acts that share a commit: each as if it were alone, first come first served, and one wait for the disk for all."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from tests.conformance.acts import Broken, breaks, writes
from tests.conformance.asking import balance, page, query, sids
from tests.conformance.sqlite_files import opened
from tests.conformance.waiting_acts import Acting, in_line, told, until
from tests.making import EVERYTHING, MILLION, NOW, invoice, sid
from tests.stores import file_of, in_file

from tollbook import errors, limits
from tollbook.clock import FixedClock
from tollbook.errors import Refusal
from tollbook.store import Alike, Store, Writes

pytestmark = pytest.mark.files


def commits(store: Store) -> list[str]:
    """The commits of a store from now on."""
    seen: list[str] = []
    with store.writing():
        assert in_file(store)._writer is not None
        in_file(store)._writer.set_trace_callback(lambda said: seen.append(said) if said == "COMMIT" else None)  # type: ignore[union-attr]
    seen.clear()
    return seen


def test_an_act_alone_is_on_disk_when_it_is_answered(store: Store) -> None:
    assert store.act(writes(1)) == 1
    again = opened(file_of(store))
    assert sids(page(again)) == [sid(1)]
    again.close()


def test_acts_in_line_share_a_commit_and_an_instant_in_their_order(store: Store) -> None:
    seen = commits(store)
    order: list[int] = []

    def noting(number: int) -> Callable[[Writes], int]:
        def do(act: Writes) -> int:
            order.append(writes(number)(act))
            return act.now

        return do

    with in_line(store, *map(noting, range(1, 9))) as threads:
        pass
    assert order == list(range(1, 9))
    assert told(threads) == [NOW] * 8
    assert seen == ["COMMIT"] * 2  # of the context that they waited for, and theirs
    assert page(store).total == 8


def together(act: Writes, numbers: Sequence[int]) -> list[Any]:
    """Writes invoices in one go, answers how many came; refuses those above 100, dies where a 13 is not alone."""
    if 13 in numbers and len(numbers) > 1:
        act.put_invoice(invoice(99), "imported")
        raise Broken
    for number in numbers:
        if number < 100:
            act.put_invoice(invoice(number), "imported")
    return [len(numbers) if number < 100 else Refusal(errors.CONFLICT) for number in numbers]


def test_acts_that_are_alike_are_done_in_one_go_in_their_turn(store: Store) -> None:
    alike = [Alike(together, number) for number in range(1, 6)]
    with in_line(store, alike[0], alike[1], writes(50), Alike(together, 101), *alike[2:]) as threads:
        pass
    answers = told(threads)
    assert answers[:3] == [2, 2, 50]
    assert answers[3].problem is errors.CONFLICT
    assert answers[4:] == [4, 4, 4]
    assert sids(page(store, order="invoice_sid")) == list(map(sid, (1, 2, 3, 4, 5, 50)))
    assert page(store, filter="status eq open").total == 6


def test_what_cannot_be_done_in_one_go_is_done_one_by_one(store: Store) -> None:
    with in_line(store, *(Alike(together, number) for number in (1, 13, 101, 2))) as threads:
        pass
    answers = told(threads)
    assert [answers[0], answers[1], answers[3]] == [1, 1, 1]
    assert answers[2].problem is errors.CONFLICT
    assert sids(page(store, order="invoice_sid")) == list(map(sid, (1, 2, 13)))


def test_no_more_than_may_are_done_in_one_go(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ACTS_A_COMMIT_MAX", 3)
    with in_line(store, writes(50), *(Alike(together, number) for number in range(1, 6))) as threads:
        pass
    assert told(threads) == [50, 2, 2, 3, 3, 3]


def test_no_more_share_a_commit_than_may(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ACTS_A_COMMIT_MAX", 3)
    seen = commits(store)
    with in_line(store, *map(writes, range(1, 8))):
        pass
    assert len(seen) == 1 + 3
    monkeypatch.setattr(limits, "ACTS_A_COMMIT_MAX", 64)
    with in_line(store, *map(writes, range(1, 4)), join_within=-1):
        pass
    assert len(seen) == 4 + 1 + 3


def test_a_context_in_line_is_not_overtaken(store: Store) -> None:
    seen = commits(store)
    order: list[str] = []

    def alone() -> None:
        with store.writing():
            order.append("alone")

    waiting = threading.Thread(target=alone)
    with store.writing():
        before = Acting(store, lambda _: order.append("before"))
        before.start()
        until(lambda: len(in_file(store)._line) == 1)
        waiting.start()
        until(lambda: len(in_file(store)._line) == 2)
        after = Acting(store, lambda _: order.append("after"))
        after.start()
        until(lambda: len(in_file(store)._line) == 3)
    for thread in (before, waiting, after):
        thread.join(30)
    assert order == ["before", "alone", "after"]
    assert len(seen) == 4


def test_each_sees_the_work_of_those_before_it_counters_and_balances_included(store: Store) -> None:
    def look(act: Writes) -> tuple[int | None, str]:
        return act.page(EVERYTHING, query()).total, balance(act)

    changed = invoice(1, balance_forward=-2 * MILLION)
    with in_line(
        store, look, writes(1), look, breaks(1), lambda act: act.put_invoice(changed, "imported"), look
    ) as all_:
        pass
    assert [each for each in told(all_) if isinstance(each, tuple)] == [(0, "0"), (1, "-0.69"), (1, "2")]


def test_a5_who_waits_too_long_is_refused_and_its_act_never_done(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LOCK_WAIT_SECONDS", 0.2)
    threads = [Acting(store, writes(number)) for number in (1, 2)]
    with store.writing():
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert [(each.problem, each.retry_after) for each in told(threads)] == [(errors.STORE_BUSY, 1)] * 2
    assert store.act(writes(3)) == 3
    assert sids(page(store)) == [sid(3)]


def test_an_act_whose_turn_has_come_is_waited_for(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Past the bound, a caller whose act is being written learns what became of it."""
    monkeypatch.setattr(limits, "LOCK_WAIT_SECONDS", 0.5)
    entered = threading.Event()

    def slow(act: Writes) -> int:
        entered.set()
        time.sleep(0.8)
        return writes(2)(act)

    with in_line(store, writes(1), slow) as threads:
        pass
    assert told(threads) == [1, 2]


def test_no_more_acts_wait_than_may_and_readers_go_on(store: Store) -> None:
    store.bound_writers(2)
    with store.writing():
        waiting = Acting(store, writes(1))
        waiting.start()
        until(lambda: len(in_file(store)._line) == 1)
        with pytest.raises(Refusal) as caught:
            store.act(writes(2))
        assert caught.value.problem is errors.WRITE_PLACES_TAKEN
        assert page(store).rows == []
    waiting.join(30)
    assert sids(page(store)) == [sid(1)]


# A part of an act.


def change_and_break(act: Writes) -> None:
    act.put_invoice(invoice(1, status="closed", balance_forward=0), "imported")
    with act.savepoint():
        act.put_invoice(invoice(2), "imported")
    raise Broken


def test_a_savepoint_undoes_rows_and_notes(store: Store) -> None:
    def do(act: Writes) -> None:
        act.put_invoice(invoice(1), "imported")
        with pytest.raises(Broken), act.savepoint():
            change_and_break(act)
        with act.savepoint():
            act.put_invoice(invoice(3, status="void"), "imported")

    store.act(do)
    assert sids(page(store, order="invoice_sid")) == [sid(1), sid(3)]
    assert [page(store, filter=f"status eq {status}").total for status in ("open", "closed", "void")] == [1, 0, 1]
    with store.writing() as act:
        do(act)
    assert page(store).total == 2


# The instant of an act (A10).


def set_clock(store: Store, instant: int) -> None:
    assert isinstance(store.clock, FixedClock)
    store.clock.instant = instant


def records_something(act: Writes) -> int:
    act.set_book("a", "b")
    return act.now


def test_a10_time_never_goes_back_not_even_for_another_process(store: Store) -> None:
    now = store.act(records_something)
    other = opened(file_of(store))
    set_clock(other, now - 3_600_000)
    assert other.act(lambda act: (act.now, act.wall)) == (now, now - 3_600_000)
    with other.reading() as book:
        assert book.present(other.clock.now()) == now
    set_clock(other, now + 1)
    assert other.act(lambda act: act.now) == now + 1
    other.close()


def test_a10_an_act_that_writes_nothing_moves_no_time(store: Store) -> None:
    set_clock(store, NOW + 5)
    store.act(lambda _: None)
    set_clock(store, NOW)
    assert store.act(lambda act: act.now) == NOW
