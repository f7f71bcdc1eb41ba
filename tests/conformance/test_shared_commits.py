"""Acts that share a commit: each as if it were alone, first come first served, and one wait for the disk for all."""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from tests.conformance.asking import page, query, records, sids
from tests.conformance.sqlite_files import opened
from tests.making import CHILD, EVERYTHING, MILLION, NOW, invoice, item, put, sid, token
from tests.stores import file_of, in_file

from tollbook import errors, limits
from tollbook.clock import FixedClock
from tollbook.errors import Flaw, Refusal
from tollbook.query.fields import PARTNERS
from tollbook.store import Alike, Store, Writes
from tollbook.store.sharing import Line, Place

pytestmark = pytest.mark.files


class Broken(Exception):
    """What an act may die of."""


class Acting(threading.Thread):
    """A thread that does one act; `told` is its answer or its error."""

    def __init__(self, store: Store, do: Callable[[Writes], Any]) -> None:
        super().__init__()
        self._store, self._do = store, do
        self.told: Any = None

    def run(self) -> None:
        try:
            self.told = self._store.act(self._do)
        except Exception as error:
            self.told = error


@contextmanager
def in_line(store: Store, *acts: Callable[[Writes], Any]):
    """Acts that wait in this order until the context ends, when they go on; all have been answered after it."""
    threads = [Acting(store, act) for act in acts]
    with store.writing():
        for number, thread in enumerate(threads, 1):
            thread.start()
            until(partial(stand, store, number))
        yield threads
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()


def stand(store: Store, number: int) -> bool:
    """Whether so many stand behind the one that leads."""
    return len(in_file(store)._line) == number


def until(reached: Callable[[], bool]) -> None:
    """Wait for what is bound to come."""
    ends = time.monotonic() + 30
    while not reached():
        assert time.monotonic() < ends
        time.sleep(0.001)


def told(threads: list[Acting]) -> list[Any]:
    return [thread.told for thread in threads]


def writes(number: int, **values: Any) -> Callable[[Writes], int]:
    """An act that writes an invoice and answers its number."""

    def do(act: Writes) -> int:
        act.put_invoice(invoice(number, **values), "imported")
        return number

    return do


def breaks(number: int) -> Callable[[Writes], None]:
    """An act that dies after it wrote an invoice."""

    def do(act: Writes) -> None:
        act.put_invoice(invoice(number), "imported")
        raise Broken

    return do


def commits(store: Store) -> list[str]:
    """The commits of a store from now on."""
    seen: list[str] = []
    with store.writing():
        assert in_file(store)._writer is not None
        in_file(store)._writer.set_trace_callback(lambda said: seen.append(said) if said == "COMMIT" else None)  # type: ignore[union-attr]
    seen.clear()
    return seen


def balance(book: Any) -> str:
    (shown,) = [one for one in records(book.page(EVERYTHING, query(PARTNERS))) if one["partner_sid"] == CHILD]
    return str(shown["balance"])


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
    monkeypatch.setattr(limits, "ACTS_A_COMMIT_SECONDS", -1)
    with in_line(store, *map(writes, range(1, 4))):
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


def test_one_that_fails_leaves_no_trace_and_stops_no_other(store: Store) -> None:
    refusal = Refusal(errors.CONFLICT, Flaw("x", "y"))

    def refuses(act: Writes) -> None:
        act.put_invoice(invoice(1, balance_forward=7 * MILLION), "imported")
        raise refusal

    with in_line(store, writes(1), breaks(2), refuses, writes(3, status="closed"), breaks(1)) as threads:
        pass
    answers = told(threads)
    assert (answers[0], answers[3]) == (1, 3)
    assert answers[2] is refusal
    assert isinstance(answers[1], Broken)
    assert isinstance(answers[4], Broken)
    assert sids(page(store, order="invoice_sid")) == [sid(1), sid(3)]
    assert page(store, filter="status eq open").total == page(store, filter="status eq closed").total == 1
    with store.reading() as book:
        assert balance(book) == "-0.69"


def test_each_sees_the_work_of_those_before_it_counters_and_balances_included(store: Store) -> None:
    def look(act: Writes) -> tuple[int | None, str]:
        return act.page(EVERYTHING, query()).total, balance(act)

    changed = invoice(1, balance_forward=-2 * MILLION)
    with in_line(
        store, look, writes(1), look, breaks(1), lambda act: act.put_invoice(changed, "imported"), look
    ) as all_:
        pass
    assert [each for each in told(all_) if isinstance(each, tuple)] == [(0, "0"), (1, "-0.69"), (1, "2")]


def test_a_commit_that_fails_is_told_to_all_and_nothing_is_there(store: Store) -> None:
    def owes(act: Writes) -> None:
        act._run("PRAGMA defer_foreign_keys = ON")
        act.add_token(token(1, "nobody"), b"", None)

    with in_line(store, writes(1), owes, breaks(3), writes(4)) as threads:
        pass
    assert {type(each).__name__ for each in told(threads)} == {"IntegrityError"}
    assert page(store).total == len(page(store).rows) == 0
    assert store.act(writes(1)) == 1


def test_a_transaction_that_the_database_undid_is_told_to_all(store: Store) -> None:
    with in_line(store, writes(1), lose, writes(2)) as threads:
        pass
    first, second, third = told(threads)
    assert isinstance(first, Broken)
    assert isinstance(second, Broken)
    assert third == 2  # it was not in that transaction yet
    assert sids(page(store)) == [sid(2)]


def test_a_transaction_that_the_database_undid_within_a_part_is_told_as_what_undid_it(store: Store) -> None:
    with pytest.raises(Broken), store.writing() as act:
        write_and_lose(act)
    assert page(store).rows == []
    assert store.act(writes(1)) == 1


def write_and_lose(act: Writes) -> None:
    act.put_invoice(invoice(1), "imported")
    lose(act)


def lose(act: Writes) -> None:
    with act.savepoint():
        act._run("ROLLBACK")
        raise Broken


def test_a3_a_disk_that_is_full_is_told_to_all_that_share(store: Store) -> None:
    """The database undoes the whole transaction then; what comes after and fits is written."""
    put(store, invoice(1))
    writer = in_file(store)._writer
    assert writer is not None
    (pages,) = writer.execute("PRAGMA page_count").fetchone()
    large = [invoice(number, invoice_items=(item(),) * 40) for number in range(10, 90)]
    writer.execute(f"PRAGMA max_page_count = {pages}")
    with in_line(store, writes(2), lambda act: act.put_invoices(large, "imported"), writes(3)) as threads:
        pass
    first, second, third = told(threads)
    assert [(each.problem, each.retry_after) for each in (first, second)] == [(errors.STORE_FULL, 1)] * 2
    assert third == 3
    assert sids(page(store, order="invoice_sid")) == [sid(1), sid(3)]
    writer.execute("PRAGMA max_page_count = 1000000")
    store.act(lambda act: act.put_invoices(large, "imported"))
    assert page(store).total == 82


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


def test_many_threads_with_failing_acts_among_them(store: Store) -> None:
    threads, rounds = 16, 25
    answered: list[int] = []

    def work(first: int) -> None:
        for number in range(first, first + rounds):
            if number % 5 == 0:
                with pytest.raises(Broken):
                    store.act(breaks(number))
            elif number % 7 == 0:
                put(store, invoice(number))
                answered.append(number)
            else:
                answered.append(store.act(writes(number)))

    workers = [threading.Thread(target=work, args=(1 + number * rounds,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    expected = [number for number in range(1, threads * rounds + 1) if number % 5]
    assert sorted(answered) == expected
    assert sids(page(store, order="invoice_sid", limit=1000)) == list(map(sid, expected))
    assert page(store, filter="status eq open").total == len(expected)


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


# A leader waits for company that is about to come.


def test_a_leader_waits_for_as_many_as_last_time_while_they_come(monkeypatch: pytest.MonkeyPatch) -> None:
    line, naps = Line(), []
    coming = [Place(lambda _: None) for _ in range(3)]

    def nap(seconds: float) -> None:
        naps.append(seconds)
        line._behind.extend(coming[:1])
        del coming[:1]

    monkeypatch.setattr("tollbook.store.sharing.time.sleep", nap)
    line.gather()
    assert naps == []  # the last commit was one act's
    line._behind.extend(Place(lambda _: None) for _ in range(5))
    assert sum(map(len, line.shared(Place(lambda _: None)))) == 6
    line.gather()
    assert len(naps) == 4  # three came, then nobody
    assert len(line) == 3


def test_where_a_commit_is_one_go_who_comes_later_is_in_the_next() -> None:
    line, act = Line(in_one_go=True), Alike(lambda act, given: given, None)
    first, *behind = places = [Place(act) for _ in range(4)]
    line._behind.extend(behind[:2])
    taken = []
    for some in line.shared(first):
        taken.append(some)
        line._behind.extend(behind[2:])
    assert taken == [places[:3]]
    assert len(line) == 1


# Callers that are interrupted while they wait.


class Interrupted(Place):
    """A place whose caller is interrupted while it waits, after what `meanwhile` does."""

    def __init__(self, meanwhile: Callable[[], object]) -> None:
        super().__init__()
        self._meanwhile = meanwhile

    def called(self, seconds: float = -1) -> bool:
        self._meanwhile()
        raise KeyboardInterrupt


def test_who_is_interrupted_in_line_leaves_it() -> None:
    line = Line()
    assert line.wait(Place())
    with pytest.raises(KeyboardInterrupt):
        line.wait(Interrupted(lambda: None))
    assert len(line) == 0
    line.pass_on()
    assert line.wait(Place())


def test_who_is_interrupted_when_it_was_to_lead_lets_the_next_lead() -> None:
    line = Line()
    assert line.wait(Place())
    behind = threading.Thread(target=lambda: line.wait(Place()))

    def meanwhile() -> None:
        behind.start()
        until(lambda: len(line) == 2)
        line.pass_on()

    with pytest.raises(KeyboardInterrupt):
        line.wait(Interrupted(meanwhile))
    behind.join(30)
    assert not behind.is_alive()
    assert len(line) == 0
