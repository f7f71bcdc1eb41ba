"""Adjustments: credit notes for closed invoices, goodwill, transfers and write-offs, and the voiding of an invoice.

A closed invoice never changes: a credit note is a negative `credit` item, with its tax, on the current invoice, and
names the closed one; goodwill, a transfer or a write-off is a pay item of type `credit`. Voiding puts the exact
negatives of every line on the current invoice (billing rules 3).
"""

import uuid
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from tollbook import errors
from tollbook.billing import balances
from tollbook.billing.composing import credit_items, tax_items
from tollbook.billing.deriving import ItemKey, ItemSum, items_of
from tollbook.billing.ledger import FixedLine, Payment
from tollbook.billing.model import Caller, Invoice, InvoiceItem, TaxItem
from tollbook.errors import Flaw, Refusal, no_item
from tollbook.money import format_amount, is_whole_minor
from tollbook.operations.accounts import Account, terms_of
from tollbook.operations.payments import billed_account, save
from tollbook.operations.wishes import Wish, one_of, read_sum
from tollbook.query.records import read_sid, read_text
from tollbook.store import Writes
from tollbook.store.invoice_rows import key_of

KINDS = ("credit_note", "goodwill", "transfer", "write_off")
KNOWN = ("amount", "invoice_sid", "item", "kind", "partner_sid", "reason")
"""The attributes of an adjustment's body; `item` is the place of the invoice's item that is credited, from 0."""


class Adjustment(msgspec.Struct, frozen=True, kw_only=True):
    """What was adjusted: how much (positive, millionths), which closed invoice it corrects, and where it stands."""

    adjustment_sid: str
    amount: int
    corrects_sid: str | None
    date_created: int
    invoice_sid: str | None
    kind: str
    partner_sid: str
    reason: str


def adjust(act: Writes, caller: Caller, body: Mapping[str, Any]) -> Adjustment:
    """Record an adjustment in favour of the caller or a partner beneath it.

    `amount` is positive. A credit note names a closed invoice and at most what is left of it; its tax goes with it.
    422 names every wrong attribute; 404 for what is out of sight.
    """
    wish = Wish(body, KNOWN)
    kind = wish.needed("kind", one_of(*KINDS), "")
    amount = wish.needed("amount", read_sum, 1)
    reason = wish.needed("reason", read_text, "")
    invoice_sid = wish.optional("invoice_sid", read_sid, None)
    if kind == "credit_note" and invoice_sid is None:
        wish.refuse("invoice_sid", "is required: a credit note names the closed invoice that it corrects")
    terms = terms_of(act)
    if amount <= 0 or not is_whole_minor(amount, terms.minor_decimals):
        wish.refuse("amount", "expected a positive amount of whole minor units of the currency")
    partner_sid = wish.optional("partner_sid", read_sid, None)
    item = wish.optional("item", _place, None)
    wish.finish()
    corrected = None if invoice_sid is None else closed_invoice(act, caller, invoice_sid)
    owner = corrected.partner_sid if corrected else partner_sid or caller.partner_sid
    if partner_sid not in (None, owner):
        raise Refusal(errors.OBJECT_INVALID, Flaw("partner_sid", "the invoice is another partner's"))
    asked = Adjustment(
        adjustment_sid=str(uuid.uuid4()),
        amount=amount,
        corrects_sid=invoice_sid,
        date_created=act.now,
        invoice_sid=None,
        kind=kind,
        partner_sid=owner,
        reason=reason,
    )
    if kind == "credit_note" and corrected is not None:
        return _credit(act, caller, asked, corrected, item)
    return _goodwill(act, caller, asked)


def _place(value: Any) -> int:
    if not (isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 6):
        raise ValueError("expected the place of an item, a whole number from 0")
    return int(value)


def closed_invoice(act: Writes, caller: Caller, invoice_sid: str) -> Invoice:
    """A closed invoice of the caller or a partner beneath it; 404 for any other, 409 for one that is not closed."""
    owner = act.directory(invoice_sid)
    if owner is None or not act.is_beneath(caller.partner_sid, owner):
        raise no_item()
    invoice = act.invoice(invoice_sid)
    if invoice.status != "closed":
        raise Refusal(errors.CONFLICT, Flaw("invoice_sid", f"the invoice is {invoice.status}, not closed", invoice_sid))
    return invoice


def _goodwill(act: Writes, caller: Caller, asked: Adjustment) -> Adjustment:
    account = billed_account(act, caller, asked.partner_sid, terms_of(act))
    payment = Payment(
        partner_sid=asked.partner_sid,
        payment_sid=asked.adjustment_sid,
        kind=asked.kind,  # type: ignore[arg-type]
        amount=asked.amount,
        type="credit",
        date_created=act.now,
        who=caller.partner_sid,
        reason=asked.reason,
    )
    account.add_payment(payment)
    save(account)
    placed = act.payment(asked.partner_sid, asked.adjustment_sid)
    return replace(asked, invoice_sid=placed.invoice_sid if placed else None)


def _credit(act: Writes, caller: Caller, asked: Adjustment, corrected: Invoice, place: int | None) -> Adjustment:
    before = act.corrections(asked.partner_sid, corrected.invoice_sid)
    item = _credited_item(corrected, place)
    credited = -sum(line.amount for line in before if not line.is_tax)
    left = max(0, corrected.amount - credited)
    if place is not None:
        left = min(left, _left_of_item(corrected, item, before))
    if asked.amount > left:
        raise Refusal(errors.OBJECT_INVALID, Flaw("amount", f"expected at most the {format_amount(left)} that is left"))
    terms = terms_of(act)
    taxes = balances.credited_taxes(corrected, tax_items(before), credited, asked.amount, terms.minor_decimals)
    lines = fixed_lines(asked, (balances.credit_for(item, 0 - asked.amount),), taxes, caller.partner_sid)
    account = billed_account(act, caller, asked.partner_sid, terms)
    _refuse_parked(account)
    made_of = account.add_lines(lines)
    save(account)
    return replace(asked, invoice_sid=made_of.invoice_sid)


def _left_of_item(corrected: Invoice, item: InvoiceItem, before: Sequence[FixedLine]) -> int:
    """What may still be credited of one item: at most itself, and what credits left of all that stand in its place.

    A credit has the direction, the country and the period of the item that it is for, and not its type.
    """
    there = sum(other.amount for other in corrected.invoice_items if _stands(other) == _stands(item))
    credited = sum(line.amount for line in credit_items(before) if _stands(line) == _stands(item))
    return max(0, min(item.amount, there + credited))


def _stands(item: InvoiceItem) -> tuple[str | None, str | None, int]:
    return item.direction, item.country_code, item.date_billing_period_start


def _credited_item(corrected: Invoice, place: int | None) -> InvoiceItem:
    """The item whose type's place a credit takes; of a whole invoice, its largest."""
    items = corrected.invoice_items
    if not items or (place is not None and place >= len(items)):
        raise Refusal(errors.OBJECT_INVALID, Flaw("item", f"the invoice has {len(items)} items"))
    return max(items, key=lambda item: item.amount) if place is None else items[place]


def _refuse_parked(account: Account) -> None:
    if account.billing.is_parked:
        raise Refusal(errors.CONFLICT, Flaw("partner_sid", "the partner is parked; unpark it first"))


def void(act: Writes, caller: Caller, invoice_sid: str, reason: str) -> Invoice:
    """Void a closed invoice: it keeps its number, balances and place; its negatives go on the current invoice.

    What was credited already, or taken off by corrections of its records, is not given back twice: the partner ends
    at nothing for them. 409 where the invoice is open, void, or imported, or takes part of another voided one back.
    """
    invoice = closed_invoice(act, caller, invoice_sid)
    standing = act.standing(invoice_sid)
    if standing is not None and standing.origin == "imported":
        raise Refusal(errors.CONFLICT, Flaw("invoice_sid", "an imported invoice is read only", invoice_sid))
    account = billed_account(act, caller, invoice.partner_sid, terms_of(act))
    _refuse_parked(account)
    _refuse_taking_back(act, invoice)
    asked = Adjustment(
        adjustment_sid=str(uuid.uuid4()),
        amount=invoice.amount,
        corrects_sid=invoice_sid,
        date_created=act.now,
        invoice_sid=None,
        kind="void",
        partner_sid=invoice.partner_sid,
        reason=reason,
    )
    items, taxes = balances.negatives(invoice)
    before = act.corrections(invoice.partner_sid, invoice_sid)
    back = _given_back(before)
    items += back[0] + _corrections_back(act, account, invoice_sid)
    account.add_lines(fixed_lines(asked, items, (*taxes, *back[1]), caller.partner_sid))
    account.move("void", invoice_sid, "closed", caller.partner_sid, reason)
    act.change_invoice(replace(invoice, status="void"), "closed")
    save(account)
    return act.invoice(invoice_sid)


def _given_back(before: Sequence[FixedLine]) -> tuple[tuple[InvoiceItem, ...], tuple[TaxItem, ...]]:
    """What takes earlier credits of a voided invoice back, so that it is given back once."""
    items = tuple(replace(item, amount=0 - item.amount) for item in credit_items(before))
    return items, tuple(replace(tax, amount=0 - tax.amount) for tax in tax_items(before))


def _corrections_back(act: Writes, account: Account, invoice_sid: str) -> tuple[InvoiceItem, ...]:
    """What takes back that corrections of its records changed on other invoices: each item of theirs, rounded as there.

    A later correction of such a record moves usage and no money.
    """
    sums: dict[str, dict[ItemKey, ItemSum]] = defaultdict(dict)
    for correction in act.corrections_from(account.partner_sid, invoice_sid):
        carried = sums[correction.adjusted_sid or ""]
        for side, change in correction.parts():
            item = side.item
            period = account.period_of(side.date)
            key = ItemKey("adjustment", item.direction or None, item.country_code or None, period)
            carried[key] = carried.get(key, ItemSum()) + change
    decimals = terms_of(act).minor_decimals
    items = [item for carried in sums.values() for item in items_of(carried, (), decimals)]
    return tuple(balances.credit_for(item, 0 - item.amount) for item in items if item.amount)


def _refuse_taking_back(act: Writes, invoice: Invoice) -> None:
    """Refuse to void what gives money of another voided invoice back, or takes it: it would count twice."""
    voided = act.voided(invoice.partner_sid)
    credited = (line.corrects_sid for line in act.fixed_lines(key_of(invoice)))
    corrections = act.corrections_on(invoice.partner_sid, invoice.invoice_sid) if voided else ()
    corrected = (each.before.invoice_sid for each in corrections if not each.before.given_back)
    for sid in (*credited, *corrected):
        if sid in voided:
            said = f"the invoice settles what was billed by {voided[sid]}, which is void: give a credit note instead"
            raise Refusal(errors.CONFLICT, Flaw("invoice_sid", said, invoice.invoice_sid))


def fixed_lines(
    asked: Adjustment, items: Sequence[InvoiceItem], taxes: Sequence[TaxItem], who: str
) -> Iterator[FixedLine]:
    """The lines of an adjustment, in order, each naming the invoice that it corrects."""
    lines: tuple[InvoiceItem | TaxItem, ...] = (*items, *taxes)
    for position, line in enumerate(lines):
        yield FixedLine(
            line_sid=asked.adjustment_sid,
            position=position,
            is_tax=isinstance(line, TaxItem),
            amount=line.amount,
            type=line.type,
            direction=getattr(line, "direction", None),
            country_code=getattr(line, "country_code", None),
            date_billing_period_start=getattr(line, "date_billing_period_start", None),
            date_billing_period_end=getattr(line, "date_billing_period_end", None),
            jurisdiction=getattr(line, "jurisdiction", None),
            corrects_sid=asked.corrects_sid or "",
            date_created=asked.date_created,
            who=who,
            why=asked.reason,
        )


def read_reason(body: Mapping[str, Any]) -> str:
    """The reason that a body gives; 422 without one."""
    wish = Wish(body, ("reason",))
    reason = wish.needed("reason", read_text, "")
    wish.finish()
    return reason
