"""The invoices that reading tests ask about: ties, nulls, every kind of line, four partners.

CHILD        sid(1) … sid(9), later ones created later but for 4 and 5, which were created together
RESELLER     sid(20), sid(21)
GRANDCHILD   sid(30)
"""

from tests.api.client import World
from tests.making import CHILD, GRANDCHILD, MILLION, NOW, RESELLER, invoice, item, payment, put, sid, tax

from tollbook.billing.sheets import CallRate, MessageRate, Rate, Service
from tollbook.clock import DAY_MS
from tollbook.operations.sheets import NewVersion, To, import_deck

CHILDS = [sid(number) for number in range(1, 10)]
"""The child's invoices, oldest first."""


def fill_shelf(world: World) -> None:
    """Write the invoices."""
    childs = [
        invoice(1, amount=1 * MILLION, status="closed", paid=True, date_charged=NOW, date_issued=NOW),
        invoice(2, amount=2 * MILLION, status="closed", invoice_items=(), tax_items=()),
        invoice(3, amount=380_000, invoice_items=(item(direction=None, type="did", country_code=None, usage=1),)),
        invoice(4, amount=-5 * MILLION, pay_items=(payment(), payment(type="wire", amount=-1 * MILLION))),
        invoice(5, amount=2 * MILLION, date_created=NOW + 4 * DAY_MS),
        invoice(6, amount=10 * MILLION, date_charge_expected=None, status="void"),
        invoice(7, amount=0, tax_items=(tax(jurisdiction="state"), tax())),
        invoice(8, amount=100 * MILLION, invoice_items=(item(), item(direction="outbound", amount=10_000, usage=60))),
        invoice(9, amount=123_456),
    ]
    others = [invoice(20, RESELLER), invoice(21, RESELLER, status="closed"), invoice(30, GRANDCHILD)]
    put(world.store, *childs, *others)
    put_rates(world)


CALL_LINES = (
    CallRate(
        prefix="1", rate=10_000_000, billing_minimum=6, billing_increment=6, country_code="USA", country_name="US"
    ),
    CallRate(prefix="44", rate=2_500_000, billing_minimum=60, billing_increment=60, country_code="GBR"),
    CallRate(prefix="447", rate=40_000_000, country_code="GBR", country_name="Mobile", jurisdictions={"intrastate": 7}),
    CallRate(prefix="8821", rate=10_000_000, billing_increment=30),
    CallRate(prefix=None, rate=123_456_789, connection_fee=10**7),
)
MESSAGE_LINES = (
    MessageRate(price=85_330_000, mcc="230", mnc="04", country_code="CZE", country_name="Czech Republic"),
    MessageRate(price=10_000_000, mcc="310", sender_class="toll", country_code="USA", network="All", operator="AT&T"),
    MessageRate(price=30_000_000, mcc="310", sender_class="short_code", country_code="USA"),
    MessageRate(price=200_000_000),
)


def put_rates(world: World) -> None:
    """Give everybody sheets for outbound calls and messages; the child has a nearer one of later versions too."""
    given: dict[Service, tuple[Rate, ...]] = {"calls": CALL_LINES, "sms": MESSAGE_LINES, "mms": MESSAGE_LINES}
    for service, lines in given.items():
        new = NewVersion(
            name=f"All {service}", service=service, direction="outbound", effective_date=NOW - DAY_MS, rates=lines
        )
        import_deck(world.store, new, To(default=True))
    for late, line in enumerate(CALL_LINES[:2]):
        effective = NOW - DAY_MS + 2 * late * DAY_MS
        new = NewVersion(name="Child's", service="calls", direction="outbound", effective_date=effective, rates=(line,))
        import_deck(world.store, new, To((CHILD,)))
