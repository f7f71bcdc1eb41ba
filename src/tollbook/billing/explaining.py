"""Explaining: an item's, a record's and a balance's arithmetic in words that add up to the printed cent.

Exact products are shown exactly: what lies beyond nine decimals as sixtieths of a billionth. Nothing is computed here
that is not computed the same way where it is billed.
"""

from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec

from tollbook.billing.deriving import ItemSum
from tollbook.billing.model import Invoice
from tollbook.billing.rating import Charge, Pin, Rated
from tollbook.money import format_amount, format_rate, format_units, item_amount, units_of_rate

EventKind = Literal["call", "message", "usage"]


class RateLine(msgspec.Struct, frozen=True, order=True):
    """What one pin contributes to an item: its quantity and exact product, for explain and the PDF."""

    pin: Pin | None
    quantity: int
    units: int


def rate_lines(events: Iterable[tuple[Pin | None, int, int]]) -> list[RateLine]:
    """The events of one item, given as (pin, quantity, units), summed by pin; prices that came with events last."""
    sums: dict[Pin | None, tuple[int, int]] = {}
    for pin, quantity, units in events:
        before = sums.get(pin, (0, 0))
        sums[pin] = (before[0] + quantity, before[1] + units)
    lines = [RateLine(pin, *total) for pin, total in sums.items()]
    return sorted(lines, key=lambda line: _pin_place(line.pin))


def explain_lines(lines: Iterable[RateLine], total: ItemSum, minor_decimals: int = 2) -> list[str]:
    """An item's arithmetic in words, each exact product and the one rounding; it adds up to the printed amount.

    >>> for line in explain_lines([RateLine(Pin("v", "1", 2_500_000), 8880, 8880 * 2_500_000)],
    ...     ItemSum(8880 * 2_500_000, 8880, 148)): print(line)
    8880 at 0.0025 (prefix 1) = 0.37
    exact sum 0.37, rounded once half up: 0.37
    """
    said = [f"{line.quantity} {_at(line.pin)} = {exact_text(line.units)}" for line in lines]
    rounded = format_amount(item_amount(total.units, minor_decimals))
    return [*said, f"exact sum {exact_text(total.units)}, rounded once half up: {rounded}"]


def exact_text(units: int) -> str:
    """An exact sum in plain text: decimals where they end, else the part beyond nine decimals in sixtieths.

    >>> exact_text(60), exact_text(61), exact_text(-61 * 2_500_000)
    ('0.000000001', '0.000000001 + 1/60 × 10⁻⁹', '-(0.002541666 + 40/60 × 10⁻⁹)')
    """
    whole, sixtieths = divmod(abs(units), 60)
    if not sixtieths:
        return format_units(units)
    text = f"{format_units(whole * 60)} + {sixtieths}/60 × 10⁻⁹"
    return f"-({text})" if units < 0 else text


def explain_rating(rated: Rated, kind: EventKind) -> list[str]:
    """How one record came to its price.

    >>> rated = Rated(quantity=60, units=150_000_000, measured=4_250_150_000, exact=150_000_000,
    ...     pin=Pin("v", "1", 2_500_000), charges=(Charge(60, 2_500_000),))
    >>> for line in explain_rating(rated, "call"): print(line)
    4.25015 s measured, 60 s billed
    60 s at 0.0025 a minute (prefix 1) = 0.0025
    price 0.0025
    """
    if rated.final:
        return [_measured(rated, kind), *_final(rated)]
    return [_measured(rated, kind), *_charged(rated, kind), *_adjusted(rated), f"price {exact_text(rated.units)}"]


def _measured(rated: Rated, kind: EventKind) -> str:
    if kind == "call":
        return f"{format_rate(rated.measured)} s measured, {rated.quantity} s billed"
    if kind == "message":
        return f"{rated.measured} segments, {rated.recipients} recipients, {rated.quantity} billed"
    converted = "" if rated.converted is None else f", converted to {format_rate(rated.converted)}"
    return f"{rated.quantity} units{converted}"


def _charged(rated: Rated, kind: EventKind) -> Iterator[str]:
    if rated.connection_fee:
        yield f"connection fee {format_rate(rated.connection_fee)}"
    where = f" (prefix {rated.pin.prefix})" if rated.pin and rated.pin.prefix else ""
    for charge in rated.charges:
        factors, product = _product(rated, charge, kind)
        yield f"{factors}{_in(charge)}{where} = {exact_text(product)}"


def _product(rated: Rated, charge: Charge, kind: EventKind) -> tuple[str, int]:
    """A charge's factors in words, and its exact product."""
    rate = format_rate(charge.rate)
    if kind == "call":
        return f"{charge.quantity} s at {rate} a minute", charge.quantity * charge.rate
    if rated.converted is not None:
        return f"{format_rate(rated.converted)} at {rate}", rated.exact
    return f"{charge.quantity} at {rate}", charge.quantity * units_of_rate(charge.rate)


def _in(charge: Charge) -> str:
    step = f", step {charge.step}" if charge.step else ""
    return f"{step}, band {charge.band}" if charge.band else step


def _adjusted(rated: Rated) -> Iterator[str]:
    if rated.limited:
        yield f"{rated.limited} charge in place of {exact_text(rated.exact)}"
    if rated.rounding:
        yield f"rounded {rated.rounding.rounding.replace('_', ' ')} at {rated.rounding.decimals} decimals, each record"


def _final(rated: Rated) -> Iterator[str]:
    yield f"price {exact_text(rated.units)} came with the record"
    if rated.differs and rated.recomputed is not None:
        yield f"the sheet gives {exact_text(rated.recomputed)}"


def explain_balance(invoice: Invoice) -> str:
    """An invoice's balance as a sum in words.

    `0 carried over + 0.38 charged + 0.32 tax - 0 paid = 0.7`, for instance.
    """
    paid = sum(pay.amount for pay in invoice.pay_items)
    previous, amount, tax, pays, forward = (
        format_amount(value)
        for value in (invoice.balance_previous, invoice.amount, invoice.amount_tax, paid, invoice.balance_forward)
    )
    return f"{previous} carried over + {amount} charged + {tax} tax - {pays} paid = {forward}"


def _pin_place(pin: Pin | None) -> tuple[bool, str, str, int, str]:
    if pin is None:
        return (True, "", "", 0, "")
    return (False, pin.version_sid, pin.prefix or "", pin.rate, pin.jurisdiction or "")


def _at(pin: Pin | None) -> str:
    if pin is None:
        return "at prices that came with the records"
    where = f" (prefix {pin.prefix})" if pin.prefix else ""
    return f"at {format_units(pin.rate * 60)}{where}"
