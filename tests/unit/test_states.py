"""Only what the tables say is possible."""

from itertools import product
from typing import get_args

import pytest

from tollbook.billing.states import (
    BILLING_MOVES,
    INVOICE_MOVES,
    BillingMove,
    BillingStatus,
    IllegalMove,
    InvoiceMove,
    InvoiceStatus,
    billing_after,
    invoice_after,
)

INVOICES = list(product((None, *get_args(InvoiceStatus)), get_args(InvoiceMove)))
PARTNERS = list(product((None, *get_args(BillingStatus)), get_args(BillingMove)))


@pytest.mark.parametrize(("status", "move"), INVOICES)
def test_law_8_an_invoice_takes_legal_moves_only(status, move) -> None:
    if (status, move) in INVOICE_MOVES:
        assert invoice_after(status, move) == INVOICE_MOVES[status, move]
    else:
        with pytest.raises(IllegalMove, match=f"cannot take the move {move}"):
            invoice_after(status, move)


@pytest.mark.parametrize(("status", "move"), PARTNERS)
def test_a_partners_billing_takes_legal_moves_only(status, move) -> None:
    if (status, move) in BILLING_MOVES:
        assert billing_after(status, move) == BILLING_MOVES[status, move]
    else:
        with pytest.raises(IllegalMove, match=f"cannot take the move {move}"):
            billing_after(status, move)


def test_what_is_closed_never_opens_and_what_is_void_stays_void() -> None:
    assert {after for (status, _), after in INVOICE_MOVES.items() if status == "closed"} == {"closed", "void"}
    assert {after for (status, _), after in INVOICE_MOVES.items() if status == "void"} == {"void"}
    assert set(INVOICE_MOVES) <= set(INVOICES)
    assert set(BILLING_MOVES) <= set(PARTNERS)


def test_parking_does_not_lift_a_hold() -> None:
    status = billing_after(billing_after("held", "park"), "unpark")
    assert status == "held"
    assert billing_after(billing_after("parked", "hold"), "release") == "parked"


def test_an_illegal_move_says_what_would_be_legal() -> None:
    with pytest.raises(IllegalMove, match=r"^a new invoice cannot take the move close; legal: open$"):
        invoice_after(None, "close")
    with pytest.raises(IllegalMove, match=r"^a held partner cannot take the move hold; legal: release, park$"):
        billing_after("held", "hold")
