"""Placing usage: which invoice and item an event counts on, and what taking it off again does.

An event of an open period adds to that period's invoice; a late one to the current invoice, with its own period. What
a closed invoice froze is never touched: a correction of it is the difference, an `adjustment` on the current invoice.
"""

from tollbook.billing.deriving import ItemKey, ItemSum, key_of
from tollbook.billing.events import CallEvent, Event, MessageEvent
from tollbook.billing.laws import Broken
from tollbook.billing.ledger import OpenInvoice
from tollbook.billing.periods import Period
from tollbook.billing.rating import Rated, Rating, rate_call, rate_message, rate_usage
from tollbook.billing.sheets import CallDeck, MessageDeck, UsageDeck
from tollbook.clock import DAY_MS
from tollbook.money import BILLIONTHS, ITEM_UNITS, beyond_item, divide
from tollbook.operations.accounts import Account, Unlawful
from tollbook.operations.sheets import Tariffs
from tollbook.store.event_rows import Placed

_UNITS_OF_PRICE = ITEM_UNITS // BILLIONTHS


def rate(event: Event, tariffs: Tariffs) -> Rating:
    """What an event is rated, by the sheet that its partner has at its start; ValueError for impossible values."""
    if isinstance(event, CallEvent):
        deck = tariffs.deck(event.partner_sid, "calls", event.direction, event.start)
        return rate_call(event, deck if isinstance(deck, CallDeck) else None)
    if isinstance(event, MessageEvent):
        deck = tariffs.deck(event.partner_sid, event.type, event.direction, event.start)
        return rate_message(event, deck if isinstance(deck, MessageDeck) else None)
    deck = tariffs.deck(event.partner_sid, "usage", None, event.start)
    return rate_usage(event, deck if isinstance(deck, UsageDeck) else None)


class Placing:
    """Puts events on the invoices of one account and takes them off; the sums go to the account at the end."""

    def __init__(self, account: Account, now: int) -> None:
        self._account = account
        self._now = now
        self._today = now // DAY_MS
        self._days: dict[int, tuple[Period, OpenInvoice | None]] = {}
        self._periods: dict[int, Period] = {}
        self._sums: dict[tuple[str, ItemKey], list[int]] = {}
        self._invoices: dict[str, OpenInvoice] = {}

    def put(
        self,
        event: Event,
        rating: Rating,
        *,
        version: int = 1,
        came: int | None = None,
        stays_on: OpenInvoice | None = None,
    ) -> Placed:
        """Count an event; without a rate it waits, on no invoice. ValueError before the partner's first period.

        A late one stays on the open invoice that it was on, if it was on one.
        """
        period, made_of = self.where(event.time)
        key = key_of(event, period)
        late = made_of is None
        came = self._now if came is None else came
        if not isinstance(rating, Rated):
            return Placed(
                event=event,
                version=version,
                state="unrated",
                late=late,
                date_insert=came,
                item_type=key.type,
                country_code=key.country_code,
                quantity=rating.quantity,
            )
        on = made_of or stays_on or self._account.current()
        self._add(on, key, rating.units, rating.quantity, 1)
        self._spend(event, rating.units)
        return billed(event, rating, key, on=(on.date_created, on.invoice_sid), version=version, late=late, came=came)

    def where(self, instant: int) -> tuple[Period, OpenInvoice | None]:
        """The period of an instant and its open invoice; None where that is closed, so that the event is late."""
        day = instant // DAY_MS
        if day not in self._days:
            self._days[day] = (self.period(instant), self._account.invoice_of(instant))
        return self._days[day]

    def period(self, instant: int) -> Period:
        """The period of an instant; ValueError before the partner's first. Nothing is opened for it."""
        day = instant // DAY_MS
        if day not in self._periods:
            self._periods[day] = self._account.period_of(instant)
        return self._periods[day]

    def take_off(self, placed: Placed) -> str | None:
        """Count an event no more; the invoice that carries the difference, where its own is closed.

        What a voided invoice gave back is usage alone.
        """
        if placed.state != "billed":
            return None
        units = 0 if placed.given_back else placed.units
        self._spend(placed.event, -units)
        period = self.period(placed.event.time)
        key = key_of_placed(placed, period)
        made_of = self.open_of(placed)
        if made_of is not None:
            self._add(made_of, key, -units, -placed.quantity, -1)
            return None
        return self._adjust(key, -units, -placed.quantity)

    def adjust(self, event: Event, units: int, quantity: int) -> str:
        """Count the new version of an event whose invoice is closed, beside what `take_off` took of the old one."""
        key = key_of(event, self.period(event.time))
        self._spend(event, units)
        return self._adjust(key, units, quantity)

    def is_frozen(self, placed: Placed) -> bool:
        """Whether a closed invoice shows an event."""
        return placed.state == "billed" and self.open_of(placed) is None

    def settle(self) -> None:
        """Hand the sums to the account."""
        for (sid, key), (units, usage, events) in self._sums.items():
            self._account.add(self._invoices[sid], key, ItemSum(units, usage, events))
        self._sums.clear()

    def open_of(self, placed: Placed) -> OpenInvoice | None:
        """The open invoice that an event is on; None where that is closed, or it is on none."""
        return next((m for m in self._account.opens if m.invoice_sid == placed.invoice_sid), None)

    def _adjust(self, key: ItemKey, units: int, usage: int) -> str:
        """The difference on the current invoice, with the event's own period; it counts as no event."""
        current = self._account.current()
        self._add(current, ItemKey("adjustment", key.direction, key.country_code, key.period), units, usage, 0)
        return current.invoice_sid

    def _add(self, made_of: OpenInvoice, key: ItemKey, units: int, usage: int, events: int) -> None:
        if beyond_item(units):
            raise Unlawful([Broken(1, made_of.invoice_sid, f"one record of {key.type} is beyond any bound of an item")])
        self._invoices[made_of.invoice_sid] = made_of
        total = self._sums.setdefault((made_of.invoice_sid, key), [0, 0, 0])
        total[0] += units
        total[1] += usage
        total[2] += events

    def _spend(self, event: Event, units: int) -> None:
        if event.time // DAY_MS == self._today:
            self._account.spend(units)


def billed(
    event: Event,
    rating: Rating,
    key: ItemKey,
    *,
    on: tuple[int | None, str | None],
    version: int,
    late: bool,
    came: int,
    adjusted: bool = False,
) -> Placed:
    """A record that is rated and on an invoice, given by the rest of its key; without a price on a voided one only."""
    rated = rating if isinstance(rating, Rated) else None
    return Placed(
        event=event,
        version=version,
        state="billed",
        late=late,
        adjusted=adjusted,
        date_insert=came,
        invoice_created=on[0],
        invoice_sid=on[1],
        item_type=key.type,
        country_code=key.country_code,
        quantity=rating.quantity,
        units=rated.units if rated else 0,
        price=divide(rated.units, _UNITS_OF_PRICE) if rated else None,
        rate=rated.pin.rate if rated and rated.pin else None,
        pin=rated.pin if rated else None,
    )


def waiting(event: Event, key: ItemKey, quantity: int, *, came: int, version: int = 1) -> Placed:
    """A record that waits with its parked partner, on no invoice."""
    return Placed(
        event=event,
        version=version,
        state="parked",
        date_insert=came,
        item_type=key.type,
        country_code=key.country_code,
        quantity=quantity,
    )


def key_of_placed(placed: Placed, period: Period) -> ItemKey:
    """The item that an event was counted on, by what was noted with it."""
    return ItemKey(placed.item_type, placed.event.direction, placed.country_code, period)
