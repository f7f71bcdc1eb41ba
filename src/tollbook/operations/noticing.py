"""What an account tells the operator: charges to ask for, limits that are passed, that it is parked.

A notice stays until it is answered: a charge by a payment, a limit by being kept again. No limit ever refuses usage;
what the book's `spending_policy` does about one is told here or asked of `spending` (billing rules 4).
"""

import uuid

from msgspec.structs import replace

from tollbook.billing import balances
from tollbook.billing.ledger import Billing, Notice, NoticeKind
from tollbook.billing.model import Invoice
from tollbook.money import format_amount
from tollbook.store import Writes


class Notices:
    """The notices of one partner, within one act."""

    def __init__(self, act: Writes, partner_sid: str) -> None:
        self._act = act
        self._partner_sid = partner_sid

    def tell(
        self, kind: NoticeKind, words: str, *, amount: int | None = None, sid: str | None = None, due: int | None = None
    ) -> None:
        """One more notice."""
        self._act.add_notice(
            Notice(
                partner_sid=self._partner_sid,
                notice_sid=str(uuid.uuid4()),
                kind=kind,
                words=words,
                amount=amount,
                invoice_sid=sid,
                date_created=self._act.now,
                date_due=due,
            )
        )

    def answer(self, kind: NoticeKind) -> None:
        """All of a kind are answered."""
        self._act.answer_notices(self._partner_sid, kind, self._act.now)

    def tell_once(self, kind: NoticeKind, holds: bool, words: str) -> bool:
        """A notice while something holds, answered when it ends; whether it was told now."""
        told = self._act.is_told(self._partner_sid, kind)
        if holds and not told:
            self.tell(kind, words)
        elif told and not holds:
            self.answer(kind)
        return holds and not told

    def of_balance(self, billing: Billing, balance: int, policy: str) -> Billing:
        """A prepay account below its mark is charged once, until a payment answers it; so is, by policy, a debtor."""
        request = balances.prepay_request(billing, balance, billing.charge_requested)
        if request is not None:
            billing = replace(billing, charge_requested=True)
            words = f"the balance {format_amount(balance)} is below {format_amount(billing.charge_at or 0)}"
            self.tell("charge_requested", words, amount=request.amount)
        limit = billing.spending_limit
        if limit is not None:
            words = f"owes more than {format_amount(limit)}"
            if self.tell_once("spending_limit", balance < -limit, words) and policy == "charge":
                self.tell("charge_requested", words, amount=-balance)
        return billing

    def of_close(self, billing: Billing, closed: Invoice) -> None:
        """A postpay account is asked for what a closed invoice says is due."""
        request = balances.postpay_request(billing, closed)
        if request is not None:
            words = f"invoice {closed.display_id} is due"
            self.tell("charge_requested", words, amount=request.amount, sid=closed.invoice_sid, due=request.not_before)

    def of_day(self, billing: Billing, spent: int) -> None:
        """What was spent today is more than it may be."""
        limit = billing.daily_spending_limit
        if limit is not None:
            self.tell_once("daily_spending_limit", spent > limit, f"spent more than {format_amount(limit)} today")
