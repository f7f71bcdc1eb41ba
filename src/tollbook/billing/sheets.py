"""Rate sheets: the nouns of a price list, which version rules an instant, and which sheet a partner has.

Rates, prices and fees are billionths of the currency. A version that has rated something never changes; a new one
takes effect from its date on. How a price is computed is `rating.py`'s, whether a deck is sensible `linting.py`'s.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from tollbook import limits
from tollbook.billing.bands import Offset, TimeBands, utc
from tollbook.billing.events import SenderClass
from tollbook.billing.increments import Convention
from tollbook.billing.numbers import Direction, Jurisdiction
from tollbook.billing.prefixes import Prefixes
from tollbook.money import Rounding

Service = Literal["calls", "sms", "mms", "usage"]


class BandPrice(msgspec.Struct, frozen=True):
    """A price per minute and a connection fee within the sheet's band of that name."""

    band: str
    rate: int
    connection_fee: int | None = None


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """From second N of a call on, another price and increment; in every band unless it prices them itself."""

    from_second: int
    rate: int
    billing_increment: int
    bands: tuple[BandPrice, ...] = ()


class CallRate(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="call"):
    """One line of a call sheet: `rate` per minute of numbers with a prefix; None is the catch-all.

    `jurisdictions` have prices of their own in place of `rate`; a band's or a step's price holds in all of them.
    """

    prefix: str | None
    rate: int
    billing_minimum: int = 0
    billing_increment: int = 1
    connection_fee: int = 0
    charge_minimum: int = 0
    charge_maximum: int | None = None
    country_code: str | None = None
    country_name: str | None = None
    steps: tuple[Step, ...] = ()
    bands: tuple[BandPrice, ...] = ()
    jurisdictions: Mapping[Jurisdiction, int] = {}

    def __post_init__(self) -> None:
        """ValueError for increments and steps by which nothing could be billed."""
        most = limits.BLOCK_SECONDS_MAX
        for increment in (self.billing_increment, *(step.billing_increment for step in self.steps)):
            if not 1 <= increment <= most:
                raise ValueError(f"expected an increment of 1 to {most} seconds")
        if not 0 <= self.billing_minimum <= most:
            raise ValueError(f"expected a minimum of 0 to {most} seconds")
        begins = [0, *(step.from_second for step in self.steps)]
        if begins != sorted(set(begins)) or len(self.steps) > limits.RATE_STEPS_MAX:
            raise ValueError(f"expected at most {limits.RATE_STEPS_MAX} steps, each later than the one before")


class MessageRate(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="message"):
    """One line of a message sheet: `price` a segment, for a class of senders (None: any) and a network or prefix."""

    price: int
    sender_class: SenderClass | None = None
    mcc: str | None = None
    mnc: str | None = None
    prefix: str | None = None
    country_code: str | None = None
    country_name: str | None = None
    network: str | None = None
    operator: str | None = None


class Conversion(msgspec.Struct, frozen=True, kw_only=True):
    """What happens to a quantity before it is priced: times or through `by`, rounded to `decimals`.

    With `rounding` None the nine decimals that a quantity may have are kept, half up.
    """

    how: Literal["multiply", "divide"]
    by: int
    rounding: Rounding | None = None
    decimals: int = 0

    def __post_init__(self) -> None:
        """ValueError for a factor below 1, or more decimals than a quantity may have."""
        if self.by < 1 or not 0 <= self.decimals <= limits.RATE_DECIMALS_MAX:
            raise ValueError(f"expected a factor of at least 1 and 0 to {limits.RATE_DECIMALS_MAX} decimals")


class UsagePrice(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="usage"):
    """One line of a sheet for other usage: `price` of one unit of a type, after conversion."""

    type: str
    price: int
    conversion: Conversion | None = None


Rate = CallRate | MessageRate | UsagePrice


class PriceRounding(msgspec.Struct, frozen=True):
    """What a sheet does to each event's price; without one, prices are exact and only the item is rounded."""

    rounding: Rounding
    decimals: int

    def __post_init__(self) -> None:
        """ValueError for decimals that a price cannot have."""
        if not 0 <= self.decimals <= limits.RATE_DECIMALS_MAX:
            raise ValueError(f"expected 0 to {limits.RATE_DECIMALS_MAX} decimals")


class SheetVersion(msgspec.Struct, frozen=True, kw_only=True):
    """What a sheet says from an instant on. A version without `direction` serves usage that has none."""

    rates_plan_sid: str
    version_sid: str
    name: str
    service: Service
    direction: Direction | None = None
    effective_date: int
    rates: tuple[Rate, ...]
    convention: Convention = "after_minimum"
    price_rounding: PriceRounding | None = None
    times: TimeBands | None = None
    messages_by: Literal["network", "prefix"] = "network"

    def __post_init__(self) -> None:
        """ValueError for more bands than one sheet may have."""
        if self.times is not None and len(self.times.bands) > limits.TIME_BANDS_MAX:
            raise ValueError(f"expected at most {limits.TIME_BANDS_MAX} bands of time")


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """A sheet for a partner and all beneath it that have no nearer one; `partner_sid` None is the book's default."""

    rates_plan_sid: str
    partner_sid: str | None
    service: Service
    direction: Direction | None
    effective_date: int


def assigned_sheet(
    assignments: Sequence[Assignment], chain: Sequence[str], service: Service, direction: Direction | None, start: int
) -> str | None:
    """The sheet of a partner at an instant: its own assignment, else its nearest ancestor's, else the default.

    `chain` is the partner and those above it, upwards. Of one partner's several, the latest that is in force; of one
    instant's several, the last given.
    """
    in_force = [
        given
        for given in assignments
        if (given.service, given.direction) == (service, direction) and given.effective_date <= start
    ]
    for partner_sid in (*chain, None):
        own = [given for given in in_force if given.partner_sid == partner_sid]
        if own:
            return max(reversed(own), key=lambda given: given.effective_date).rates_plan_sid
    return None


class CallDeck:
    """A version of a call sheet, compiled for rating. `offset` tells its zone's."""

    __slots__ = ("banded", "offset", "prefixes", "rates", "version")

    def __init__(self, version: SheetVersion, offset: Offset = utc) -> None:
        """Compile it; ValueError if a prefix stands twice or is no digits."""
        self.version = version
        self.offset = offset
        self.banded = version.times is not None and bool(version.times.bands)
        self.rates = tuple(rate for rate in version.rates if isinstance(rate, CallRate))
        self.prefixes = Prefixes(rate.prefix for rate in self.rates)

    def find(self, number: str) -> CallRate | None:
        """The rate of a number: its longest prefix's, else the catch-all's."""
        position = self.prefixes.find(number)
        return None if position is None else self.rates[position]


class MessageDeck:
    """A version of a message sheet, compiled for rating."""

    __slots__ = ("by_network", "by_prefix", "version")

    def __init__(self, version: SheetVersion) -> None:
        """Compile it; ValueError if a line stands twice, or could never be found by what the sheet goes by."""
        self.version = version
        self.by_network: dict[tuple[str | None, str | None, str | None], MessageRate] = {}
        lines: dict[str | None, list[MessageRate]] = {}
        for rate in version.rates:
            if isinstance(rate, MessageRate):
                self._add(rate)
                lines.setdefault(rate.sender_class, []).append(rate)
        self.by_prefix: dict[str | None, tuple[Prefixes, list[MessageRate]]] = {}
        if version.messages_by == "prefix":
            self.by_prefix = {key: (Prefixes(rate.prefix for rate in of), of) for key, of in lines.items()}

    def _add(self, rate: MessageRate) -> None:
        by_network = self.version.messages_by == "network"
        if (rate.prefix if by_network else rate.mcc or rate.mnc) is not None:
            raise ValueError(f"the sheet goes by {self.version.messages_by}, and a line by something else")
        if rate.mnc is not None and rate.mcc is None:
            raise ValueError(f"the network code {rate.mnc} has no country code")
        if by_network:
            key = (rate.sender_class, rate.mcc, _bare(rate.mnc))
            if self.by_network.setdefault(key, rate) is not rate:
                raise ValueError(f"the network {rate.mcc or 'catch-all'} {rate.mnc or ''} stands twice")

    def find(self, sender: SenderClass, mcc: str | None, mnc: str | None, number: str) -> MessageRate | None:
        """The rate of a message: among its sender class's lines, then among those for any class.

        Within each (mcc, mnc), then mcc, then the catch-all; or, where the sheet says so, by the number's prefix.
        """
        for sender_class in (sender, None):
            found = self._among(sender_class, mcc, mnc, number)
            if found is not None:
                return found
        return None

    def _among(self, sender: SenderClass | None, mcc: str | None, mnc: str | None, number: str) -> MessageRate | None:
        if self.version.messages_by == "network":
            look = self.by_network.get
            return look((sender, mcc, _bare(mnc))) or look((sender, mcc, None)) or look((sender, None, None))
        prefixes, rates = self.by_prefix.get(sender, (None, ()))
        position = None if prefixes is None else prefixes.find(number)
        return None if position is None else rates[position]


def _bare(mnc: str | None) -> str | None:
    """A network code without zeros in front: the reference shows it as a number, and decks write it either way."""
    return None if mnc is None else mnc.lstrip("0") or "0"


class UsageDeck:
    """A version of a sheet for other usage, compiled for rating."""

    __slots__ = ("prices", "version")

    def __init__(self, version: SheetVersion) -> None:
        """Compile it; ValueError if a type stands twice."""
        self.version = version
        self.prices: dict[str, UsagePrice] = {}
        for price in version.rates:
            if isinstance(price, UsagePrice) and self.prices.setdefault(price.type, price) is not price:
                raise ValueError(f"the type {price.type} stands twice")

    def find(self, type_: str) -> UsagePrice | None:
        """The price of a type of usage."""
        return self.prices.get(type_)


Deck = CallDeck | MessageDeck | UsageDeck
