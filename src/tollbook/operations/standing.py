"""A partner's standing: its billing begun, held, freed; its invoices let go by a person.

Partners that are made here are billed from the day of their making. Those that an import made, and the operator, are
not, until somebody says so (billing rules 3).
"""

from collections.abc import Iterable
from datetime import date
from typing import Any

from msgspec.structs import replace

from tollbook import errors, limits
from tollbook.billing.chain import NOTHING, JournalEntry, imported_digest, journal_hash
from tollbook.billing.ledger import Billing
from tollbook.billing.model import Sight
from tollbook.billing.periods import CycleName, day_of, midnight
from tollbook.billing.states import BillingMove, IllegalMove, InvoiceMove
from tollbook.clock import DAY_MS
from tollbook.errors import Flaw, Refusal, no_item
from tollbook.operations.accounts import Account, account_of, terms_of
from tollbook.query.records import decode_json
from tollbook.store import Store, Writes

_DAY_SECOND_MS = 1_000


def begin_billing(
    act: Writes,
    partner_sid: str,
    who: str,
    *,
    begins: date | None = None,
    cycle: CycleName = "monthly",
    anchor: date | None = None,
    needs_approval: bool = False,
) -> Billing:
    """Bill a partner from a day on (today unless given), which must not lie before the end of its imported invoices.

    Its first computed invoice takes the last imported one's balance and the number after it. 409 where it is billed
    already, or is the operator.
    """
    if partner_sid == act.operator_sid():
        raise Refusal(errors.CONFLICT, Flaw("partner_sid", "the operator gets no invoices"))
    if act.billing(partner_sid) is not None:
        raise Refusal(errors.CONFLICT, Flaw("partner_sid", "the partner is billed already"))
    _refuse_ancient(act, begins, "from")
    _refuse_ancient(act, anchor, "anchor")
    predecessor = act.predecessor(partner_sid)
    first = day_of(predecessor.date_billing_period_end + _DAY_SECOND_MS) if predecessor else None
    begins = begins or first or day_of(act.now)
    if first and begins < first:
        raise Refusal(errors.OBJECT_INVALID, Flaw("from", f"the partner's imported invoices end on {first}"))
    billing = Billing(
        partner_sid=partner_sid,
        status="billed",
        cycle=cycle,
        begins=midnight(begins),
        anchor=midnight(anchor or begins),
        first_open=midnight(begins),
        needs_approval=needs_approval,
        number_next=number_after(act.imported_numbers(partner_sid)),
        balance_closed=predecessor.balance_forward if predecessor else 0,
        settled=0,
        settling=0,
        date_last_created=predecessor.date_created if predecessor else None,
        current_created=None,
        current_sid=None,
        invoice_hash=imported_digest(_imported(act, partner_sid)) if predecessor else NOTHING,
        journal_hash=NOTHING,
        journal_entries=0,
        charge_requested=False,
        spent_day=0,
        spent_units=0,
        why_parked=None,
        date_due=min(act.now, midnight(begins)),
    )
    entry = JournalEntry(
        partner_sid=partner_sid, position=1, invoice_sid=None, move="start_billing", date=act.now, who=who
    )
    hash_ = journal_hash(entry, billing.journal_hash)
    act.add_journal(entry, hash_)
    billing = replace(billing, journal_entries=1, journal_hash=hash_)
    act.put_billing(billing)
    return billing


def _refuse_ancient(act: Writes, day: date | None, field: str) -> None:
    """Billing that began before the oldest usage that is taken would open invoices that stay empty for ever."""
    days = terms_of(act).age_days_max
    if day is not None and midnight(day) < act.now - days * DAY_MS:
        raise Refusal(errors.OBJECT_INVALID, Flaw(field, f"is older than {days} days (the book's usage_age_days_max)"))


def number_after(numbers: Iterable[str]) -> int:
    """The running number after those of imported invoices; what is no number there, or too long, is passed over."""
    digits = [text for text in numbers if text.isascii() and text.isdigit()]
    return max((int(text) for text in digits if len(text) <= limits.INVOICE_NUMBER_DIGITS_MAX), default=0) + 1


def _imported(act: Writes, partner_sid: str) -> Iterable[dict[str, Any]]:
    for document in act.invoice_documents(partner_sid):
        yield decode_json(document)


def start_billing(store: Store, partner_sid: str, who: str, **terms: Any) -> Billing:
    """As `begin_billing`, in an act of its own; its first invoice is there at once. 404 for an unknown partner."""
    with store.writing() as act:
        act.partner(Sight("all", ""), partner_sid)
        begin_billing(act, partner_sid, who, **terms)
        account = _account(act, partner_sid)
        account.save()
    return account.billing


def change_standing(store: Store, partner_sid: str, move: BillingMove, who: str, why: str | None = None) -> Billing:
    """Hold a partner's invoices open, or release them; 409 where the table of moves has no such move."""
    with store.writing() as act:
        account = _account(act, partner_sid)
        try:
            account.move_billing(move, who, why)
        except IllegalMove as illegal:
            raise Refusal(errors.CONFLICT, Flaw("partner_sid", str(illegal))) from None
        account.save_standing()
    return account.billing


def look_at_marks(act: Writes, partner_sid: str) -> None:
    """Tell what a partner's balance says of the marks that it has now; nothing where it is not billed, or parked."""
    account = account_of(act, partner_sid, terms_of(act))
    if account is not None and not account.billing.is_parked:
        account.save()


def need_approval(store: Store, partner_sid: str, *, needed: bool) -> Billing:
    """Whether a partner's invoices wait for a person before they are closed and issued."""
    with store.writing() as act:
        account = _account(act, partner_sid)
        account.billing = replace(account.billing, needs_approval=needed)
        account.save_standing()
    return account.billing


def approve(store: Store, invoice_sid: str, who: str, *, approved: bool = True) -> None:
    """Let an open invoice go, or take that back; 404 for no invoice, 409 for one that is not open, or imported."""
    move: InvoiceMove = "approve" if approved else "withdraw"
    with store.writing() as act:
        known = act.standing(invoice_sid)
        if known is None:
            raise no_item()
        if known.origin == "imported":
            raise Refusal(errors.CONFLICT, Flaw("invoice_sid", "an imported invoice is read only", invoice_sid))
        account = _account(act, known.partner_sid)
        invoice = act.invoice(invoice_sid)  # as it is while nobody else changes the account
        try:
            account.move(move, invoice_sid, invoice.status, who)
        except IllegalMove as illegal:
            raise Refusal(errors.CONFLICT, Flaw("invoice_sid", str(illegal))) from None
        act.set_approved((invoice.partner_sid, invoice.date_created, invoice_sid), approved=approved)
        account.save_standing()


def _account(act: Writes, partner_sid: str) -> Account:
    account = account_of(act, partner_sid, terms_of(act))
    if account is None:
        act.partner(Sight("all", ""), partner_sid)
        raise Refusal(errors.CONFLICT, Flaw("partner_sid", "the partner is not billed; its billing has to be started"))
    return account
