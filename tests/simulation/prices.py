"""What a record costs and how much is billed of it, in fractions: slow, small, and nothing of the program in it."""

from fractions import Fraction
from typing import NamedTuple

COUNTRIES = {"1": "USA", "44": "GBR", "49": "DEU"}


class Use(NamedTuple):
    """What a record says. `talked` (ms) is None where nobody answered; a `price` that came is final."""

    sid: str
    kind: str
    number: str
    at: int
    talked: int | None
    segments: int = 1
    recipients: int = 0
    quantity: int = 0
    price: Fraction | None = None
    billed: int = 0

    @property
    def start(self) -> int:
        """When it began: the instant that chooses the sheet."""
        return self.at - (self.talked or 0) - 2_000 if self.kind == "call" else self.at


class Sheet(NamedTuple):
    """A version of the prices: of calls by prefix (price, minimum, increment), of a message, of a look-up."""

    effective: int
    calls: dict[str, tuple[Fraction, int, int]]
    message: Fraction | None
    lookup: Fraction | None
    whole: bool = False
    rounding: tuple[str, int] | None = None


def rounded(amount: Fraction, decimals: int = 2, how: str = "half_up") -> Fraction:
    """To so many decimals: half away from zero, away from it, or towards it."""
    scaled = abs(amount) * 10**decimals
    whole = scaled.numerator // scaled.denominator
    rest = scaled - whole
    whole += (how == "up" and rest > 0) or (how == "half_up" and rest >= Fraction(1, 2))
    return Fraction(whole if amount >= 0 else -whole, 10**decimals)


def billed_seconds(talked: int, minimum: int, increment: int, *, whole: bool) -> int:
    """What is billed of so many milliseconds."""
    seconds = Fraction(talked, 1000)
    if not seconds:
        return 0
    if seconds <= minimum:
        return minimum
    first = 0 if whole else minimum
    blocks = (seconds - first) / increment
    return first + increment * -(-blocks.numerator // blocks.denominator)


def price(use: Use, sheet: Sheet | None) -> tuple[Fraction, int] | None:
    """What a record costs and how much is billed of it; None without a rate."""
    quantity = plain_quantity(use)
    if use.price is not None:
        return use.price, quantity
    if sheet is None:
        return None
    if use.kind != "call":
        each = sheet.message if use.kind == "message" else sheet.lookup
        if each is None:
            return None
        exact = each * quantity
    else:
        prefix = max((p for p in sheet.calls if use.number.startswith(p)), key=len, default=None)
        if prefix is None:
            return None
        rate, minimum, increment = sheet.calls[prefix]
        quantity = billed_seconds(use.talked or 0, minimum, increment, whole=sheet.whole)
        exact = rate * quantity / 60
    return (rounded(exact, sheet.rounding[1], sheet.rounding[0]) if sheet.rounding else exact), quantity


def plain_quantity(use: Use) -> int:
    """What is billed of a record before any sheet has its say."""
    if use.kind == "message":
        return use.segments * max(1, use.recipients)
    if use.kind == "lookup":
        return use.quantity
    return use.billed if use.price is not None else -(-(use.talked or 0) // 1000)


def item_kind(use: Use) -> tuple[str, str | None, str | None]:
    """The type, direction and country of a record's item."""
    if use.kind == "lookup":
        return "lookup", None, None
    country = next(COUNTRIES[code] for code in COUNTRIES if use.number.startswith(code))
    return ("toll" if use.kind == "call" else "sms"), "outbound", country
