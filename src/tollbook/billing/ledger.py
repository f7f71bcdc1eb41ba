"""The nouns of a partner's billing: its standing, an open invoice with what it is made of, payments, fixed lines.

Money is millionths, instants milliseconds. Nothing here reads or writes; `composing` makes invoices of them.
"""

from typing import Literal

import msgspec

from tollbook.billing.deriving import ItemKey, ItemSum
from tollbook.billing.model import Invoice
from tollbook.billing.periods import Cycle, CycleName, Period, day_of
from tollbook.billing.states import BillingStatus

PaymentKind = Literal["payment", "refund", "goodwill", "transfer", "write_off"]
NoticeKind = Literal["charge_requested", "parked", "spending_limit", "daily_spending_limit", "unrated"]


class Billing(msgspec.Struct, frozen=True, kw_only=True):
    """How a partner is billed and how far that has come; the names are those of the book's table.

    Days are the instants of their midnights. `revision` is the book's. The last five are the partner's
    own terms.
    """

    partner_sid: str
    status: BillingStatus
    cycle: CycleName
    begins: int
    anchor: int
    first_open: int
    needs_approval: bool
    number_next: int
    balance_closed: int
    settled: int
    settling: int
    date_last_created: int | None
    current_created: int | None
    current_sid: str | None
    invoice_hash: bytes
    journal_hash: bytes
    journal_entries: int
    charge_requested: bool
    spent_day: int
    spent_units: int
    why_parked: str | None
    date_due: int | None
    revision: int = 0
    payment_type: str = "postpay"
    charge_at: int | None = None
    prepay_amount: int | None = None
    spending_limit: int | None = None
    daily_spending_limit: int | None = None

    @property
    def time(self) -> Cycle:
        """How the partner's time is cut."""
        return Cycle(self.cycle, day_of(self.begins), day_of(self.anchor))

    @property
    def is_parked(self) -> bool:
        """Whether usage and payments wait."""
        return self.status in ("parked", "parked_held")

    @property
    def is_watched(self) -> bool:
        """Whether there is a mark that its balance or its spending may pass, which is told when it does."""
        return any(mark is not None for mark in (self.charge_at, self.spending_limit, self.daily_spending_limit))

    @property
    def is_held(self) -> bool:
        """Whether invoices stay open."""
        return self.status in ("held", "parked_held")


class Payment(msgspec.Struct, frozen=True, kw_only=True):
    """Money that came or went: a payment, a refund (negative, of the payment it names), goodwill, a write-off.

    Without an invoice it waits for its parked partner.
    """

    partner_sid: str
    payment_sid: str
    kind: PaymentKind
    amount: int
    type: str
    provider: str = ""
    reference: str | None = None
    refunds_sid: str | None = None
    date_value: int | None = None
    date_created: int
    invoice_created: int | None = None
    invoice_sid: str | None = None
    who: str
    reason: str | None = None


class FixedLine(msgspec.Struct, frozen=True, kw_only=True):
    """A credit, or the negative tax that goes with one, for the closed invoice that it names."""

    line_sid: str
    position: int
    is_tax: bool
    amount: int
    type: str
    direction: str | None = None
    country_code: str | None = None
    date_billing_period_start: int | None = None
    date_billing_period_end: int | None = None
    jurisdiction: str | None = None
    corrects_sid: str
    date_created: int
    who: str
    why: str


class OpenInvoice(msgspec.Struct, kw_only=True):
    """An open invoice, as the sums and lines that it is derived from; an act adds to it.

    `written` is what the book holds of it, where that is known.
    """

    invoice_sid: str
    display_id: str
    date_created: int
    period: Period
    sums: dict[ItemKey, ItemSum] = {}
    lines: list[FixedLine] = []
    payments: list[Payment] = []
    is_new: bool = False
    written: Invoice | None = None


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """Something that the operator, or a program of the operator's, should know or do."""

    partner_sid: str
    notice_sid: str
    kind: NoticeKind
    words: str
    amount: int | None = None
    invoice_sid: str | None = None
    date_created: int
    date_due: int | None = None
    date_answered: int | None = None
