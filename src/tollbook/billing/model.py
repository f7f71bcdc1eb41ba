"""The nouns: what an invoice, a partner, a token and a caller are.

Money is an integer of millionths, an instant an integer of milliseconds. Names are the wire's. Nothing here
computes; rules live beside this file, reading and writing them in `store`.
"""

from typing import Literal

import msgspec


class InvoiceItem(msgspec.Struct, frozen=True, kw_only=True):
    """One line: what was used, of one type, direction, country and period. `direction` may be absent."""

    amount: int
    country_code: str | None
    date_billing_period_end: int
    date_billing_period_start: int
    direction: str | None
    type: str
    usage: int


class PayItem(msgspec.Struct, frozen=True, kw_only=True):
    """One payment, refund (negative) or credit recorded on an invoice."""

    amount: int
    date_created: int
    type: str


class TaxItem(msgspec.Struct, frozen=True, kw_only=True):
    """One tax of one jurisdiction."""

    amount: int
    jurisdiction: str
    type: str


class Invoice(msgspec.Struct, frozen=True, kw_only=True):
    """One partner's bill of one period, as the wire shows it."""

    amount: int
    amount_due: int
    amount_tax: int
    balance_forward: int
    balance_previous: int
    date_billing_period_end: int
    date_billing_period_start: int
    date_charge_expected: int | None
    date_charged: int | None
    date_created: int
    date_issued: int | None
    display_id: str
    invoice_items: tuple[InvoiceItem, ...]
    invoice_sid: str
    paid: bool
    partner_sid: str
    pay_items: tuple[PayItem, ...]
    status: str
    tax_items: tuple[TaxItem, ...]


class Partner(msgspec.Struct, frozen=True, kw_only=True):
    """A customer, a reseller, or the operator, who alone has no `parent_sid`."""

    address1: str | None = None
    address2: str | None = None
    attributes: dict[str, str] = {}
    available_scopes: tuple[str, ...] = ()
    balance: int = 0
    billing_email: str | None = None
    charge_at: int | None = None
    city: str | None = None
    company_name: str | None = None
    country_code: str | None = None
    daily_spending_limit: int | None = None
    daily_spent_amount: int = 0
    date_created: int
    display_id: str
    login: str | None = None
    name: str
    owner_email: str | None = None
    parent_sid: str | None
    partner_sid: str
    payment_type: str = "postpay"
    phonenumber: str | None = None
    prepay_amount: int | None = None
    spending_limit: int | None = None
    state: str | None = None
    status: str = "active"
    tech_email: str | None = None
    zip: str | None = None


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """A key to the API. The secrets are known at its making only; the book keeps their hashes."""

    access_token: str | None = None
    client_id: str | None = None
    date_created: int
    date_expiration_access_token: int
    date_expiration_refresh_token: int | None = None
    date_last_accessed: int | None = None
    ip_last_accessed: str | None = None
    name: str | None = None
    partner_sid: str
    refresh_token: str | None = None
    scopes: tuple[str, ...]
    token_sid: str
    token_type: str = "bearer"  # noqa: S105  (the documented constant, not a secret)


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks: a partner, what its credentials allow now, and the token if it came with one."""

    partner_sid: str
    scopes: frozenset[str]
    token_sid: str | None = None
    is_operator: bool = False


class Sight(msgspec.Struct, frozen=True):
    """Whose records a caller may see: `own`, `tree` (its own and all beneath) or `all` (the operator's tree).

    `invoice`: only what is behind that invoice of the partner's, all of it at or after `start` and before `end`.
    `version`: the lines of that version of a rate sheet; `short_code`, `toll`, `toll_free`: those of them that are for
    such senders, or for any.
    """

    reach: Literal["own", "tree", "all", "invoice", "version", "short_code", "toll", "toll_free"]
    partner_sid: str
    invoice_sid: str = ""
    start: int = 0
    end: int = 0
    version_sid: str = ""
