"""`tollbook pay`, `adjust` and `void`."""

from typing import Any

import pytest
from tests.cli.conftest import Tollbook

SID = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def acme(tollbook: Tollbook) -> str:
    """A partner of a sandbox, billed since 20 December; its sid."""
    tollbook("init", "--sandbox", "--clock", "2024-12-20")
    return str(tollbook("partner", "add", "--name", "Acme", "--json").json["partner_sid"])


def balance(tollbook: Tollbook, sid: str) -> str:
    return str(tollbook("partner", "show", sid, "--json").json["balance"])


def invoices(tollbook: Tollbook, sid: str) -> list[Any]:
    """The partner's invoices, oldest first."""
    shown = tollbook("invoices", "--partner", sid, "--order", "date_created", "--json").json
    return list(shown["items"])


def test_a_payment_and_its_refund(tollbook: Tollbook, acme: str) -> None:
    paid = tollbook("pay", acme, "100.50", "--type", "wire", "--provider", "bank", "--reference", "r1",
                    "--date", "2024-12-19T00:00:00Z", "--reason", "December")  # fmt: skip
    (current,) = invoices(tollbook, acme)
    assert (paid.status, paid.err) == (0, f"payment of 100.5, wire, on invoice {current['invoice_sid']}\n")
    assert balance(tollbook, acme) == "100.5"
    back = tollbook("pay", acme, "-25", "--type", "wire", "--refunds", paid.out.strip(), "--json").json
    assert (back["kind"], back["amount"], back["refunds_sid"]) == ("refund", "-25", paid.out.strip())
    assert balance(tollbook, acme) == "75.5"
    again = tollbook("pay", acme, "100.50", "--type", "wire", "--provider", "bank", "--reference", "r1")
    assert (again.status, again.err) == (1, "tollbook: reference: a payment with this reference is recorded already\n")


def test_goodwill_and_what_a_credit_note_needs(tollbook: Tollbook, acme: str) -> None:
    given = tollbook("adjust", "goodwill", "5", "--partner", acme, "--reason", "an outage")
    assert (given.status, given.err.partition(", ")[0]) == (0, "goodwill of 5")
    assert balance(tollbook, acme) == "5"
    bare = tollbook("adjust", "credit_note", "5", "--partner", acme, "--reason", "x")
    assert (bare.status, bare.err.startswith("tollbook: invoice_sid: is required")) == (1, True)


def test_a_closed_invoice_is_voided(tollbook: Tollbook, acme: str) -> None:
    assert tollbook("clock", "set", "2025-01-21").status == 0
    first, _ = invoices(tollbook, acme)
    assert first["status"] == "closed"
    ran = tollbook("void", first["invoice_sid"], "--reason", "billed to the wrong partner")
    assert (ran.status, ran.out) == (0, "")
    assert ran.err == "invoice 001 is void; its negatives are on the partner's current invoice\n"
    assert [one["status"] for one in invoices(tollbook, acme)] == ["void", "open"]
    assert tollbook("clock", "set", "2025-02-21").status == 0
    second = invoices(tollbook, acme)[1]["invoice_sid"]
    assert tollbook("void", second, "--reason", "too", "--json").json["status"] == "void"
    twice = tollbook("void", first["invoice_sid"], "--reason", "again", "--json")
    assert twice.status == 1
    assert '"code": "conflict"' in twice.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("pay", SID, "5", "--type", "wire"), "cannot find item by sid"),
        (("pay", SID, "five", "--type", "cash"), "amount: "),
        (("adjust", "gift", "5", "--partner", SID, "--reason", "x"), "kind: expected one of credit_note"),
        (("void", SID, "--reason", "x"), "cannot find item by sid"),
    ],
)
def test_what_cannot_be_recorded(tollbook: Tollbook, acme: str, words: tuple[str, ...], said: str) -> None:
    ran = tollbook(*words)
    assert ran.status == 1
    assert f"tollbook: {said}" in ran.err
    assert balance(tollbook, acme) == "0"
