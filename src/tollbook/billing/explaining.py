"""Explaining: an item's, a record's and a balance's arithmetic in words that add up to the printed cent.

Exact products are shown exactly: what lies beyond nine decimals as sixtieths of a billionth. Nothing is computed here
that is not computed the same way where it is billed.
"""

from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec

from tollbook.billing.balances import balance_forward
from tollbook.billing.deriving import ItemSum
from tollbook.billing.model import Invoice
from tollbook.billing.rating import Charge, Pin, Rated
from tollbook.money import format_amount, format_rate, format_units, item_amount, units_of_rate

EventKind = Literal["call", "message", "usage"]


class RateLine(msgspec.Struct, frozen=True):
    """What the records of one pin contribute to an item: their quantity and exact price, for explain and the PDF.

    Without a pin their prices came with them. `kind` says what the quantity is, `measured` (nanoseconds) how long calls
    were talked, `terms` what of the sheet makes a price other than quantity times rate.
    """

    pin: Pin | None
    quantity: int
    units: int
    records: int = 0
    kind: EventKind | None = None
    measured: int | None = None
    terms: tuple[str, ...] = ()


def in_order(lines: Iterable[RateLine]) -> list[RateLine]:
    """Lines by version, prefix and rate; prices that came with the records last."""
    return sorted(lines, key=lambda line: (_pin_place(line.pin), line.kind or ""))


def explain_lines(lines: Iterable[RateLine], total: ItemSum, minor_decimals: int = 2) -> list[str]:
    """An item's arithmetic in words, each exact product and the one rounding; it adds up to the printed amount.

    >>> for line in explain_lines([RateLine(Pin("v", "1", 2_500_000), 8880, 8880 * 2_500_000, kind="call")],
    ...     ItemSum(8880 * 2_500_000, 8880, 148)): print(line)
    8880 s at 0.0025 a minute (prefix 1) = 0.37
    exact sum 0.37, rounded once half up: 0.37
    """
    return [*map(explain_line, lines), explain_rounding(total.units, minor_decimals)]


def explain_line(line: RateLine) -> str:
    """One rate's part of an item: the product, what the sheet's terms put in its place, the exact price.

    >>> explain_line(RateLine(Pin("v", "44", 60), 60, 3660, kind="call", terms=("connection fees",)))
    '60 s at 0.00000006 a minute (prefix 44) = 0.00000006, and 0.000000001 by connection fees = 0.000000061'
    """
    if line.pin is None:
        return f"{_quantity(line)} at prices that came with the records = {exact_text(line.units)}"
    where = f" (prefix {line.pin.prefix})" if line.pin.prefix else ""
    rate = f"{format_rate(line.pin.rate)}{' a minute' if line.kind == 'call' else ''}"
    product = line.pin.rate * line.quantity
    # A line of no kind is taken for one of calls: its product has seconds in it.
    product = product if line.kind in ("call", None) else units_of_rate(product)
    factors = f"{_quantity(line)} at {rate}{where} = "
    if line.units == product:
        return f"{factors}{exact_text(product)}"
    by = " and ".join(filter(None, (", ".join(line.terms[:-1]), *line.terms[-1:]))) or "the sheet's terms"
    return f"{factors}{exact_text(product)}, and {exact_text(line.units - product)} by {by} = {exact_text(line.units)}"


def explain_rounding(units: int, minor_decimals: int = 2) -> str:
    """An item's one rounding."""
    rounded = format_amount(item_amount(units, minor_decimals))
    return f"exact sum {exact_text(units)}, rounded once half up: {rounded}"


def _quantity(line: RateLine) -> str:
    return {"call": f"{line.quantity} s", "message": counted(line.quantity, "segment")}.get(
        line.kind or "", str(line.quantity)
    )


def counted(number: int, noun: str) -> str:
    """So many of something.

    >>> counted(1, "segment"), counted(2, "segment")
    ('1 segment', '2 segments')
    """
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


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
        return (
            f"{counted(rated.measured, 'segment')}, {counted(rated.recipients, 'recipient')}, {rated.quantity} billed"
        )
    converted = "" if rated.converted is None else f", converted to {format_rate(rated.converted)}"
    return f"{counted(rated.quantity, 'unit')}{converted}"


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
        yield f"{rated.limited} charge {exact_text(rated.bound)} in place of {exact_text(rated.exact)}"
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


def balance_adds_up(invoice: Invoice) -> bool:
    """Whether an invoice's balance is the sum that the words say; an imported one's need not be."""
    return invoice.balance_forward == balance_forward(
        invoice.balance_previous, invoice.amount, invoice.amount_tax, invoice.pay_items
    )


def _pin_place(pin: Pin | None) -> tuple[bool, str, str, int, str]:
    if pin is None:
        return (True, "", "", 0, "")
    return (False, pin.version_sid, pin.prefix or "", pin.rate, pin.jurisdiction or "")
