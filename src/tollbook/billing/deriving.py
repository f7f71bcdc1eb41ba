"""Deriving an invoice: integer sums of events in, items and totals out.

Events add integers, money is derived: sums commute, so duplicates refused and late, shuffled or concurrent events
give the same invoice. An item is rounded once, over all its rates (billing rules 1). Plans, commitments and taxes
come between `items_of` and `totals_of`: they take items and give items.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

import msgspec

from tollbook import limits
from tollbook.billing.balances import amount_due, balance_forward
from tollbook.billing.events import Event, UsageEvent
from tollbook.billing.model import InvoiceItem, PayItem, TaxItem
from tollbook.billing.numbers import country_of
from tollbook.billing.periods import Period
from tollbook.money import beyond_item, item_amount

ITEM_TYPES: Final = (
    "toll", "toll_free", "sms", "mms", "lookup", "tts", "did", "sms_enablement", "subscription", "commitment",
    "discount", "credit", "adjustment",
)  # fmt: skip
"""The contract's item types, in the order in which an invoice lists them; unknown words follow by name."""

_DIRECTIONS: Final = ("inbound", "outbound", None)


class ItemKey(msgspec.Struct, frozen=True):
    """What makes an item one: its type, direction, country and its own period, which a late event brings along."""

    type: str
    direction: str | None
    country_code: str | None
    period: Period


def key_of(event: Event, period: Period) -> ItemKey:
    """The item that an event adds to, in its own period: by its type, direction and the country outside."""
    country = event.country_code if isinstance(event, UsageEvent) else country_of(event.outside)
    return ItemKey(event.type, event.direction, country, period)


class ItemSum(msgspec.Struct, frozen=True):
    """What an item's events add up to: `units` of 10⁻⁹/60 of the currency, `usage`, and how many they are.

    >>> ItemSum(150, 60, 1) + ItemSum(30, 6, 1) - ItemSum(150, 60, 1)
    ItemSum(units=30, usage=6, events=1)
    """

    units: int = 0
    usage: int = 0
    events: int = 0

    def __add__(self, other: "ItemSum") -> "ItemSum":
        return ItemSum(self.units + other.units, self.usage + other.usage, self.events + other.events)

    def __sub__(self, other: "ItemSum") -> "ItemSum":
        return ItemSum(self.units - other.units, self.usage - other.usage, self.events - other.events)

    @property
    def parks(self) -> bool:
        """Whether the sum is beyond what one item may hold, so that the partner is parked."""
        return beyond_item(self.units)


class Totals(msgspec.Struct, frozen=True):
    """The five figures of an invoice, in millionths."""

    amount: int
    amount_tax: int
    balance_previous: int
    balance_forward: int
    amount_due: int


def summed(events: Iterable[tuple[ItemKey, ItemSum]]) -> dict[ItemKey, ItemSum]:
    """The sums by item; an item that corrections emptied is gone."""
    sums: dict[ItemKey, ItemSum] = {}
    for key, added in events:
        sums[key] = sums.get(key, ItemSum()) + added
    return {key: total for key, total in sums.items() if total != ItemSum()}


def difference(key: ItemKey, before: ItemSum, after: ItemSum) -> tuple[ItemKey, ItemSum]:
    """What a correction adds to the current invoice when its own period's is closed: an `adjustment` item's part.

    Amount and usage may be negative; the item keeps the event's own period.
    """
    changed = after - before
    adjusted = ItemKey("adjustment", key.direction, key.country_code, key.period)
    return adjusted, ItemSum(changed.units, changed.usage, 1)


def items_of(
    sums: Mapping[ItemKey, ItemSum], fixed: Iterable[InvoiceItem] = (), minor_decimals: int = 2
) -> tuple[InvoiceItem, ...]:
    """The invoice items of exact sums, each rounded once, and lines of a fixed amount, in an invoice's order.

    61 s at 0.0025 a minute and 61 s at 0.0031 are one item of 0.01:

    >>> from datetime import date
    >>> month = Period(date(2025, 1, 1), date(2025, 2, 1))
    >>> sums = {ItemKey("toll", "outbound", "USA", month): ItemSum(61 * 2_500_000 + 61 * 3_100_000, 122, 2)}
    >>> [(item.amount, item.usage) for item in items_of(sums)]
    [(10000, 122)]
    """
    derived = [_item(key, total, minor_decimals) for key, total in sums.items()]
    return tuple(sorted((*derived, *fixed), key=item_place))


def display_id(number: int) -> str:
    """An invoice's number for people: the partner's running number, padded to three digits (documented sample).

    >>> display_id(4), display_id(1234)
    ('004', '1234')
    """
    return f"{number:03}"


@lru_cache(limits.ROWS_REMEMBERED_MAX)
def _item(key: ItemKey, total: ItemSum, minor_decimals: int) -> InvoiceItem:
    return InvoiceItem(
        amount=item_amount(total.units, minor_decimals),
        country_code=key.country_code,
        date_billing_period_end=key.period.date_end,
        date_billing_period_start=key.period.date_start,
        direction=key.direction,
        type=key.type,
        usage=total.usage,
    )


def totals_of(
    items: Iterable[InvoiceItem], taxes: Iterable[TaxItem], pays: Iterable[PayItem], balance_previous: int
) -> Totals:
    """The figures of an invoice (contract 2): `balance_forward` = previous + amount + tax - payments."""
    amount = sum(item.amount for item in items)
    amount_tax = sum(tax.amount for tax in taxes)
    forward = balance_forward(balance_previous, amount, amount_tax, pays)
    return Totals(amount, amount_tax, balance_previous, forward, amount_due(forward))


def item_place(item: InvoiceItem) -> tuple[int, str, int, bool, str, int]:
    """Where an item stands among an invoice's: by type, direction, country and period."""
    known = ITEM_TYPES.index(item.type) if item.type in ITEM_TYPES else len(ITEM_TYPES)
    country = item.country_code or ""
    return (known, item.type, _DIRECTIONS.index(item.direction), not country, country, item.date_billing_period_start)
