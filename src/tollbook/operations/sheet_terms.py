"""What explaining says of a rate sheet: its name and version, and the terms that make a price more than a product."""

from collections.abc import Iterator
from typing import Any

from tollbook.billing.explaining import RateLine
from tollbook.billing.rating import Pin
from tollbook.billing.sheets import CallDeck, CallRate, UsageDeck
from tollbook.clock import format_instant
from tollbook.money import units_of_rate
from tollbook.operations.sheets import Tariffs
from tollbook.store import Reads
from tollbook.store.usage_sums import Priced, RateSum


class SheetTerms:
    """Answers about the versions that rated records of one snapshot."""

    def __init__(self, book: Reads) -> None:
        self._book = book
        self._tariffs = Tariffs(book)
        self._named: dict[str, dict[str, Any] | None] = {}
        self._rates: dict[str, dict[str | None, CallRate]] = {}

    def named(self, version_sid: str) -> dict[str, Any] | None:
        """A version as explanations name it; None where the book has lost it."""
        if version_sid not in self._named:
            found = self._book.sheet_of(version_sid)
            self._named[version_sid] = found and {
                "effective_date": format_instant(found[1]),
                "name": found[0].name,
                "rates_plan_sid": found[0].rates_plan_sid,
                "version_sid": version_sid,
            }
        return self._named[version_sid]

    def line(self, priced: Priced, added: RateSum) -> RateLine:
        """What the records of one price add to their item."""
        kind, pin = priced.kind, priced.pin
        product = 0
        if pin is not None:
            product = pin.rate * added.quantity
            product = product if kind == "call" else units_of_rate(product)
        return RateLine(
            pin=pin,
            quantity=added.quantity,
            units=added.units,
            records=added.records,
            kind=kind,  # type: ignore[arg-type]
            measured=added.measured if kind == "call" else None,
            terms=tuple(self._terms(pin)) if pin is not None and product != added.units else (),
        )

    def _terms(self, pin: Pin) -> Iterator[str]:
        """Which of a version's terms may make a price other than the quantity at the rate."""
        if self.named(pin.version_sid) is None:
            return
        deck = self._tariffs.deck_of(pin.version_sid)
        if isinstance(deck, CallDeck):
            if pin.version_sid not in self._rates:
                self._rates[pin.version_sid] = {rate.prefix: rate for rate in deck.rates}
            rate = self._rates[pin.version_sid].get(pin.prefix)
            yield from _call_terms(rate) if rate else ()
        elif isinstance(deck, UsageDeck):
            yield "conversion of quantities"
        if deck.version.price_rounding:
            yield "rounding each record"


def _call_terms(rate: CallRate) -> Iterator[str]:
    banded = rate.bands or any(step.bands for step in rate.steps)
    fees = [rate.connection_fee, *(band.connection_fee for band in rate.bands)]
    for name, has in (
        ("connection fees", any(fees)),
        ("steps", rate.steps),
        ("bands of time", banded),
        ("minimum charges", rate.charge_minimum),
        ("maximum charges", rate.charge_maximum is not None),
    ):
        if has:
            yield name
