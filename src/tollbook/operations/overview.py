"""How billing stands, for a person to see: one partner's, and what billing runs leave alone."""

from typing import Any

import msgspec

from tollbook import errors, limits
from tollbook.billing import periods
from tollbook.billing.ledger import Billing, OpenInvoice
from tollbook.billing.model import Sight
from tollbook.clock import format_instant
from tollbook.errors import Flaw, Refusal
from tollbook.money import format_amount
from tollbook.operations.accounts import Terms, terms_of
from tollbook.store import Reads, Store
from tollbook.store.standing_rows import Withheld


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """How a partner is billed and how far that has come, as a script reads it."""

    partner_sid: str
    name: str
    status: str
    why_parked: str | None
    cycle: str
    date_begins: str
    date_anchor: str
    needs_approval: bool
    invoices_open: list[dict[str, Any]]
    number_next: int
    balance: str
    payment_type: str
    date_due: str | None
    usage_unrated: int
    usage_parked: int
    payments_waiting: str


def billing_of(book: Reads, partner_sid: str) -> Billing:
    """How a partner is billed; 404 for an unknown partner, 409 for one that is not billed."""
    partner = book.partner(Sight("all", ""), partner_sid)
    billing = book.billing(partner_sid)
    if billing is None:
        if partner.parent_sid is None:
            raise Refusal(errors.CONFLICT, Flaw(None, "the operator gets no invoices"))
        raise Refusal(errors.CONFLICT, Flaw(None, _START.format(partner.name, partner_sid)))
    return billing


_START = "{} is not billed; tollbook partner start-billing {} begins it"


def overview_of(store: Store, partner_sid: str) -> Overview:
    """How one partner is billed; 404 or 409 as `billing_of`."""
    with store.reading() as book:
        billing = billing_of(book, partner_sid)
        terms = terms_of(book)
        partner = book.partner(Sight("all", ""), partner_sid)
        pending = book.usage_pending(partner_sid)
        waiting = book.waiting_payments(partner_sid)
        invoices = [_open(book, billing, made_of, terms) for made_of in book.open_invoices(partner_sid)]
    return Overview(
        partner_sid=partner_sid,
        name=partner.name,
        status=billing.status,
        why_parked=billing.why_parked,
        cycle=billing.cycle,
        date_begins=format_instant(billing.begins),
        date_anchor=format_instant(billing.anchor),
        needs_approval=billing.needs_approval,
        invoices_open=invoices,
        number_next=billing.number_next,
        balance=format_amount(partner.balance),
        payment_type=billing.payment_type,
        date_due=None if billing.date_due is None else format_instant(billing.date_due),
        usage_unrated=pending.get("unrated", 0),
        usage_parked=pending.get("parked", 0),
        payments_waiting=format_amount(sum(payment.amount for payment in waiting)),
    )


def _open(book: Reads, billing: Billing, made_of: OpenInvoice, terms: Terms) -> dict[str, Any]:
    """An open invoice: what it comes to so far, and when it closes."""
    key = (billing.partner_sid, made_of.date_created, made_of.invoice_sid)
    invoice = book.invoice_at(key)
    return {
        "invoice_sid": made_of.invoice_sid,
        "display_id": made_of.display_id,
        "date_billing_period_start": format_instant(made_of.period.date_start),
        "date_billing_period_end": format_instant(made_of.period.date_end),
        "amount": format_amount(invoice.amount),
        "balance_forward": format_amount(invoice.balance_forward),
        "date_closes": format_instant(periods.closes_at(made_of.period, terms.close_delay_seconds)),
        "approved": book.is_approved(key) if billing.needs_approval else None,
    }


def withheld(book: Reads, now: int) -> list[Withheld]:
    """Open invoices that are due at an instant and that billing runs leave alone until a person lets them go.

    Of very many the first, by their partners' names.
    """
    return list(book.withheld(now - terms_of(book).close_delay_seconds * 1000, limits.ISSUED_SHOWN_MAX))


def why_withheld(each: Withheld) -> str:
    """Why a billing run leaves an invoice alone: its partner is `parked` or on `hold`, or it needs `approval`."""
    if each.status in ("parked", "parked_held"):
        return "parked"
    return "hold" if each.status == "held" else "approval"
