"""Payments: recorded once, on the partner's current invoice. A refund is a negative one that names the payment.

A provider's reference counts once a partner. Only a recorded payment makes a pay item; a value date is kept and moves
nothing (billing rules 3).
"""

import uuid
from collections.abc import Mapping
from typing import Any

from tollbook import errors
from tollbook.billing import balances
from tollbook.billing.ledger import Payment
from tollbook.billing.model import Caller
from tollbook.clock import parse_zoned_instant
from tollbook.errors import Flaw, Refusal, no_item
from tollbook.operations.accounts import Account, Terms, Unlawful, account_of, terms_of
from tollbook.operations.wishes import Wish, one_of, read_sum
from tollbook.query.records import read_sid, read_text, read_word
from tollbook.store import Writes

KNOWN = ("amount", "date_value", "partner_sid", "provider", "reason", "reference", "refunds_sid", "type")
"""The attributes of a payment's body. `reason` is free text."""


def pay(act: Writes, caller: Caller, body: Mapping[str, Any]) -> Payment:
    """Record a payment, or a refund where the amount is negative, of the caller or a partner beneath it.

    422 names every wrong attribute; 404 for a partner or payment out of sight; 409 for a reference that is recorded
    already, naming the payment that has it.
    """
    payment = _read(act, caller, body)
    terms = terms_of(act)
    account = billed_account(act, caller, payment.partner_sid, terms)
    if why := balances.refuse_payment(payment.amount, payment.type, terms.minor_decimals):
        raise Refusal(errors.OBJECT_INVALID, Flaw("type" if why.startswith("expected one of") else "amount", why))
    _refuse_twice(act, payment)
    _refuse_refund(act, payment)
    account.add_payment(payment)
    save(account)
    return act.payment(payment.partner_sid, payment.payment_sid) or payment


def _read(act: Writes, caller: Caller, body: Mapping[str, Any]) -> Payment:
    wish = Wish(body, KNOWN)
    amount = wish.needed("amount", read_sum, 0)
    type_ = wish.needed("type", one_of(*balances.PAY_TYPES), "")
    if type_ == "credit":
        wish.refuse("type", "goodwill, transfers and write-offs are adjustments, not payments")
    refunds_sid = wish.optional("refunds_sid", read_sid, None)
    if amount < 0 and refunds_sid is None:
        wish.refuse("refunds_sid", "a negative amount is a refund, and names the payment")
    if refunds_sid is not None and amount > 0:
        wish.refuse("amount", "a refund is negative")
    made = Payment(
        partner_sid=wish.optional("partner_sid", read_sid, caller.partner_sid),
        payment_sid=str(uuid.uuid4()),
        kind="payment" if refunds_sid is None else "refund",
        amount=amount,
        type=type_,
        provider=wish.optional("provider", read_word, ""),
        reference=wish.optional("reference", read_word, None),
        refunds_sid=refunds_sid,
        date_value=wish.optional("date_value", _read_date, None),
        date_created=act.now,
        who=caller.partner_sid,
        reason=wish.optional("reason", read_text, None),
    )
    wish.finish()
    return made


def _read_date(value: Any) -> int:
    if not isinstance(value, str):
        raise ValueError("expected a date like 2024-10-31T18:00:00Z")
    return parse_zoned_instant(value)


def billed_account(act: Writes, caller: Caller, partner_sid: str, terms: Terms) -> Account:
    """The account of the caller or a partner beneath it; 404 for any other, 409 where it is not billed."""
    if not act.is_beneath(caller.partner_sid, partner_sid):
        raise no_item()
    account = account_of(act, partner_sid, terms)
    if account is None:
        raise Refusal(errors.CONFLICT, Flaw("partner_sid", "the partner is not billed; its billing has to be started"))
    return account


def _refuse_twice(act: Writes, payment: Payment) -> None:
    if payment.reference is None:
        return
    first = act.payment_by_reference(payment.partner_sid, payment.provider, payment.reference)
    if first is not None:
        raise Refusal(errors.CONFLICT, Flaw("reference", "a payment with this reference is recorded already", first))


def _refuse_refund(act: Writes, payment: Payment) -> None:
    if payment.refunds_sid is None:
        return
    paid = act.payment(payment.partner_sid, payment.refunds_sid)
    if paid is None or paid.kind != "payment":
        raise Refusal(errors.OBJECT_INVALID, Flaw("refunds_sid", "cannot find item by sid"))
    refunded = act.refunded(payment.partner_sid, payment.refunds_sid)
    if why := balances.refuse_refund(payment.amount, paid.amount, refunded):
        raise Refusal(errors.OBJECT_INVALID, Flaw("amount", why))


def save(account: Account) -> None:
    """Save what a person did to an account; 409 with the law where it would break one. A parked one only notes it."""
    if account.billing.is_parked:
        account.save_standing()
        return
    try:
        account.save()
    except Unlawful as unlawful:
        raise Refusal(errors.CONFLICT, Flaw(None, str(unlawful))) from None
