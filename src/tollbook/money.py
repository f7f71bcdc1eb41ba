"""Exact amounts: an integer of millionths inside, the shortest plain decimal text outside.

No float, no exponent, no locale. Text is checked by its shape before any arithmetic sees it, so a long or
clever number costs nothing. Rates and their nine decimals come with the rating engine.
"""

import re
from typing import Final

from tollbook import limits

MILLIONTHS: Final = 10**limits.AMOUNT_DECIMALS_MAX

_WRITTEN = re.compile(
    rf"(-?)([0-9]{{1,{limits.AMOUNT_WHOLE_DIGITS_MAX}}})(?:\.([0-9]{{1,{limits.AMOUNT_DECIMALS_MAX}}}))?"
)


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
    whole, rest = divmod(abs(amount), MILLIONTHS)
    sign = "-" if amount < 0 else ""
    if not rest:
        return f"{sign}{whole}"
    return f"{sign}{whole}.{rest:0{limits.AMOUNT_DECIMALS_MAX}}".rstrip("0")
