"""Factories of partners and invoices for tests: plain values with every detail defaulted, any of them overridden.

The family that `plant_family` plants, and the fixture `book` holds:

    OPERATOR
    ├── CHILD            alone beneath the operator
    └── RESELLER
        └── GRANDCHILD
"""

from typing import Any

from tollbook.billing.model import Invoice, InvoiceItem, Partner, PayItem, Sight, TaxItem, Token
from tollbook.clock import DAY_MS, read_instant
from tollbook.store import Store

NOW = read_instant("2025-01-15T12:00:00.000Z")
MILLION = 1_000_000
"""One whole unit of money, in millionths."""


def sid(number: int) -> str:
    """The secure ID with that number; greater numbers come later in its order."""
    return f"{number:08x}-0000-4000-8000-000000000000"


OPERATOR, CHILD, RESELLER, GRANDCHILD = (sid(0xA0 + number) for number in range(4))
FAMILY = (OPERATOR, CHILD, RESELLER, GRANDCHILD)


def partner(number: int, parent: int | None = None, **values: Any) -> Partner:
    """The partner `sid(number)`, beneath `sid(parent)`."""
    parent_sid = None if parent is None else sid(parent)
    made = {"name": f"Partner {number}", "display_id": f"CX{number:08}", "date_created": NOW + number}
    return Partner(**{**made, "partner_sid": sid(number), "parent_sid": parent_sid, **values})


def family() -> tuple[Partner, ...]:
    """The operator, two children and a grandchild, parents first."""
    return (
        partner(0xA0, name="Operator"),
        partner(0xA1, 0xA0, name="Acme & Søn", company_name="ACME", city="Åre", attributes={"county": "Kern"}),
        partner(0xA2, 0xA0, name="Reseller", state="CA"),
        partner(0xA3, 0xA2, name="acme%_1", city="Åre", attributes={"county": "kern", "tax.id": "7"}),
    )


def plant_family(store: Store) -> None:
    """Write the family into an empty book."""
    with store.writing() as act:
        for member in family():
            act.add_partner(member)


def item(**values: Any) -> InvoiceItem:
    """An inbound toll item; `direction=None` leaves it out."""
    made = {"amount": 370_000, "country_code": "USA", "direction": "inbound", "type": "toll", "usage": 8880}
    period = {"date_billing_period_start": NOW, "date_billing_period_end": NOW + 30 * DAY_MS}
    return InvoiceItem(**{**made, **period, **values})


def payment(**values: Any) -> PayItem:
    """A payment of 100 by card."""
    return PayItem(**{"amount": 100 * MILLION, "date_created": NOW, "type": "visa", **values})


def tax(**values: Any) -> TaxItem:
    """A federal tax of 0.32."""
    made = {"amount": 320_000, "jurisdiction": "federal", "type": "fed_universal_service_fund"}
    return TaxItem(**{**made, **values})


def invoice(number: int, partner_sid: str = CHILD, **values: Any) -> Invoice:
    """The open invoice `sid(number)` with one item and one tax; later numbers were created later."""
    start = NOW + number * DAY_MS
    made: dict[str, Any] = {
        "amount": 370_000,
        "amount_due": 690_000,
        "amount_tax": 320_000,
        "balance_forward": 690_000,
        "balance_previous": 0,
        "date_billing_period_end": start + 30 * DAY_MS,
        "date_billing_period_start": start,
        "date_charge_expected": start + 30 * DAY_MS,
        "date_charged": None,
        "date_created": start,
        "date_issued": None,
        "display_id": f"{number:03}",
        "invoice_items": (item(),),
        "paid": False,
        "pay_items": (),
        "status": "open",
        "tax_items": (tax(),),
    }
    return Invoice(**{**made, "invoice_sid": sid(number), "partner_sid": partner_sid, **values})


def token(number: int, partner_sid: str = CHILD, **values: Any) -> Token:
    """The token `sid(number)` that may read invoices for an hour."""
    made: dict[str, Any] = {"date_created": NOW + number, "date_expiration_access_token": NOW + 3_600_000}
    return Token(
        **{**made, "scopes": ("invoices.read",), "token_sid": sid(number), "partner_sid": partner_sid, **values}
    )


def put(store: Store, *invoices: Invoice) -> None:
    """Write invoices in one act, as imported ones."""
    with store.writing() as act:
        for each in invoices:
            act.put_invoice(each, "imported")


def own(partner_sid: str = CHILD) -> Sight:
    """The sight of a partner that sees its own records only."""
    return Sight("own", partner_sid)


def tree(partner_sid: str = RESELLER) -> Sight:
    """The sight of a partner that sees its own records and all beneath."""
    return Sight("tree", partner_sid)


EVERYTHING = Sight("all", OPERATOR)
"""The operator's sight."""
