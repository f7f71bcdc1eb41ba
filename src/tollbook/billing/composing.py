"""Composing: an open invoice's sums, lines and payments become the invoice that is served; closing freezes it.

Every figure follows from what the invoice is made of and from its predecessor's balance (billing rules 3).
"""

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from tollbook.billing.balances import settling
from tollbook.billing.deriving import items_of, totals_of
from tollbook.billing.laws import Broken, amount_law, balances_law, periods_law, taxes_law
from tollbook.billing.ledger import FixedLine, OpenInvoice, Payment
from tollbook.billing.model import Invoice, InvoiceItem, PayItem, TaxItem
from tollbook.money import format_amount, item_amount


def compose(partner_sid: str, made_of: OpenInvoice, balance_previous: int, minor_decimals: int = 2) -> Invoice:
    """The open invoice of its parts, as it is served."""
    items = items_of(made_of.sums, credit_items(made_of.lines), minor_decimals)
    taxes = tax_items(made_of.lines)
    pays = pay_items(made_of.payments)
    totals = totals_of(items, taxes, pays, balance_previous)
    return Invoice(
        amount=totals.amount,
        amount_due=totals.amount_due,
        amount_tax=totals.amount_tax,
        balance_forward=totals.balance_forward,
        balance_previous=totals.balance_previous,
        date_billing_period_end=made_of.period.date_end,
        date_billing_period_start=made_of.period.date_start,
        date_charge_expected=made_of.period.date_end,
        date_charged=None,
        date_created=made_of.date_created,
        date_issued=None,
        display_id=made_of.display_id,
        invoice_items=items,
        invoice_sid=made_of.invoice_sid,
        paid=False,
        partner_sid=partner_sid,
        pay_items=pays,
        status="open",
        tax_items=taxes,
    )


def credit_items(lines: Iterable[FixedLine]) -> tuple[InvoiceItem, ...]:
    """The fixed lines that are items. They carry no usage: what was used stays used."""
    return tuple(
        InvoiceItem(
            amount=line.amount,
            country_code=line.country_code,
            date_billing_period_end=line.date_billing_period_end or 0,
            date_billing_period_start=line.date_billing_period_start or 0,
            direction=line.direction,
            type=line.type,
            usage=0,
        )
        for line in lines
        if not line.is_tax
    )


def tax_items(lines: Iterable[FixedLine]) -> tuple[TaxItem, ...]:
    """The fixed lines that are taxes."""
    return tuple(
        TaxItem(amount=line.amount, jurisdiction=line.jurisdiction or "", type=line.type)
        for line in lines
        if line.is_tax
    )


def pay_items(payments: Iterable[Payment]) -> tuple[PayItem, ...]:
    """The pay items of payments, in the order in which they were recorded."""
    return tuple(
        PayItem(amount=payment.amount, date_created=payment.date_created, type=payment.type) for payment in payments
    )


def close(invoice: Invoice, now: int) -> Invoice:
    """The invoice closed and issued at an instant; whether it is paid is decided by who knows the others."""
    return replace(invoice, status="closed", date_issued=now)


def paid_from(closed: Invoice, settled_before: int) -> int:
    """The sum of all settlements at which a closed invoice is paid.

    `settled_before` is what all invoices before it settle. It is paid when its `balance_forward` is at most what later
    ones settle, which is all less what it and those before it do; so one number decides, whatever comes later.
    """
    return closed.balance_forward + settled_before + settling(closed)


def broken_laws(
    invoices: Sequence[Invoice], made_of: Sequence[OpenInvoice], balance_closed: int, minor_decimals: int = 2
) -> list[Broken]:
    """Which laws a partner's open invoices break, before they are written: laws 1 to 4, and an item's bound.

    That items are what their sums give needs no second look here: they were made of them a moment ago.
    """
    found = periods_law(invoices)
    previous = balance_closed
    for invoice, parts in zip(invoices, made_of, strict=True):
        found += amount_law(invoice)
        found += taxes_law(invoice)
        found += balances_law(invoice, previous)
        found += _beyond(invoice, parts, minor_decimals)
        previous = invoice.balance_forward
    return found


def _beyond(invoice: Invoice, parts: OpenInvoice, minor_decimals: int) -> list[Broken]:
    return [
        Broken(
            1, invoice.invoice_sid, f"an item {key.type} of {_amount(total.units, minor_decimals)} is beyond any bound"
        )
        for key, total in parts.sums.items()
        if total.parks
    ]


def _amount(units: int, minor_decimals: int) -> str:
    return format_amount(item_amount(units, minor_decimals))
