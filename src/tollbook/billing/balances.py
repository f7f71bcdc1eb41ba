"""Balances, what is paid and since when, charges to ask for, and the exact negatives of a voided invoice.

Amounts are millionths, instants milliseconds. The oldest debt is paid first, which is a sum over later invoices and
no matching of payments (billing rules 3). Which invoices there are, and writing them, is not decided here.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Literal, Protocol

import msgspec

from tollbook.billing.model import Invoice, InvoiceItem, PayItem, TaxItem
from tollbook.money import MILLIONTHS, exact_amount, format_amount, is_whole_minor

PAY_TYPES = (
    "american_express", "check", "diners_club", "discover_card", "electronic_check", "international_maestro", "jcb",
    "master_card", "visa", "wire", "credit",
)  # fmt: skip
"""The documented billing methods, and `credit` for goodwill, transfer and write-off."""


def balance_forward(balance_previous: int, amount: int, amount_tax: int, pays: Iterable[PayItem]) -> int:
    """What the next invoice starts from; negative is credit.

    >>> balance_forward(5_000_000, 380_000, 320_000, [PayItem(amount=6_000_000, date_created=0, type="wire")])
    -300000
    """
    return balance_previous + amount + amount_tax - sum(pay.amount for pay in pays)


def amount_due(forward: int) -> int:
    """What is to be paid: `balance_forward`, never below 0; frozen at close."""
    return max(0, forward)


def settling(invoice: Invoice) -> int:
    """What an invoice contributes to the debt of those before it: its payments less its negative lines.

    Refunds are negative payments; a credit, with its tax, is a negative line.
    """
    items = sum(item.amount for item in invoice.invoice_items if item.amount < 0)
    taxes = sum(tax.amount for tax in invoice.tax_items if tax.amount < 0)
    return sum(pay.amount for pay in invoice.pay_items) - items - taxes


def paid_flags(invoices: Sequence[Invoice]) -> list[bool]:
    """Whether each of a partner's invoices, oldest first, is paid: False while open.

    A closed one is paid when its `balance_forward` is at most what later invoices settle.
    """
    flags, settled = [], 0
    for invoice in reversed(invoices):
        flags.append(invoice.status != "open" and invoice.balance_forward <= settled)
        settled += settling(invoice)
    return flags[::-1]


def charged(before: int | None, paid: bool, now: int) -> int | None:
    """`date_charged` after a change at `now`: kept while paid, set when it becomes so, null when it is reopened."""
    if not paid:
        return None
    return now if before is None else before


def refuse_payment(amount: int, type_: str, minor_decimals: int = 2) -> str | None:
    """Why a payment cannot be recorded; None if it can. Refunds are negative; nothing pays nothing."""
    if not amount:
        return "expected an amount other than 0"
    if not is_whole_minor(amount, minor_decimals):
        return f"expected whole minor units of the currency, at most {minor_decimals} decimals"
    if type_ not in PAY_TYPES:
        return f"expected one of {', '.join(PAY_TYPES)}"
    return None


def refuse_refund(refund: int, payment: int, refunded: int) -> str | None:
    """Why a refund (negative) of a payment cannot be recorded, `refunded` of it being back already; None if it can."""
    if refund >= 0:
        return "expected a negative amount"
    if payment - refunded + refund < 0:
        return f"expected at most the {format_amount(payment - refunded)} that is left of the payment"
    return None


class Payer(Protocol):
    """What is asked of who pays: a partner, or its billing."""

    @property
    def payment_type(self) -> str:
        """`prepay` or `postpay`."""

    @property
    def charge_at(self) -> int | None:
        """The balance below which a prepay account is charged."""

    @property
    def prepay_amount(self) -> int | None:
        """What a prepay account is charged."""


class ChargeRequest(msgspec.Struct, frozen=True):
    """A charge to ask for: how much, why, and not before when (None: at once)."""

    amount: int
    reason: Literal["prepay_below", "postpay_due"]
    not_before: int | None = None


def prepay_request(payer: Payer, balance: int, requested: bool) -> ChargeRequest | None:
    """What a prepay account is charged now: once, when its balance is below `charge_at`, until a payment answers."""
    if payer.payment_type != "prepay" or payer.charge_at is None or not payer.prepay_amount or requested:
        return None
    return ChargeRequest(payer.prepay_amount, "prepay_below") if balance < payer.charge_at else None


def postpay_request(payer: Payer, closed: Invoice) -> ChargeRequest | None:
    """What a postpay account is charged for an invoice that was just closed; nothing if nothing is due."""
    if payer.payment_type != "postpay" or not closed.amount_due:
        return None
    return ChargeRequest(closed.amount_due, "postpay_due", closed.date_charge_expected)


def credit_for(item: InvoiceItem, amount: int) -> InvoiceItem:
    """A `credit` line of an amount (millionths) for an item of a closed invoice, with its place and period.

    It carries no usage: what was used stays used, and law 5 counts it where it was billed.
    """
    return msgspec.structs.replace(item, type="credit", amount=amount, usage=0)


def negatives(closed: Invoice) -> tuple[tuple[InvoiceItem, ...], tuple[TaxItem, ...]]:
    """What voiding a closed invoice puts on the current one: a credit for each item and a negative of each tax.

    ValueError unless the invoice is closed.
    """
    if closed.status != "closed":
        raise ValueError(f"expected a closed invoice, not one that is {closed.status}")
    items = tuple(credit_for(item, 0 - item.amount) for item in closed.invoice_items)
    taxes = tuple(msgspec.structs.replace(tax, amount=0 - tax.amount) for tax in closed.tax_items)
    return items, taxes


def credited_taxes(
    closed: Invoice, before: Iterable[TaxItem], credited: int, credit: int, minor_decimals: int = 2
) -> tuple[TaxItem, ...]:
    """The negative taxes of a credit: for each tax, what the base left before it bore less what is left bears.

    `credited` (positive) is what was credited before, `before` the negative taxes of that. Each tax is taken in
    proportion to what is left of the invoice's amount, rounded once, half up: crediting the whole returns exactly
    what was charged.
    """
    taken = Counter[tuple[str, str]]()
    for tax in before:
        taken[tax.jurisdiction, tax.type] += tax.amount
    made = []
    for tax in closed.tax_items:
        left = Fraction(closed.amount - credited - credit, closed.amount or 1)
        stays = exact_amount(left * tax.amount / MILLIONTHS, minor_decimals)
        change = stays - (tax.amount + taken.pop((tax.jurisdiction, tax.type), 0))
        if change:
            made.append(msgspec.structs.replace(tax, amount=change))
    return tuple(made)
