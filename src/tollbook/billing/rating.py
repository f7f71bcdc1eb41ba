"""Rating: an event and a compiled sheet in, a quantity at a price out, with all that explains it.

Prices are exact integers of 10⁻⁹/60 of the currency (an item's units); nothing is rounded but where a sheet says so.
Which sheet an event has is `sheets.py`'s question; what becomes of the answer is `deriving.py`'s. Billing rules 5.
"""

from typing import Literal, NamedTuple

import msgspec

from tollbook import limits
from tollbook.billing.bands import banded_runs
from tollbook.billing.events import CallEvent, MessageEvent, UsageEvent
from tollbook.billing.increments import Run, billed_runs, billed_seconds, started_seconds
from tollbook.billing.numbers import Jurisdiction
from tollbook.billing.sheets import (
    BandPrice,
    CallDeck,
    CallRate,
    Conversion,
    MessageDeck,
    PriceRounding,
    UsageDeck,
)
from tollbook.money import BILLIONTHS, divide, round_units, units_of_rate

Limited = Literal["minimum", "maximum"]


class Charge(NamedTuple):
    """A part of a price: so many seconds (segments, units) at a rate, in a step and a band of time."""

    quantity: int
    rate: int
    step: int = 0
    band: str | None = None


class Pin(msgspec.Struct, frozen=True):
    """What rated an event, kept with it for ever: the sheet's version, the prefix, the rate, the jurisdiction.

    `prefix` is None for the catch-all and where prefixes have no meaning. Plans will add theirs here.
    """

    version_sid: str
    prefix: str | None
    rate: int
    jurisdiction: Jurisdiction | None = None


class Rated(msgspec.Struct, frozen=True, kw_only=True):
    """What an event adds to its item, `quantity` and `units`, and how they came about.

    `measured` is nanoseconds of talk, segments, or units before conversion. `exact` is the product before a sheet's
    minimum or maximum (`limited`, at `bound`) and rounding. `final` says that the price came with the event: then
    `pin` and `recomputed` tell what the sheet would have charged, if there is one.
    """

    quantity: int
    units: int
    measured: int
    exact: int
    pin: Pin | None
    charges: tuple[Charge, ...] = ()
    connection_fee: int = 0
    converted: int | None = None
    limited: Limited | None = None
    bound: int = 0
    rounding: PriceRounding | None = None
    recipients: int = 1
    final: bool = False
    recomputed: int | None = None

    @property
    def differs(self) -> bool:
        """Whether a price that came with the event is not what the sheet gives: reported, never changed."""
        return self.recomputed is not None and self.recomputed != self.units


class Unrated(msgspec.Struct, frozen=True, kw_only=True):
    """An event without a rate: kept, shown, on no invoice, never zero; `quantity` before any sheet's increments."""

    quantity: int
    reason: str


Rating = Rated | Unrated


def rate_call(event: CallEvent, deck: CallDeck | None) -> Rating:
    """The price of a call; ValueError if its times are impossible. A `price` of its own is final.

    Three minutes and a second at 0.0025 a minute, 6-second increments:

    >>> from tollbook.billing.sheets import SheetVersion
    >>> line = CallRate(prefix="1", rate=2_500_000, billing_minimum=6, billing_increment=6)
    >>> sheet = SheetVersion(rates_plan_sid="p", version_sid="v", name="US", service="calls", effective_date=0,
    ...     rates=(line,))
    >>> call = CallEvent(dr_sid="a", partner_sid="b", direction="outbound", number_src="442071838750",
    ...     number_dst="12125550100", date_start=0, date_talk=2_000, date_stop=183_000)
    >>> rated = rate_call(call, CallDeck(sheet))
    >>> rated.quantity, rated.units == 186 * 2_500_000
    (186, True)
    """
    measured = event.measured
    rate = deck.find(event.rated_number) if deck is not None else None
    by_sheet = _call_by(deck, rate, event, measured) if deck is not None and rate is not None else None
    if event.price is None:
        return by_sheet or Unrated(quantity=started_seconds(measured), reason=_no_rate(deck, event.rated_number))
    quantity = event.duration_billing
    if quantity is None:
        quantity = by_sheet.quantity if by_sheet else started_seconds(measured)
    return _final(event.price, quantity, measured, by_sheet)


def _call_by(deck: CallDeck, rate: CallRate, event: CallEvent, measured: int) -> Rated:
    version = deck.version
    charges, fee = _charges(deck, rate, event, started_seconds(measured))
    exact = sum([charge.quantity * charge.rate for charge in charges]) + units_of_rate(fee)
    units, limited = _within(exact, rate) if charges else (0, None)
    base = charges[0].rate if charges else _base(rate, event.jurisdiction)
    return Rated(
        quantity=sum([charge.quantity for charge in charges]),
        units=_rounded(units, version.price_rounding),
        measured=measured,
        exact=exact,
        pin=Pin(version.version_sid, rate.prefix, base, event.jurisdiction),
        charges=charges,
        connection_fee=fee,
        limited=limited,
        bound=units if limited else 0,
        rounding=version.price_rounding,
    )


def _charges(deck: CallDeck, rate: CallRate, event: CallEvent, seconds: int) -> tuple[tuple[Charge, ...], int]:
    """The parts of a call's price, neighbours at one price joined, and its connection fee: the first band's."""
    if not seconds:
        return (), 0
    terms = (rate.billing_minimum, rate.billing_increment, deck.version.convention)
    if not rate.steps and not deck.banded:
        return (Charge(billed_seconds(seconds, *terms), _base(rate, event.jurisdiction)),), rate.connection_fee
    runs = billed_runs(seconds, *terms, [(step.from_second, step.billing_increment) for step in rate.steps])
    banded = _banded(deck, event, runs)
    charges: list[Charge] = []
    for run, band in banded:
        charge = Charge(run.length * run.blocks, _price(rate, run.step, band, event.jurisdiction), run.step, band)
        if charges and charges[-1][1:] == charge[1:]:
            charge = charge._replace(quantity=charges.pop().quantity + charge.quantity)
        charges.append(charge)
    first = _band_price(rate.bands, banded[0][1])
    fee = rate.connection_fee if first is None or first.connection_fee is None else first.connection_fee
    return tuple(charges), fee


def _banded(deck: CallDeck, event: CallEvent, runs: list[Run]) -> list[tuple[Run, str | None]]:
    times = deck.version.times
    if times is None:
        return [(run, None) for run in runs]
    return banded_runs(times, runs, event.date_start if event.date_talk is None else event.date_talk, deck.offset)


def _price(rate: CallRate, step: int, band: str | None, jurisdiction: Jurisdiction | None) -> int:
    """The price per minute: a step's or the rate's own, by the band in which the block begins."""
    if step:
        taken = rate.steps[step - 1]
        in_band = _band_price(taken.bands, band)
        return in_band.rate if in_band else taken.rate
    in_band = _band_price(rate.bands, band)
    return in_band.rate if in_band else _base(rate, jurisdiction)


def _base(rate: CallRate, jurisdiction: Jurisdiction | None) -> int:
    return rate.jurisdictions.get(jurisdiction, rate.rate) if jurisdiction else rate.rate


def _band_price(prices: tuple[BandPrice, ...], band: str | None) -> BandPrice | None:
    return next((price for price in prices if price.band == band), None) if band else None


def _within(exact: int, rate: CallRate) -> tuple[int, Limited | None]:
    """A price between the rate's minimum and maximum charge, and which of them took hold."""
    if exact < (least := units_of_rate(rate.charge_minimum)):
        return least, "minimum"
    if rate.charge_maximum is not None and exact > (most := units_of_rate(rate.charge_maximum)):
        return most, "maximum"
    return exact, None


def _rounded(units: int, rounding: PriceRounding | None) -> int:
    return units if rounding is None else round_units(units, rounding.decimals, rounding.rounding)


def rate_message(event: MessageEvent, deck: MessageDeck | None) -> Rating:
    """The price of a message: price × segments × max(1, recipients); ValueError outside the limits.

    Three recipients at 0.005 cost 0.015.
    """
    quantity = event.quantity
    rate = deck.find(event.sender, event.mcc, event.mnc, event.rated_number) if deck is not None else None
    by_sheet = None
    if deck is not None and rate is not None:
        exact = units_of_rate(rate.price) * quantity
        by_sheet = Rated(
            quantity=quantity,
            units=_rounded(exact, deck.version.price_rounding),
            measured=event.message_segments,
            exact=exact,
            pin=Pin(deck.version.version_sid, rate.prefix, rate.price),
            charges=(Charge(quantity, rate.price),),
            rounding=deck.version.price_rounding,
            recipients=event.recipients,
        )
    if event.price is None:
        return by_sheet or Unrated(quantity=quantity, reason=_no_rate(deck, event.rated_number))
    return _final(event.price, quantity, event.message_segments, by_sheet)


def rate_usage(event: UsageEvent, deck: UsageDeck | None) -> Rating:
    """The price of other usage, its quantity converted first where the sheet says so; ValueError outside the limits.

    The item's `usage` stays the quantity before conversion.
    """
    if not 0 <= event.quantity <= limits.USAGE_MAX:
        raise ValueError(f"expected a quantity from 0 to {limits.USAGE_MAX}")
    line = deck.find(event.type) if deck is not None else None
    by_sheet = None
    if deck is not None and line is not None:
        converted = convert(event.quantity, line.conversion)
        exact = divide(units_of_rate(line.price) * converted, BILLIONTHS)
        by_sheet = Rated(
            quantity=event.quantity,
            units=_rounded(exact, deck.version.price_rounding),
            measured=event.quantity,
            exact=exact,
            pin=Pin(deck.version.version_sid, None, line.price),
            charges=(Charge(event.quantity, line.price),),
            converted=None if line.conversion is None else converted,
            rounding=deck.version.price_rounding,
        )
    if event.price is None:
        return by_sheet or Unrated(quantity=event.quantity, reason=_no_rate(deck, event.type))
    return _final(event.price, event.quantity, event.quantity, by_sheet)


def convert(quantity: int, conversion: Conversion | None) -> int:
    """A quantity in billionths, after conversion.

    >>> convert(1_500, Conversion(how="divide", by=1_000, rounding="up"))
    2000000000
    """
    scaled = quantity * BILLIONTHS
    if conversion is None:
        return scaled
    if conversion.how == "multiply":
        return scaled * conversion.by
    if conversion.rounding is None:
        return divide(scaled, conversion.by)
    grain: int = 10 ** (limits.RATE_DECIMALS_MAX - conversion.decimals)
    return divide(scaled, conversion.by * grain, conversion.rounding) * grain


def _final(price: int, quantity: int, measured: int, by_sheet: Rated | None) -> Rated:
    """The rating of an event whose price came with it."""
    units = units_of_rate(price)
    pin, recomputed = (by_sheet.pin, by_sheet.units) if by_sheet else (None, None)
    return Rated(
        quantity=quantity, units=units, measured=measured, exact=units, pin=pin, final=True, recomputed=recomputed
    )


def _no_rate(deck: CallDeck | MessageDeck | UsageDeck | None, asked: str) -> str:
    if deck is None:
        return "no sheet is assigned"
    return f"the sheet {deck.version.name!r} has no rate for {asked}"
