"""One act at one instant: all of it or nothing, counters and balances included, and still there when opened again."""

import json
import threading
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conformance.asking import found, page, query, records, sids
from tests.making import (
    CHILD,
    EVERYTHING,
    GRANDCHILD,
    MILLION,
    NOW,
    OPERATOR,
    invoice,
    item,
    own,
    partner,
    payment,
    plant_family,
    put,
    sid,
    tax,
    token,
)
from tests.stores import fresh_store

from tollbook import errors, limits
from tollbook.billing.model import Invoice
from tollbook.clock import FixedClock
from tollbook.errors import Refusal
from tollbook.query.fields import INVOICES, PARTNERS, TOKENS
from tollbook.store import Access, Store, Writes

STATUSES = ("open", "closed", "void", "Ünpaid")


class Broken(Exception):
    """What an act may die of."""


def everything(store: Store) -> list[object]:
    """All that can be read of a store."""
    lists = [page(store, resource=resource, limit=1000) for resource in (INVOICES, PARTNERS, TOKENS)]
    counts = [page(store, filter=f"status eq {status}").total for status in STATUSES]
    with store.reading() as book:
        nouns = [book.invoice(row.sid) for row in lists[0].rows]
        return [*lists, *nouns, *counts, book.settings(), list(book.invoice_documents()), book.directory(sid(1))]


def test_an_invoice_is_read_as_it_was_written(store: Store) -> None:
    written = invoice(
        7,
        GRANDCHILD,
        date_charge_expected=None,
        invoice_items=(item(), item(direction=None, country_code=None, amount=-1, usage=-5)),
        pay_items=(payment(), payment(amount=-MILLION)),
        tax_items=(),
    )
    put(store, written, invoice(8))
    with store.reading() as book:
        assert book.invoice(sid(7)) == written
        assert book.directory(sid(7)) == GRANDCHILD
        assert book.directory(sid(9)) is None
        assert [json.loads(text)["invoice_sid"] for text in book.invoice_documents()] == [sid(8), sid(7)]
        with pytest.raises(Refusal) as caught:
            book.invoice(sid(9))
    assert caught.value.problem is errors.ITEM_UNKNOWN
    (shown,) = records(page(store, own(GRANDCHILD)))
    assert shown["invoice_items"][1] == {
        "amount": "-0.000001",
        "country_code": None,
        "date_billing_period_end": "2025-02-14T12:00:00.000Z",
        "date_billing_period_start": "2025-01-15T12:00:00.000Z",
        "type": "toll",
        "usage": -5,
    }


def test_a_second_writing_replaces_the_first_whole(store: Store) -> None:
    put(store, invoice(1, pay_items=(payment(),) * 3, tax_items=(tax(), tax())))
    again = invoice(1, status="closed", invoice_items=(), pay_items=(payment(amount=5),), tax_items=())
    put(store, again)
    with store.reading() as book:
        assert book.invoice(sid(1)) == again
    assert found(store, "pay_items.amount eq 100") == found(store, "tax_items.type ne null") == []
    assert page(store).total == 1


operations = st.lists(st.tuples(st.integers(0, 5), st.sampled_from(STATUSES)), max_size=6)


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory):
    """A store that keeps what each example wrote, and what it should hold."""
    made = fresh_store(tmp_path_factory.mktemp("counted"), FixedClock(NOW))
    plant_family(made)
    yield made, {}
    made.close()


@settings(max_examples=50)
@given(st.lists(operations, min_size=1, max_size=3))
def test_totals_after_upserts_and_changes_of_status(counted: tuple[Store, dict], acts: list[list]) -> None:
    """Counters are what counting gives, whichever invoices an act writes, once or twice."""
    store, known = counted
    for act in acts:
        put(store, *(invoice(number, (CHILD, GRANDCHILD)[number % 2], status=status) for number, status in act))
        known.update(act)
    assert page(store).total == len(known)
    for status in STATUSES:
        expected = [number for number, now in known.items() if now == status]
        answer = page(store, filter=f"status eq {status}", limit=1000)
        assert answer.total == len(answer.rows) == len(expected)
        assert answer.total == page(store, filter=f"status eq {status} and amount ne 5").total
        mine = page(store, own(CHILD), filter=f"status in ({status}, {status}, x)")
        assert mine.total == len([number for number in expected if number % 2 == 0])
    assert page(store, filter="status in (open, closed)").total == len(found(store, "status in (open, closed)"))


def test_the_balance_is_the_negation_of_the_current_invoices(store: Store) -> None:
    def balance() -> str:
        with store.reading() as book:
            return json.loads(book.record(PARTNERS, EVERYTHING, CHILD).document)["balance"]

    assert balance() == "0"
    put(store, invoice(2, balance_forward=-450_000))
    assert balance() == "0.45"
    put(store, invoice(1, balance_forward=99 * MILLION))  # of an earlier period
    assert balance() == "0.45"
    put(store, invoice(3, balance_forward=5 * MILLION), invoice(2, balance_forward=7))
    assert balance() == "-5"
    put(store, invoice(3, balance_forward=0))
    assert balance() == "0"


@pytest.mark.parametrize("after", range(7))
def test_a2_an_exception_within_an_act_leaves_no_trace(store: Store, after: int) -> None:
    put(store, invoice(1))
    before = everything(store)

    def do(act: Writes) -> None:
        steps: list[Callable[[], object]] = [
            lambda: act.put_invoice(invoice(1, status="closed", balance_forward=1), "imported"),
            lambda: act.put_invoice(invoice(2), "computed"),
            lambda: act.add_partner(partner(1, 0xA0), "hash"),
            lambda: act.add_token(token(1), b"a", None),
            lambda: act.set_book("a", "b"),
            lambda: act.change_partner(partner(0xA1, name="Other")),
            act.finish,
        ]
        for step in steps[: after + 1]:
            step()
        raise Broken

    with pytest.raises(Broken), store.writing() as act:
        do(act)
    assert everything(store) == before
    put(store, invoice(2))
    assert page(store).total == 2


def test_a2_an_interrupted_act_leaves_no_trace(store: Store) -> None:
    before = everything(store)

    def interrupted() -> None:
        with store.writing() as act:
            act.put_invoice(invoice(1), "imported")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert everything(store) == before


def test_an_act_sees_what_it_wrote_and_others_do_not(store: Store) -> None:
    with store.writing() as act:
        act.put_invoice(invoice(1), "imported")
        assert act.now == NOW
        assert act.invoice(sid(1)) == invoice(1)
        assert page(store).rows == []
    assert sids(page(store)) == [sid(1)]


def test_a_sid_belongs_to_one_partner(store: Store) -> None:
    """Who writes it for another made a mistake, and is told so."""
    put(store, invoice(1, CHILD))
    before = everything(store)
    with pytest.raises(Refusal) as caught, store.writing() as act:
        act.put_invoice(invoice(1, GRANDCHILD), "imported")
    assert caught.value.problem is errors.CONFLICT
    assert everything(store) == before


def test_a11_acts_of_many_threads_are_one_after_another(store: Store) -> None:
    failed: list[BaseException] = []

    def work(worker: int) -> None:
        try:
            for number in range(10):
                put(store, invoice(worker * 100 + number), invoice(1_000, balance_forward=number))
                page(store, filter="status eq open")
        except BaseException as error:
            failed.append(error)

    workers = [threading.Thread(target=work, args=(worker,)) for worker in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert failed == []
    assert page(store).total == len(found(store, "")) == 81


BOUND = 10**16 - 1
USAGE = 10**15 - 1


def test_d11_integers_at_the_bounds(store: Store) -> None:
    greatest = invoice(
        1,
        CHILD,
        **dict.fromkeys(("amount", "amount_due", "amount_tax", "balance_forward", "balance_previous"), BOUND),
        invoice_items=(item(amount=BOUND, usage=USAGE), item(amount=-BOUND, usage=-USAGE)),
    )
    put(store, greatest, invoice(2, OPERATOR, amount=-BOUND, balance_forward=-BOUND))
    with store.reading() as book:
        assert book.invoice(sid(1)) == greatest
        partners = {each: json.loads(text) for each, text in book.partner_documents([CHILD, OPERATOR]).items()}
    assert [partners[each]["balance"] for each in (CHILD, OPERATOR)] == ["-9999999999.999999", "9999999999.999999"]
    assert found(store, "amount eq 9999999999.999999") == [sid(1)]
    assert found(store, "amount lt -9999999999.999998") == [sid(2)]
    assert found(store, "invoice_items.usage ge 999999999999999") == [sid(1)]
    assert found(store, "invoice_items.usage bit 999999999999999") == [sid(1)]
    assert sids(page(store, order="amount", after=sid(2))) == [sid(1)]
    assert page(store, offset=limits.OFFSET_MAX).rows == []


def test_a_thousand_choices_and_twenty_conditions_are_answered(store: Store) -> None:
    put(store, *(invoice(number, amount=number * MILLION) for number in range(3)))
    choices = ", ".join(str(number) for number in range(2, limits.FILTER_CHOICES_MAX + 2))
    assert found(store, f"amount in ({choices})") == [sid(2)]
    twenty = " and ".join(["invoice_items.type eq toll", "partner.attributes.county ne x"] * 10)
    assert len(found(store, twenty)) == 3


def test_partners_and_their_passwords(store: Store) -> None:
    with store.writing() as act:
        act.add_partner(partner(1, 0xA3, login="zoë"), "first")
        act.set_password(sid(1), "second")
        changed = partner(1, 0xA0, login="zoë", city="X", attributes={"a": "ü"}, available_scopes=("sms.read",))
        act.change_partner(changed)
    with store.reading() as book:
        assert book.login("zoë") == (sid(1), "second")
        assert book.login("Zoë") is None
        assert book.taken("login", "zoë")
        assert not book.taken("login", "x")
        assert book.taken("display_id", "CX00000001")
        assert book.depth(sid(1)) == 3
        kept = book.partner(EVERYTHING, sid(1))
    assert (kept.parent_sid, kept.city) == (GRANDCHILD, "X")  # its place in the tree does not change
    assert (kept.attributes, kept.available_scopes) == ({"a": "ü"}, ("sms.read",))


def test_e3_tokens_are_renewed_and_end(store: Store) -> None:
    with store.writing() as act:
        act.add_token(token(1), b"access", b"refresh")
        act.touch_tokens([Access(sid(1), NOW + 5, "192.0.2.1"), Access(sid(9), NOW, "x")])
    with store.reading() as book:
        grant = book.grant(b"access")
        assert grant is not None
        assert (grant.token_sid, grant.partner_sid, grant.date_last_accessed) == (sid(1), CHILD, NOW + 5)
        assert book.grant(b"other") is None
        renewed = book.token_by_refresh(b"refresh")
    assert renewed is not None
    with store.writing() as act:
        act.renew_token(renewed, b"access 2", b"refresh 2")
    with store.reading() as book:
        assert book.grant(b"access") is None
        assert book.token_by_refresh(b"refresh") is None
        assert book.grant(b"access 2") == grant
    with store.writing() as act:
        assert act.drop_token(sid(1))
        assert not act.drop_token(sid(1))
    assert page(store, resource=TOKENS).total == 0


def test_what_the_book_says_of_itself(store: Store) -> None:
    with store.writing() as act:
        act.set_book("currency", "EUR")
        act.set_book("currency", "USD")
    with store.reading() as book:
        assert book.settings() == {"currency": "USD", "date_last_act": str(NOW)}


def test_a_query_that_takes_too_long_is_stopped_and_the_next_is_answered(store: Store) -> None:
    put(store, *(invoice(number, invoice_items=(item(),) * 3) for number in range(400)))
    dear = " and ".join(["invoice_items.type ne x", "invoice_items.country_code ilike %s%"] * 10)
    store.read_deadline_seconds = 0.0
    for order, after in ((None, None), ("balance_forward", None), (None, sid(3))):
        with pytest.raises(Refusal) as caught:
            page(store, filter=dear, order=order, after=after)
        assert caught.value.problem is errors.QUERY_TOO_EXPENSIVE
        assert caught.value.retry_after
        assert "cheaper" in str(caught.value)
    put(store, *(invoice(number, status="closed") for number in range(400, 800)))  # writes have no such deadline
    store.read_deadline_seconds = 60.0  # time, not money; a cluster plans such a filter for two seconds
    assert page(store, filter=dear, limit=1000).total == 800
    with store.reading() as book:
        assert book.total(EVERYTHING, query(filter="status eq closed")) == 400


def test_ready_proves_both_ways_and_leaves_nothing(store: Store) -> None:
    before = everything(store)
    store.ready()
    assert everything(store) == before


def test_law_9_documents_are_the_rows(store: Store) -> None:
    """What is served is what the nouns make, for every invoice."""
    made: list[Invoice] = [invoice(number, status=status) for number, status in enumerate(STATUSES)]
    put(store, *made)
    with store.writing() as act:
        act.put_document(made[0])
    for shown, one in zip(records(page(store, order="invoice_sid")), made, strict=True):
        assert shown["status"] == one.status
        assert list(shown) == [field.name for field in INVOICES.fields]
