"""Balances, what is paid and since when, against a plain account where the oldest debt is paid first."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.making import invoice, item, partner, payment, tax

from tollbook.billing.balances import (
    ChargeRequest,
    amount_due,
    balance_forward,
    charged,
    credit_for,
    negatives,
    paid_flags,
    postpay_request,
    prepay_request,
    refuse_payment,
    refuse_refund,
    settling,
)
from tollbook.billing.deriving import totals_of
from tollbook.billing.model import Invoice

lines = st.lists(st.integers(-50, 100), max_size=3)
pays = st.lists(st.integers(-30, 120), max_size=2)
periods = st.lists(st.tuples(lines, lines, pays), max_size=8)


def account(given_periods) -> list[Invoice]:
    """Computed invoices of these item amounts, taxes and payments; the last one is open."""
    invoices: list[Invoice] = []
    for number, (amounts, taxes, paid) in enumerate(given_periods, 1):
        items = tuple(item(amount=amount) for amount in amounts)
        tax_items = tuple(tax(amount=amount) for amount in taxes)
        pay_items = tuple(payment(amount=amount) for amount in paid)
        totals = totals_of(items, tax_items, pay_items, invoices[-1].balance_forward if invoices else 0)
        figures = {name: getattr(totals, name) for name in totals.__struct_fields__}
        status = "open" if number == len(given_periods) else "closed"
        arrays: dict[str, Any] = {"invoice_items": items, "tax_items": tax_items, "pay_items": pay_items}
        invoices.append(invoice(number, status=status, **arrays, **figures))
    return invoices


@given(periods)
def test_law_7_the_oldest_debt_is_paid_first(given_periods) -> None:
    """Charges up to an invoice are covered by all payments and credits there ever were."""
    flags = paid_flags(account(given_periods))
    means = sum(
        sum(paid) + sum(-line for line in [*amounts, *taxes] if line < 0) for amounts, taxes, paid in given_periods
    )
    charges = 0
    for flag, (amounts, taxes, _) in zip(flags[:-1], given_periods, strict=False):
        charges += sum(line for line in [*amounts, *taxes] if line > 0)
        assert flag == (charges <= means)
    assert not any(flags[-1:])


def test_a_refund_reopens_what_a_payment_had_paid() -> None:
    assert paid_flags(account([([10], [], []), ([], [], [10]), ([], [], [])])) == [True, True, False]
    assert paid_flags(account([([10], [], []), ([], [], [10, -1]), ([], [], [])])) == [False, False, False]
    assert paid_flags([]) == []


def test_a_credit_with_its_tax_pays_like_a_payment() -> None:
    assert paid_flags(account([([10], [2], []), ([5, -10], [-2], []), ([], [], [])])) == [True, False, False]


def test_a_voided_invoice_is_settled_by_its_negatives() -> None:
    closed = account([([10, -3], [2], []), ([], [], [])])[0]
    items, taxes = negatives(closed)
    assert [line.amount for line in items] == [-10, 3]
    assert {(line.type, line.usage) for line in items} == {("credit", 0)}
    assert [(line.direction, line.country_code) for line in items] == [("inbound", "USA")] * 2
    assert [line.amount for line in taxes] == [-2]
    assert sum(line.amount for line in (*items,)) + closed.amount == 0
    with pytest.raises(ValueError, match="expected a closed invoice, not one that is open"):
        negatives(account([([10], [], [])])[0])


def test_zero_stays_zero_when_negated() -> None:
    zero = account([([0], [0], []), ([], [], [])])[0]
    assert [line.amount for line in negatives(zero)[0]] == [0]


def test_date_charged_is_when_it_last_became_paid() -> None:
    assert [charged(None, True, 7), charged(5, True, 7), charged(5, False, 7)] == [7, 5, None]


def test_balances() -> None:
    assert balance_forward(5, 3, 2, [payment(amount=4), payment(amount=-1)]) == 7
    assert (amount_due(7), amount_due(0), amount_due(-7)) == (7, 0, 0)
    assert settling(account([([5, -3], [1, -2], [7])])[0]) == 12
    assert credit_for(item(), -9).amount == -9


@pytest.mark.parametrize(
    ("amount", "type_", "said"),
    [
        (10_000, "visa", None), (-10_000, "wire", None), (10_000, "credit", None),
        (0, "visa", "expected an amount other than 0"),
        (10_001, "visa", "expected whole minor units of the currency, at most 2 decimals"),
        (10_000, "bitcoin", "expected one of american_express, check,"),
    ],
)  # fmt: skip
def test_payments_that_cannot_be_recorded_say_why(amount, type_, said) -> None:
    found = refuse_payment(amount, type_)
    assert found is None if said is None else found is not None and found.startswith(said)


def test_refunds_never_exceed_what_was_paid() -> None:
    assert refuse_refund(-10, 10, 0) is None
    assert refuse_refund(-6, 10, 4) is None
    assert refuse_refund(10, 10, 0) == "expected a negative amount"
    assert refuse_refund(-7_000_000, 10_000_000, 4_000_000) == "expected at most the 6 that is left of the payment"


def test_prepay_is_charged_once_below_its_mark() -> None:
    terms: dict[str, Any] = {"payment_type": "prepay", "charge_at": 20, "prepay_amount": 100}
    account_ = partner(1, **terms)
    assert prepay_request(account_, 19, False) == ChargeRequest(100, "prepay_below")
    assert prepay_request(account_, 20, False) is None
    assert prepay_request(account_, 19, True) is None
    lacking: tuple[dict[str, Any], ...] = (
        {"payment_type": "postpay"}, {"charge_at": None}, {"prepay_amount": None}, {"prepay_amount": 0},
    )  # fmt: skip
    for missing in lacking:
        assert prepay_request(partner(1, **{**terms, **missing}), 0, False) is None


def test_postpay_is_charged_what_is_due_at_close() -> None:
    closed = invoice(1, amount_due=700_000, date_charge_expected=9)
    assert postpay_request(partner(1), closed) == ChargeRequest(700_000, "postpay_due", 9)
    assert postpay_request(partner(1), invoice(1, amount_due=0)) is None
    assert postpay_request(partner(1, payment_type="prepay"), closed) is None
