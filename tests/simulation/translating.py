"""Between the words of the model and those of the program: amounts, records, and invoices as they are served."""

from fractions import Fraction
from typing import Any

from tests.simulation.nouns import Invoice, Partner
from tests.simulation.periods import instant
from tests.simulation.prices import Use

from tollbook.billing.events import CallEvent, Event, MessageEvent, UsageEvent
from tollbook.clock import format_instant


def text(amount: Fraction) -> str:
    """An amount as the wire has it."""
    whole, cents = divmod(abs(amount) * 100, 100)
    plain = f"{whole}.{int(cents):02}".rstrip("0").rstrip(".") if cents else str(whole)
    return f"-{plain}" if amount < 0 else plain


def normal(use: Use) -> Use:
    """A use that says only what its kind has."""
    if use.kind == "call":
        return use._replace(segments=1, recipients=0, quantity=0, billed=0 if use.price is None else use.billed)
    if use.kind == "message":
        return use._replace(talked=None, quantity=0, billed=0)
    return use._replace(number="", talked=None, segments=1, recipients=0, billed=0)


def billionths(price: Fraction | None) -> int | None:
    """A price as the program has it inside."""
    return None if price is None else int(price * 10**9)


def event_of(partner_sid: str, use: Use) -> Event:
    """A use as a record of the program."""
    same: dict[str, Any] = {"dr_sid": use.sid, "partner_sid": partner_sid, "price": billionths(use.price)}
    if use.kind == "lookup":
        return UsageEvent(**same, type="lookup", quantity=use.quantity, date=use.at)
    same |= {"direction": "outbound", "number_src": "442071838750", "number_dst": use.number}
    if use.kind == "message":
        group = (use.number,) * use.recipients
        return MessageEvent(**same, date_sent=use.at, number_group_dst=group, message_segments=use.segments)
    talk = None if use.talked is None else use.at - use.talked
    billed = None if use.price is None else use.billed
    return CallEvent(**same, date_start=use.start, date_talk=talk, date_stop=use.at, duration_billing=billed)


def believed(partner: Partner, invoice: Invoice) -> dict[str, Any]:
    """An invoice as it should be served."""
    forward = partner.forward(invoice.number)

    def shown(at: int | None) -> str | None:
        return None if at is None else format_instant(at)

    last = format_instant(instant(invoice.end) - 1_000)
    return {
        "amount": text(invoice.amount()), "amount_due": text(max(Fraction(0), forward)), "amount_tax": "0",
        "balance_forward": text(forward), "balance_previous": text(partner.forward(invoice.number - 1)),
        "date_billing_period_start": shown(instant(invoice.start)), "date_billing_period_end": last,
        "date_charge_expected": last, "date_charged": shown(invoice.charged), "date_created": shown(invoice.created),
        "date_issued": shown(invoice.issued), "display_id": f"{invoice.number:03}", "paid": invoice.charged is not None,
        "status": invoice.status, "tax_items": [],
        "invoice_items": [
            (k.type, k.direction, k.country, shown(instant(k.start)), shown(instant(k.end) - 1_000), usage,
             text(amount))
            for k, amount, usage in invoice.items()
        ],
        "pay_items": sorted((format_instant(at), text(amount), type_) for at, amount, type_ in invoice.pays),
    }  # fmt: skip


def seen(document: dict[str, Any]) -> dict[str, Any]:
    """An invoice as it is served, its lines as the model has them."""
    items = [
        (i["type"], i.get("direction"), i["country_code"], i["date_billing_period_start"], i["date_billing_period_end"],
         i["usage"], i["amount"])
        for i in document["invoice_items"]
    ]  # fmt: skip
    for place in range(len(items)):  # equal credits may stand in any order among themselves
        same_place = [other for other in items if other[:5] == items[place][:5]]
        if items.index(same_place[0]) == place:
            items[place : place + len(same_place)] = sorted(same_place, key=lambda item: Fraction(item[6]))
    pays = sorted((pay["date_created"], pay["amount"], pay["type"]) for pay in document["pay_items"])
    same = {name: value for name, value in document.items() if name not in ("invoice_sid", "partner_sid")}
    return same | {"invoice_items": items, "pay_items": pays}
