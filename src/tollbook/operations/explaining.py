"""Explaining an invoice: what stands behind each of its lines, in figures and in words that add up to the cent.

An item is the sum of exact prices, rate by rate, rounded once; an adjustment the sum of corrections; a credit, a tax
and a payment say what they are of. A closed invoice is explained by what closing froze, an open one by what is there.
An imported one is shown as it came.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from tollbook import errors, limits
from tollbook.billing.balances import balance_forward
from tollbook.billing.composing import credit_items, tax_items
from tollbook.billing.currencies import minor_decimals
from tollbook.billing.deriving import ItemKey, ItemSum, item_place, items_of
from tollbook.billing.explaining import (
    RateLine,
    balance_adds_up,
    counted,
    exact_text,
    explain_balance,
    explain_line,
    explain_rounding,
    in_order,
)
from tollbook.billing.ledger import FixedLine, Payment
from tollbook.billing.model import Caller, Invoice, InvoiceItem, PayItem, TaxItem
from tollbook.billing.periods import midnight
from tollbook.clock import format_instant
from tollbook.errors import Flaw, Refusal, no_item
from tollbook.money import format_amount, format_rate
from tollbook.operations.reading import list_records
from tollbook.operations.sheet_terms import SheetTerms
from tollbook.operations.sights import sight_of
from tollbook.query.fields import INVOICES
from tollbook.query.listing import parse_list
from tollbook.query.records import decode_json, wire_record
from tollbook.store import Reads, Store
from tollbook.store.invoice_rows import Key, key_of
from tollbook.store.usage_sums import Correction, Item, Priced, RateSum, Side, priced_of

Json = dict[str, Any]
encode_tidy = msgspec.json.Encoder(order="deterministic").encode
"""JSON with the keys of every object in alphabetical order."""


def explain_invoice(store: Store, caller: Caller, invoice_sid: str) -> Json:
    """An invoice explained; 404 where there is none in the caller's sight."""
    with store.reading() as book:
        book.hold_usage()
        book.record(INVOICES, sight_of(caller, INVOICES), invoice_sid)
        return Explaining(book, caller).invoice(book.invoice(invoice_sid))


def find_invoice(store: Store, caller: Caller, named: str) -> str:
    """The sid of an invoice in sight, named by it or, like `CX00000012/004`, by its partner's number and its own.

    404 where there is none, 409 where several have the number.
    """
    partner, slash, number = named.partition("/")
    if not slash:
        return named
    asked = f"partner.display_id eq {json.dumps(partner)} and display_id eq {json.dumps(number.rjust(3, '0'))}"
    found = list_records(store, caller, parse_list(f"limit=2&filter={quote(asked)}", INVOICES))
    if not found.documents:
        raise no_item()
    if len(found.documents) > 1:
        raise Refusal(errors.CONFLICT, Flaw("SID", f"several invoices are called {named}: give the sid"))
    return str(decode_json(found.documents[0])["invoice_sid"])


class Explaining:
    """Explains invoices of one snapshot to one caller."""

    def __init__(self, book: Reads, caller: Caller) -> None:
        settings = book.settings()
        self._book = book
        self._caller = caller
        self._currency = settings.get("currency", "USD")
        self._decimals = minor_decimals(self._currency)
        self._sheets = SheetTerms(book)
        self._seen_sids: dict[str, bool] = {}

    def invoice(self, invoice: Invoice) -> Json:
        """One invoice with all that is behind it."""
        key = key_of(invoice)
        computed = self._book.is_computed(key)
        items, taxes, pays = self._computed(invoice, key) if computed else _imported(invoice)
        return {
            "balance": _balance(invoice, computed=computed),
            "currency": self._currency,
            "date_billing_period_end": format_instant(invoice.date_billing_period_end),
            "date_billing_period_start": format_instant(invoice.date_billing_period_start),
            "display_id": invoice.display_id,
            "invoice_items": [each | {"item": place} for place, each in enumerate(items)],
            "invoice_sid": invoice.invoice_sid,
            "origin": "computed" if computed else "imported",
            "partner_sid": invoice.partner_sid,
            "pay_items": list(pays),
            "status": invoice.status,
            "tax_items": list(taxes),
        }

    def _computed(self, invoice: Invoice, key: Key) -> tuple[list[Json], Iterable[Json], Iterable[Json]]:
        sums, lines = self._book.item_sums(key), self._book.fixed_lines(key)
        rates = self._rates(invoice, sums)
        corrections = self._corrections(invoice, sums)
        made: list[tuple[InvoiceItem, Json]] = []
        for each, total in sums.items():
            (item,) = items_of({each: total}, (), self._decimals)
            if each.type == "adjustment":
                made.append((item, self._adjusted(item, total, corrections[each])))
            else:
                made.append((item, self._rated(item, total, rates[each])))
        made += [
            (item, self._credit(item, line))
            for item, line in zip(credit_items(lines), (x for x in lines if not x.is_tax), strict=True)
        ]
        made.sort(key=lambda pair: item_place(pair[0]))
        taxes = zip(tax_items(lines), (line for line in lines if line.is_tax), strict=True)
        return (
            [said for _, said in made],
            (self._tax(tax, line) for tax, line in taxes),
            map(self._pay, self._book.payments_on(key)),
        )

    # Usage.

    def _rates(self, invoice: Invoice, sums: Mapping[ItemKey, ItemSum]) -> dict[ItemKey, dict[Priced, RateSum]]:
        """What each item's records add up to, by what they were priced at."""
        found: dict[ItemKey, dict[Priced, RateSum]] = {key: {} for key in sums if key.type != "adjustment"}
        for period in {key.period for key in found}:
            start, end = midnight(period.start), midnight(period.end)
            by_item = self._book.rate_sums(invoice.partner_sid, invoice.invoice_sid, start, end)
            for key in found:
                if key.period == period:
                    found[key] = by_item.get(_item(key), {})
        for _, placed in self._book.frozen_versions(invoice.partner_sid, invoice.invoice_sid):
            item, priced, one = priced_of(placed)
            held = _holding(found, item, placed.event.time)
            if held is not None:
                before = found[held].get(priced)
                found[held][priced] = one.plus(before) if before else one
        return found

    def _rated(self, item: InvoiceItem, total: ItemSum, rates: Mapping[Priced, RateSum]) -> Json:
        lines = in_order(self._sheets.line(priced, added) for priced, added in rates.items())
        return self._item(
            item, total, sum(line.units for line in lines), rates=list(map(self._rate, lines)), records=total.events
        )

    def _rate(self, line: RateLine) -> Json:
        pin = line.pin
        return {
            "exact": exact_text(line.units),
            "jurisdiction": pin.jurisdiction if pin else None,
            "kind": line.kind,
            "prefix": pin.prefix if pin else None,
            "rate": format_rate(pin.rate) if pin else None,
            "records": line.records,
            "seconds_measured": None if line.measured is None else format_rate(line.measured),
            "sheet": self._sheets.named(pin.version_sid) if pin else None,
            "units": str(line.units),
            "usage": line.quantity,
            "words": f"{counted(line.records, 'record')}: {explain_line(line)}",
        }

    def _item(self, item: InvoiceItem, total: ItemSum | None, explained: int, **more: Any) -> Json:
        """An item of exact sums: its wire form and what every one says."""
        said: Json = _wire_item(item) | _NOTHING
        if total is not None:
            said |= {"exact": exact_text(total.units), "units": str(total.units)}
            said["words"] = [explain_rounding(total.units, self._decimals)]
            if explained != total.units:
                said["words"].append(f"its records add up to {exact_text(explained)}: tollbook check tells more")
        return said | more

    # Corrections.

    def _corrections(self, invoice: Invoice, sums: Mapping[ItemKey, ItemSum]) -> dict[ItemKey, "_Adjusted"]:
        found = {key: _Adjusted() for key in sums if key.type == "adjustment"}
        if found:
            for correction in self._book.corrections_on(invoice.partner_sid, invoice.invoice_sid):
                parts: dict[ItemKey, list[tuple[Side, ItemSum]]] = {}
                for side, part in correction.parts():
                    key = _holding(found, side.item._replace(type="adjustment"), side.date)
                    if key is not None:
                        parts.setdefault(key, []).append((side, part))
                for key, each in parts.items():
                    found[key].add(correction, each)
        return found

    def _adjusted(self, item: InvoiceItem, total: ItemSum, adjusted: "_Adjusted") -> Json:
        told = [self._correction(*each) for each in adjusted.told]
        said = self._item(item, total, adjusted.sum.units, corrections=told, records=adjusted.count)
        if adjusted.count > len(told):
            more, units = adjusted.count - len(told), adjusted.sum.units - sum(int(each["units"]) for each in told)
            said["more_corrections"] = {
                "exact": exact_text(units),
                "records": more,
                "units": str(units),
                "words": f"{counted(more, 'more correction')} = {exact_text(units)}",
            }
        return said

    def _correction(self, correction: Correction, sides: list[tuple[Side, ItemSum]], change: ItemSum) -> Json:
        shown = [side for side, _ in sides]
        before = correction.before if correction.before in shown else None
        after = correction.after if correction.after in shown else None
        return self._changed(correction, before, after, change)

    def changed(self, correction: Correction) -> Json:
        """A correction whole, whatever it is on."""
        after, before = correction.after, correction.before
        units = 0 if before.given_back else (after.units if after else 0) - before.units
        change = ItemSum(units, (after.quantity if after else 0) - before.quantity)
        return self._changed(correction, before, after, change)

    def _changed(self, correction: Correction, before: Side | None, after: Side | None, change: ItemSum) -> Json:
        was, is_ = (_counted_as(side) for side in (before, after))
        record = f"record {correction.dr_sid}{' of a void invoice' if correction.before.given_back else ''}"
        return {
            "after": _side(after),
            "before": _side(before),
            "date_replaced": format_instant(correction.date_replaced),
            "dr_sid": correction.dr_sid,
            "exact": exact_text(change.units),
            "reason": correction.why,
            "units": str(change.units),
            "usage": change.usage,
            "who": self.who(correction.who),
            "words": f"{record}: {was} became {is_} = {exact_text(change.units)} ({correction.why})",
        }

    # Lines that were written by hand.

    def _credit(self, item: InvoiceItem, line: FixedLine) -> Json:
        corrected = self._book.invoice(line.corrects_sid)
        # A voiding gives the items back one by one, in their order; what follows them takes back what was given before.
        given = line.position < len(corrected.invoice_items)
        said = "credit for" if given else "takes back a credit or correction of"
        words = f"{said} invoice {corrected.display_id}: {line.why}"
        return self._item(item, None, 0, credit=self._fixed(line), words=[words])

    def _tax(self, tax: TaxItem, line: FixedLine) -> Json:
        words = f"{tax.type} ({tax.jurisdiction}) of what is credited for {self._named(line)}"
        return _wire_part("tax_items", tax) | {"credit": self._fixed(line), "words": words}

    def _named(self, line: FixedLine) -> str:
        return f"invoice {self._book.invoice(line.corrects_sid).display_id}"

    def _fixed(self, line: FixedLine) -> Json:
        return {
            "date_created": format_instant(line.date_created),
            "invoice_sid": line.corrects_sid,
            "reason": line.why,
            "who": self.who(line.who),
        }

    def _pay(self, payment: Payment) -> Json:
        item = PayItem(amount=payment.amount, date_created=payment.date_created, type=payment.type)
        valued = None if payment.date_value is None else format_instant(payment.date_value)
        return _wire_part("pay_items", item) | {
            "date_value": valued,
            "payment_sid": payment.payment_sid,
            "provider": payment.provider or None,
            "kind": payment.kind,
            "reason": payment.reason,
            "reference": payment.reference,
            "refunds_sid": payment.refunds_sid,
            "who": self.who(payment.who),
            "words": _paid(payment, valued),
        }

    def who(self, who: str) -> str | None:
        """Who did something, where the caller may know of them."""
        if who not in self._seen_sids:
            known = self._book.chain_above(who)
            self._seen_sids[who] = not known or self._caller.partner_sid in known
        return who if self._seen_sids[who] else None


class _Adjusted:
    """What an adjustment is the sum of: the first corrections, and how much all of them are."""

    def __init__(self) -> None:
        self.told: list[tuple[Correction, list[tuple[Side, ItemSum]], ItemSum]] = []
        self.count = 0
        self.sum = ItemSum()

    def add(self, correction: Correction, sides: list[tuple[Side, ItemSum]]) -> None:
        """Count a correction, of which these sides are the item's."""
        change = sum((part for _, part in sides), ItemSum())
        self.count += 1
        self.sum += change
        if len(self.told) < limits.EXPLAINED_CORRECTIONS_MAX:
            self.told.append((correction, sides, change))


_NOTHING: Json = {
    "corrections": [],
    "credit": None,
    "exact": None,
    "more_corrections": None,
    "rates": [],
    "records": 0,
    "units": None,
    "words": [],
}
_NO_PAYMENT: Json = dict.fromkeys(
    ("date_value", "kind", "payment_sid", "provider", "reason", "reference", "refunds_sid", "who")
)
_VERBATIM = "imported, shown verbatim"


def _imported(invoice: Invoice) -> tuple[list[Json], Iterator[Json], Iterator[Json]]:
    """The lines of an imported invoice: nothing is known of them but what they say."""
    return (
        [_wire_item(item) | _NOTHING | {"words": [_VERBATIM]} for item in invoice.invoice_items],
        (_wire_part("tax_items", tax) | {"credit": None, "words": _VERBATIM} for tax in invoice.tax_items),
        (_wire_part("pay_items", pay) | _NO_PAYMENT | {"words": _VERBATIM} for pay in invoice.pay_items),
    )


def _balance(invoice: Invoice, *, computed: bool) -> Json:
    words = [explain_balance(invoice)]
    if not balance_adds_up(invoice):
        right = balance_forward(invoice.balance_previous, invoice.amount, invoice.amount_tax, invoice.pay_items)
        words = [
            explain_balance(invoice).rpartition(" = ")[0] + f" = {format_amount(right)}",
            f"the invoice says {format_amount(invoice.balance_forward)}: "
            + ("tollbook check tells more" if computed else "it was imported, and is shown verbatim"),
        ]
    if invoice.balance_forward <= 0:
        words.append("nothing is due")
    names = ("amount", "amount_due", "amount_tax", "balance_forward", "balance_previous")
    said: Json = {name: format_amount(getattr(invoice, name)) for name in names}
    return said | {"paid": format_amount(sum(pay.amount for pay in invoice.pay_items)), "words": words}


def _wire_item(item: InvoiceItem) -> Json:
    return {"direction": None} | _wire_part("invoice_items", item)


def _wire_part(name: str, part: InvoiceItem | PayItem | TaxItem) -> Json:
    return wire_record(INVOICES.by_name[name].parts, lambda each: getattr(part, each))


def _item(key: ItemKey) -> Item:
    return Item(key.type, key.direction or "", key.country_code or "")


def _holding(keys: Iterable[ItemKey], item: Item, instant: int) -> ItemKey | None:
    """The item whose period holds an instant."""
    return next((key for key in keys if _item(key) == item and key.period.holds(instant)), None)


def _side(side: Side | None) -> Json | None:
    if side is None:
        return None
    return {
        "exact": exact_text(side.units),
        "price": None if side.price is None else format_rate(side.price),
        "rate": None if side.rate is None else format_rate(side.rate),
        "usage": side.quantity,
    }


def _counted_as(side: Side | None) -> str:
    return "nothing" if side is None else f"{side.quantity} for {exact_text(side.units)}"


def _paid(payment: Payment, valued: str | None) -> str:
    words = [f"{payment.kind.replace('_', '-')} of {format_amount(payment.amount)} by {payment.type}"]
    if payment.kind not in ("payment", "refund"):
        words = [f"{payment.kind.replace('_', '-')} of {format_amount(payment.amount)}"]
    if payment.refunds_sid:
        words.append(f"of the payment {payment.refunds_sid}")
    if payment.reference:
        words.append(f"reference {payment.reference}" + (f" of {payment.provider}" if payment.provider else ""))
    if valued:
        words.append(f"value date {valued[:10]}")
    if payment.reason:
        words.append(payment.reason)
    return ", ".join(words)
