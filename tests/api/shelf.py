"""The invoices that reading tests ask about: ties, nulls, every kind of line, four partners.

CHILD        sid(1) … sid(9), later ones created later but for 4 and 5, which were created together
RESELLER     sid(20), sid(21)
GRANDCHILD   sid(30)
"""

from tests.api.client import World
from tests.making import GRANDCHILD, MILLION, NOW, RESELLER, invoice, item, payment, put, sid, tax

from tollbook.clock import DAY_MS

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
