"""The laws hold of a lawful book of any size, and each broken one is told."""

import copy
from datetime import date
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.making import CHILD, invoice, item, payment, tax

from tollbook.billing.balances import paid_flags
from tollbook.billing.chain import NOTHING, JournalEntry, imported_digest, invoice_hash, journal_hash
from tollbook.billing.deriving import ItemKey, ItemSum, items_of, summed, totals_of
from tollbook.billing.laws import (
    Broken,
    balances_law,
    chain_law,
    items_law,
    journal_chain_law,
    moves_law,
    numbers_law,
    paid_law,
    periods_law,
    references_law,
    taxes_law,
    usage_law,
)
from tollbook.billing.model import Invoice
from tollbook.billing.periods import Cycle, Period, midnight, period_around, period_before, periods_from
from tollbook.query.fields import INVOICES
from tollbook.query.records import wire_record

CYCLE = Cycle("monthly", date(2024, 8, 31))
Sums = dict[ItemKey, ItemSum]


def wire(shown: Invoice) -> dict[str, Any]:
    return wire_record(INVOICES.fields, lambda name: getattr(shown, name))


def lawful(usage: list[list[tuple[str, int, int]]], pays: list[int]) -> list[tuple[Invoice, Sums]]:
    """A partner's computed invoices, the last one open, of (type, rate, seconds) a period and a payment on each."""
    book: list[tuple[Invoice, Sums]] = []
    for number, (calls, paid, period) in enumerate(
        zip(usage, pays, periods_from(CYCLE, CYCLE.begins), strict=False), 1
    ):
        key_of = {type_: ItemKey(type_, "outbound", "USA", period) for type_, _, _ in calls}
        sums = summed((key_of[type_], ItemSum(rate * seconds, seconds, 1)) for type_, rate, seconds in calls)
        items, taxes, pay_items = items_of(sums), (tax(amount=10_000),), (payment(amount=paid),)
        totals = totals_of(items, taxes, pay_items, book[-1][0].balance_forward if book else 0)
        made = invoice(
            number, amount=totals.amount, amount_tax=totals.amount_tax, amount_due=totals.amount_due,
            balance_forward=totals.balance_forward, balance_previous=totals.balance_previous,
            date_billing_period_start=period.date_start, date_billing_period_end=period.date_end,
            date_created=period.date_start - 1_800_000, invoice_items=items, tax_items=taxes, pay_items=pay_items,
            status="open" if number == len(usage) else "closed",
        )  # fmt: skip
        book.append((made, sums))
    flags = paid_flags([made for made, _ in book])
    return [
        (replace(made, paid=flag, date_charged=made.date_created if flag else None), sums)
        for (made, sums), flag in zip(book, flags, strict=True)
    ]


calls = st.tuples(st.sampled_from(["toll", "sms"]), st.integers(0, 10**10), st.integers(0, 10**5))
books = st.lists(st.lists(calls, max_size=4), min_size=1, max_size=6).flatmap(
    lambda usage: st.builds(
        lawful,
        st.just(usage),
        st.lists(st.integers(-3_000, 3_000).map(lambda cents: cents * 10_000), min_size=len(usage)),
    )
)


def findings(book: list[tuple[Invoice, Sums]]) -> list[Broken]:
    """Every law of values that one partner's book can break."""
    invoices = [made for made, _ in book]
    found = [broken for made, sums in book for broken in (*items_law(made, sums), *taxes_law(made))]
    for number, made in enumerate(invoices):
        found += balances_law(made, invoices[number - 1].balance_forward if number else 0)
    billed = sum(total.usage for _, sums in book for total in sums.values())
    return [
        *found, *periods_law(invoices), *usage_law(invoices, billed), *numbers_law(invoices), *paid_law(invoices),
    ]  # fmt: skip


@given(books)
def test_a_lawful_book_breaks_no_law(book) -> None:
    assert findings(book) == []


USUAL = lawful([[("toll", 2_500_000, 8_880)], [("sms", 3_000_000_000, 61)], []], [0, 400_000, 0])
BREAKS: list[tuple[int, int, dict[str, Any]]] = [
    (1, 0, {"amount": 380_000}),
    (1, 0, {"invoice_items": ()}),
    (1, 0, {"invoice_items": (replace(USUAL[0][0].invoice_items[0], usage=-1),)}),
    (2, 0, {"amount_tax": 0}),
    (2, 0, {"tax_items": ()}),
    (3, 0, {"balance_forward": 1}),
    (3, 0, {"amount_due": 0}),
    (3, 1, {"balance_previous": 0}),
    (3, 1, {"pay_items": ()}),
    (4, 1, {"date_billing_period_start": USUAL[1][0].date_billing_period_start + 1}),
    (4, 1, {"date_billing_period_end": USUAL[1][0].date_billing_period_end + 86_400_000}),
    (4, 1, {"date_created": USUAL[0][0].date_created}),
    (4, 0, {"status": "open"}),
    (5, 0, {"invoice_items": (replace(USUAL[0][0].invoice_items[0], usage=8_881),)}),
    (6, 1, {"display_id": "003"}),
    (6, 1, {"display_id": "2"}),
    (7, 0, {"paid": False, "date_charged": None}),
    (7, 1, {"paid": True, "date_charged": 5}),
    (7, 0, {"date_charged": None}),
]


@pytest.mark.parametrize(("law", "number", "changes"), BREAKS)
def test_each_break_is_told(law: int, number: int, changes: dict[str, Any]) -> None:
    book = list(USUAL)
    book[number] = (replace(book[number][0], **changes), book[number][1])
    assert law in {broken.law for broken in findings(book)}


def test_the_usual_book_is_lawful_and_its_first_invoice_is_paid() -> None:
    assert findings(USUAL) == []
    assert [made.paid for made, _ in USUAL] == [True, False, False]


def test_law_1_lets_an_adjustment_have_negative_usage() -> None:
    period = Period(date(2025, 1, 1), date(2025, 2, 1))
    sums = {ItemKey("adjustment", None, None, period): ItemSum(-60_000_000_000, -60, 1)}
    made = invoice(1, amount=-1_000_000, invoice_items=items_of(sums))
    assert items_law(made, sums) == []
    assert items_law(made, {}) == [Broken(1, made.invoice_sid, "its items are not what its events add up to")]
    credit = item(type="credit", amount=-370_000, usage=0)
    assert items_law(replace(made, amount=-1_370_000, invoice_items=items_of(sums, [credit])), sums, [credit]) == []


def test_law_3_says_what_it_expected() -> None:
    made = invoice(1, balance_forward=10_000, amount_due=10_000)
    assert [broken.words for broken in balances_law(made)] == ["balance_forward is 0.01, expected 0.69"]


def test_law_5_counts_neither_numbers_nor_credits_and_takes_off_what_is_pending() -> None:
    shown = invoice(1, invoice_items=(item(usage=60), item(type="did", usage=5), item(type="adjustment", usage=-10)))
    assert usage_law([shown], 80, 30) == []
    assert usage_law([shown], 80)[0].words == (
        "the items show 50 of usage, the events 80, of which 0 are pending"
    )  # fmt: skip


def chained() -> list[tuple[dict[str, Any], bytes]]:
    links, previous = [], imported_digest([])
    for made, _ in USUAL[:2]:
        record = wire(made)
        previous = invoice_hash(record, previous)
        links.append((record, previous))
    return links


def test_law_6_the_chain_tells_each_break_once() -> None:
    assert chain_law(chained(), NOTHING) == []
    changed = copy.deepcopy(chained())
    changed[0][0]["amount"] = "9"
    assert [broken.invoice_sid for broken in chain_law(changed, NOTHING)] == [USUAL[0][0].invoice_sid]
    free = copy.deepcopy(chained())
    free[0][0].update(status="void", paid=False, date_charged=None)
    assert chain_law(free, NOTHING) == []
    assert len(chain_law(chained()[1:], NOTHING)) == len(chain_law(chained()[::-1], NOTHING)) - 1 == 1


def entry(position: int, move: str, sid: str | None = "i") -> JournalEntry:
    return JournalEntry(partner_sid=CHILD, position=position, invoice_sid=sid, move=move, date=position, who="test")


def journal(*moves: tuple[str, str | None]) -> list[JournalEntry]:
    return [entry(position, move, sid) for position, (move, sid) in enumerate(moves, 1)]


def test_law_6_the_journal_is_chained_likewise() -> None:
    links, previous = [], NOTHING
    for each in journal(("start_billing", None), ("open", "i"), ("close", "i")):
        previous = journal_hash(each, previous)
        links.append((each, previous))
    assert journal_chain_law(links, NOTHING) == []
    changed = [links[0], (replace(links[1][0], who="eve"), links[1][1]), links[2]]
    assert [broken.words for broken in journal_chain_law(changed, NOTHING)] == [
        "journal entry 2 was changed: the hash differs"
    ]
    assert journal_chain_law(links[1:], NOTHING)[0].words == "journal entry 1 has the position 2"


def test_law_7_a_payments_reference_counts_once() -> None:
    assert references_law([("visa", "1"), ("visa", "2"), ("wire", "1")]) == []
    assert references_law([("visa", "1")] * 2) == [Broken(7, None, "the payment 1 of visa counts 2 times")]


def test_law_8_only_legal_moves_are_in_the_journal() -> None:
    legal = journal(
        ("start_billing", None), ("open", "i"), ("open", "j"), ("approve", "i"), ("close", "i"), ("park", None),
        ("unpark", None), ("settle", "i"), ("void", "i"),
    )  # fmt: skip
    assert moves_law(legal) == []
    illegal = journal(("open", "i"), ("void", "i"), ("close", "i"), ("open", "i"), ("dance", None))
    assert [broken.words for broken in moves_law(illegal)] == [
        "journal entry 2: void while open",
        "journal entry 4: open while closed",
        "journal entry 5: dance while None",
    ]


def test_periods_of_a_lawful_book_are_the_cycles() -> None:
    for (former, _), (latter, _) in pairwise(USUAL):
        period = period_around(CYCLE, latter.date_billing_period_start)
        before = period_before(CYCLE, period)
        assert before is not None
        assert midnight(before.start) == former.date_billing_period_start
