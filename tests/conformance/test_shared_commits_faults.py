"""Acts that share a commit while one of them, the commit itself or the disk fails: each is told what became of it."""

import threading

import pytest
from tests.conformance.acts import Broken, breaks, writes
from tests.conformance.asking import balance, page, sids
from tests.conformance.waiting_acts import in_line, told
from tests.making import MILLION, invoice, item, put, sid, token
from tests.stores import in_file

from tollbook import errors
from tollbook.errors import Flaw, Refusal
from tollbook.store import Store, Writes

pytestmark = pytest.mark.files


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
