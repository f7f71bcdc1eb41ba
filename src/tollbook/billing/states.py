"""THE tables of states and legal moves, of invoices and of a partner's billing: nothing else is possible.

Each move is one row of the journal, with when, who and why. What a move does to money is not known here.
"""

from typing import Final, Literal

InvoiceStatus = Literal["open", "closed", "void"]
InvoiceMove = Literal["open", "approve", "withdraw", "close", "void", "settle", "unsettle"]
BillingStatus = Literal["unbilled", "billed", "held", "parked", "parked_held"]
BillingMove = Literal["import", "start_billing", "hold", "release", "park", "unpark"]

INVOICE_MOVES: Final[dict[tuple[InvoiceStatus | None, InvoiceMove], InvoiceStatus]] = {
    (None, "open"): "open",
    ("open", "approve"): "open",  # where a partner's invoices need it; closing freezes and issues at once
    ("open", "withdraw"): "open",  # an approval, before the close
    ("open", "close"): "closed",
    ("closed", "void"): "void",
    ("closed", "settle"): "closed",  # `paid` becomes true
    ("closed", "unsettle"): "closed",  # and false again, by a refund
    ("void", "settle"): "void",
    ("void", "unsettle"): "void",
}
"""(status, move) to the status after it. An open invoice cannot be voided, a closed one never opened again."""

BILLING_MOVES: Final[dict[tuple[BillingStatus | None, BillingMove], BillingStatus]] = {
    (None, "start_billing"): "billed",
    (None, "import"): "unbilled",  # a partner made by an import is billed only when told
    ("unbilled", "start_billing"): "billed",
    ("billed", "hold"): "held",  # usage counts, invoices stay open
    ("held", "release"): "billed",
    ("billed", "park"): "parked",  # an item beyond its bound: usage and payments wait
    ("parked", "unpark"): "billed",
    ("held", "park"): "parked_held",  # being parked and freed does not lift a hold
    ("parked", "hold"): "parked_held",
    ("parked_held", "unpark"): "held",
    ("parked_held", "release"): "parked",
}
"""(status, move) to the status after it, of a partner's billing."""


class IllegalMove(ValueError):
    """A move that the tables do not have; says the status and what would be legal."""


def invoice_after(status: InvoiceStatus | None, move: InvoiceMove) -> InvoiceStatus:
    """The status of an invoice after a move; `IllegalMove` for any other.

    >>> invoice_after("open", "close")
    'closed'
    >>> invoice_after("open", "void")
    Traceback (most recent call last):
    tollbook.billing.states.IllegalMove: an open invoice cannot take the move void; legal: approve, withdraw, close
    """
    if (status, move) not in INVOICE_MOVES:
        raise IllegalMove(_illegal("invoice", status, move, [m for s, m in INVOICE_MOVES if s == status]))
    return INVOICE_MOVES[status, move]


def billing_after(status: BillingStatus | None, move: BillingMove) -> BillingStatus:
    """The status of a partner's billing after a move; `IllegalMove` for any other."""
    if (status, move) not in BILLING_MOVES:
        raise IllegalMove(_illegal("partner", status, move, [m for s, m in BILLING_MOVES if s == status]))
    return BILLING_MOVES[status, move]


def _illegal(noun: str, status: str | None, move: str, legal: list[str]) -> str:
    state = f"new {noun}" if status is None else f"{status} {noun}"
    article = "an" if state[0] in "aeiou" else "a"
    return f"{article} {state} cannot take the move {move}; legal: {', '.join(legal) or 'none'}"
