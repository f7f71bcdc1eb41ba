"""Exact amounts: an integer of millionths inside, the shortest plain decimal text outside.

No float, no exponent, no locale. Text is checked by its shape before any arithmetic sees it, so a long or
clever number costs nothing.

Three scales, each an integer: an amount in millionths, a rate in billionths, and what an invoice item sums in
units of 10⁻⁹/60 of the currency, so that a rate per minute times whole seconds needs no division. A sum becomes
an amount once, at its end.
"""

import re
from fractions import Fraction
from typing import Final, Literal

from tollbook import limits

MILLIONTHS: Final = 10**limits.AMOUNT_DECIMALS_MAX
BILLIONTHS: Final = 10**limits.RATE_DECIMALS_MAX
ITEM_UNITS: Final = 60 * BILLIONTHS
"""How many units of an item's sum make one of the currency."""

Rounding = Literal["half_up", "up", "down"]
"""To the nearest and halves away from zero; away from zero; towards zero."""

_WRITTEN = re.compile(
    rf"(-?)([0-9]{{1,{limits.AMOUNT_WHOLE_DIGITS_MAX}}})(?:\.([0-9]{{1,{limits.AMOUNT_DECIMALS_MAX}}}))?"
)
_DECIMAL = re.compile(
    rf"(-?)([0-9]{{1,{limits.DECIMAL_WHOLE_DIGITS_MAX}}})(?:\.([0-9]{{1,{limits.RATE_DECIMALS_MAX}}}))?"
)
_RATE = re.compile(rf"([0-9]{{1,{limits.RATE_WHOLE_DIGITS_MAX}}})(?:\.([0-9]{{1,{limits.RATE_DECIMALS_MAX}}}))?")


def parse_amount(text: str) -> int:
    """The amount that a plain decimal names, in millionths; padding is fine, an exponent or `-0` is not.

    ValueError for anything else, or more than 10 digits before or 6 after the point.

    >>> parse_amount("0.380"), parse_amount("-351.91")
    (380000, -351910000)
    """
    found = _WRITTEN.fullmatch(text)
    if found is None:
        raise ValueError(
            "expected a plain decimal like -12.5, with at most "
            f"{limits.AMOUNT_WHOLE_DIGITS_MAX} digits before the point and {limits.AMOUNT_DECIMALS_MAX} after"
        )
    sign, whole, decimals = found.groups(default="")
    magnitude = int(whole) * MILLIONTHS + int(decimals.ljust(limits.AMOUNT_DECIMALS_MAX, "0"))
    if sign and not magnitude:
        raise ValueError("zero has no sign")
    return -magnitude if sign else magnitude


def read_amount(text: str) -> int:
    """The amount that canonical wire text names, in millionths; ValueError for any other spelling.

    >>> read_amount("0.37")
    370000
    >>> read_amount("0.370")
    Traceback (most recent call last):
    ValueError: expected the shortest form, 0.37
    """
    amount = parse_amount(text)
    if (shortest := format_amount(amount)) != text:
        raise ValueError(f"expected the shortest form, {shortest}")
    return amount


def format_amount(amount: int) -> str:
    """The wire form of an amount in millionths: no padding, no exponent, never `-0`.

    >>> [format_amount(n) for n in (0, 370000, -351910000, 5000000)]
    ['0', '0.37', '-351.91', '5']
    """
    hundredths, beyond = divmod(amount, _HUNDREDTH)
    if beyond or amount < 0:
        return _shortest(amount, limits.AMOUNT_DECIMALS_MAX)
    whole, part = divmod(hundredths, 100)
    return f"{whole}{_TWO_DECIMALS[part]}"


_HUNDREDTH: Final = MILLIONTHS // 100
_TWO_DECIMALS: Final = tuple(f".{part:02}".rstrip("0") if part else "" for part in range(100))
"""Most amounts have two decimals: a third of the time."""


def parse_rate(text: str) -> int:
    """The rate, price or fee that a plain decimal names, in billionths; never negative.

    ValueError for a sign, an exponent, or more than 6 digits before or 9 after the point.

    >>> parse_rate("0.0025"), parse_rate("1.50")
    (2500000, 1500000000)
    """
    found = _RATE.fullmatch(text)
    if found is None:
        raise ValueError(
            "expected a plain decimal like 0.0025, not negative, with at most "
            f"{limits.RATE_WHOLE_DIGITS_MAX} digits before the point and {limits.RATE_DECIMALS_MAX} after"
        )
    whole, decimals = found.groups(default="")
    return int(whole) * BILLIONTHS + int(decimals.ljust(limits.RATE_DECIMALS_MAX, "0"))


def parse_decimal(text: str) -> int:
    """The number that a plain decimal names, in billionths: a rate, a price, a duration, or a bound of one.

    ValueError for an exponent, `-0`, or more than 9 digits before or after the point.

    >>> parse_decimal("0.0025"), parse_decimal("-1"), parse_decimal("4.25015")
    (2500000, -1000000000, 4250150000)
    """
    found = _DECIMAL.fullmatch(text)
    if found is None:
        raise ValueError(
            "expected a plain decimal like 0.0025, with at most "
            f"{limits.DECIMAL_WHOLE_DIGITS_MAX} digits before the point and {limits.RATE_DECIMALS_MAX} after"
        )
    sign, whole, decimals = found.groups(default="")
    magnitude = int(whole) * BILLIONTHS + int(decimals.ljust(limits.RATE_DECIMALS_MAX, "0"))
    if sign and not magnitude:
        raise ValueError("zero has no sign")
    return -magnitude if sign else magnitude


def format_rate(rate: int, padded: int = 0) -> str:
    """The plain text of a number of billionths, with at least `padded` decimals; never `-0`.

    >>> format_rate(2500000), format_rate(2500000, padded=5), format_rate(0)
    ('0.0025', '0.00250', '0')
    """
    text = _shortest(rate, limits.RATE_DECIMALS_MAX)
    whole, _, decimals = text.partition(".")
    return f"{whole}.{decimals.ljust(padded, '0')}" if padded else text


def divide(numerator: int, denominator: int, rounding: Rounding = "half_up") -> int:
    """The whole number nearest to a quotient in the way named; the denominator is positive.

    >>> divide(5, 10), divide(-5, 10), divide(14, 10, "up"), divide(-19, 10, "down")
    (1, -1, 2, -1)
    """
    quotient, rest = divmod(abs(numerator), denominator)
    if rest and (rounding == "up" or (rounding == "half_up" and 2 * rest >= denominator)):
        quotient += 1
    return -quotient if numerator < 0 else quotient


def units_of_rate(rate: int) -> int:
    """A price or fee of so many billionths, in an item's units."""
    return rate * (ITEM_UNITS // BILLIONTHS)


def format_units(units: int, padded: int = 0) -> str:
    """The price that an exact sum stands for, half up at the ninth decimal where it has more.

    >>> format_units(61 * 2500000), format_units(2 * 2500000), format_units(60 * 5000000, padded=5)
    ('0.002541667', '0.000083333', '0.00500')
    """
    return format_rate(divide(units, ITEM_UNITS // BILLIONTHS), padded)


def round_units(units: int, decimals: int, rounding: Rounding) -> int:
    """One event's exact price, rounded to 0 to 9 decimals; still in an item's units.

    >>> format_units(round_units(61 * 2500000, 4, "up"))
    '0.0026'
    """
    grain: int = ITEM_UNITS // 10**decimals
    return divide(units, grain, rounding) * grain


def exact_amount(value: Fraction, minor_decimals: int = 2, rounding: Rounding = "half_up") -> int:
    """An exact value of the currency, rounded once to its minor unit; in millionths.

    For what is computed when an item is derived and never accumulated: proration, tiers, percentages, taxes.

    >>> exact_amount(Fraction(1, 200)), exact_amount(Fraction(1, 201))
    (10000, 0)
    """
    grain: int = 10**minor_decimals
    return divide(value.numerator * grain, value.denominator, rounding) * (MILLIONTHS // grain)


def item_amount(units: int, minor_decimals: int = 2) -> int:
    """What an item's exact sum costs, in millionths: rounded once, half up, to the currency's minor unit.

    61 s at 0.0025 a minute and 61 s at 0.0031 cost 0.01 together, though not each:

    >>> item_amount(61 * 2500000), item_amount(61 * 2500000 + 61 * 3100000)
    (0, 10000)
    """
    grain: int = 10**minor_decimals
    return divide(units, ITEM_UNITS // grain) * (MILLIONTHS // grain)


def beyond_item(units: int) -> bool:
    """Whether a sum passes what one item may hold, either way; such a partner is parked."""
    return abs(units) > limits.ITEM_MAX * ITEM_UNITS


def within_item(units: int) -> int:
    """A sum, no further from nothing than one item may be: for figures that are only shown, so that 64 bits hold them.

    >>> within_item(-61), within_item(10**30) == limits.ITEM_MAX * ITEM_UNITS
    (-61, True)
    """
    most: int = limits.ITEM_MAX * ITEM_UNITS
    return max(-most, min(most, units))


def is_whole_minor(amount: int, minor_decimals: int = 2) -> bool:
    """Whether an amount in millionths has no part of the currency's minor unit, as every payment must.

    >>> is_whole_minor(10_500_000), is_whole_minor(10_005_000)
    (True, False)
    """
    grain: int = MILLIONTHS // 10**minor_decimals
    return amount % grain == 0


def _shortest(number: int, decimals: int) -> str:
    whole, rest = divmod(abs(number), 10**decimals)
    sign = "-" if number < 0 else ""
    if not rest:
        return f"{sign}{whole}"
    return f"{sign}{whole}.{rest:0{decimals}}".rstrip("0")
