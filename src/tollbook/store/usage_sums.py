"""Usage in sums: what each item's records add up to by the rate that each was charged at, and what corrections changed.

The rows of an invoice are found by a range of the key, the days of an item's own period, and grouped as they are
read: a million records on one invoice take no more memory than ten. What a closed invoice shows is what it froze: the
latest versions that were never adjusted, and those that corrections replaced since.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any, Final, NamedTuple

import msgspec

from tollbook.billing.deriving import ItemSum
from tollbook.billing.events import CallEvent
from tollbook.billing.rating import Pin
from tollbook.store.archiving import ArchiveReads
from tollbook.store.event_rows import Placed, kind_of

_MS_NS: Final = 1_000_000
_NS: Final = 1_000_000_000
# Nanoseconds of talk of a call, as `CallEvent.measured` has it; summed in seconds and what is beyond them, as 64 bits
# hold no more than 292 years of nanoseconds.
_TALKED: Final = (
    f"CASE WHEN kind <> 'call' THEN 0 WHEN date_talk IS NOT NULL THEN (date - date_talk) * {_MS_NS}"
    " WHEN date_stop IS NULL THEN coalesce(given_duration, 0) ELSE 0 END"
)
_RATED_BY: Final = ", ".join(
    f"CASE WHEN given_price IS NULL THEN {name} END" for name in ("version_sid", "prefix", "rate", "jurisdiction")
)
# Grouped by what differs most first (rate, prefix, country): the rows are sorted for it, and most comparisons then end
# at the first column.
RATE_SUMS: Final = (
    "SELECT item_type, coalesce(direction, ''), coalesce(country_code, ''), kind, given_price IS NOT NULL,"
    f" {_RATED_BY}, count(*), sum(quantity), sum(units), sum(({_TALKED}) / {_NS}), sum(({_TALKED}) % {_NS})"
    " FROM event NOT INDEXED WHERE partner_sid = ? AND date >= ? AND date < ? AND invoice_sid = ?"
    " AND state = 'billed' AND adjusted = 0 GROUP BY 8, 7, 3, 1, 2, 4, 5, 6, 9"
)
_USAGE_SUMS: Final = (
    "SELECT coalesce(invoice_sid, ''), item_type, coalesce(direction, ''), coalesce(country_code, ''), state, adjusted,"
    " count(*), sum(quantity), sum(units) FROM event NOT INDEXED WHERE partner_sid = ? AND date >= ? AND date < ?"
    " GROUP BY 1, 2, 3, 4, 5, 6"
)
_AFTER: Final = (
    "date", "item_type", "direction", "country_code", "quantity", "units", "price", "rate", "state", "adjusted",
)  # fmt: skip
_CORRECTIONS: Final = (
    "SELECT v.dr_sid, v.version, v.date_replaced, v.who, v.why, v.frozen_sid, v.adjusted_sid, v.units, v.usage,"
    f" v.record, n.record, {', '.join(f'e.{name}' for name in _AFTER)}, s.date"
    " FROM event_version v"
    " LEFT JOIN event_version n ON n.partner_sid = v.partner_sid AND n.dr_sid = v.dr_sid AND n.version = v.version + 1"
    " LEFT JOIN event_seen s ON s.partner_sid = v.partner_sid AND s.dr_sid = v.dr_sid"
    " LEFT JOIN event e ON e.partner_sid = v.partner_sid AND e.date = s.date AND e.dr_sid = v.dr_sid"
    " AND e.version = v.version + 1"
)
_read_version = msgspec.json.Decoder(Placed).decode


class Item(NamedTuple):
    """What makes an item one, but its period: type, direction and country; '' stands for none."""

    type: str
    direction: str
    country_code: str


class Priced(NamedTuple):
    """How records were priced: their kind, what rated them, and whether their prices came with them instead."""

    kind: str
    final: bool
    pin: Pin | None


class RateSum(NamedTuple):
    """What an item's records of one price add up to; `measured` is nanoseconds of talk."""

    records: int
    quantity: int
    units: int
    measured: int

    def plus(self, other: "RateSum") -> "RateSum":
        """Both together."""
        return RateSum(*(mine + its for mine, its in zip(self, other, strict=True)))


class UsageSum(NamedTuple):
    """What records of a span of time add up to: on which invoice ('' for none), as which item, in which state."""

    invoice_sid: str
    item: Item
    state: str
    adjusted: bool
    sum: ItemSum


class Side(NamedTuple):
    """What one version of a record counted as, and on which invoice; `given_back` as `Placed` has it."""

    date: int
    item: Item
    quantity: int
    units: int
    price: int | None
    rate: int | None
    state: str
    adjusted: bool
    invoice_sid: str | None = None
    given_back: bool = False


class Correction(NamedTuple):
    """A version that was replaced, by what (None: withdrawn), when, by whom and why.

    `frozen_sid` is the closed invoice that still shows it, `adjusted_sid` the invoice that carries the difference, of
    so many `units` and so much `usage`.
    """

    dr_sid: str
    version: int
    date_replaced: int
    who: str
    why: str
    frozen_sid: str | None
    adjusted_sid: str | None
    units: int
    usage: int
    before: Side
    after: Side | None

    def parts(self) -> Iterator[tuple[Side, ItemSum]]:
        """What the correction adds to adjustments: the version before it, taken off, and the one that it brought.

        A version that went on an open invoice instead is counted there. What a voided invoice gave back moves no
        money any more.
        """
        moves = 0 if self.before.given_back else 1
        yield self.before, ItemSum(-self.before.units * moves, -self.before.quantity, 0)
        if self.after is not None and self.after.adjusted and self.after.state == "billed":
            yield self.after, ItemSum(self.after.units * moves, self.after.quantity, 0)


class UsageSums(ArchiveReads):
    """Questions about many records at once, archived ones too, over one connection in one snapshot."""

    _run: Callable[..., Any]

    def rate_sums(self, partner_sid: str, invoice_sid: str, start: int, end: int) -> dict[Item, dict[Priced, RateSum]]:
        """The records of [start, end) on an invoice that it shows still, by item and price."""
        found: dict[Item, dict[Priced, RateSum]] = {}
        archived = self.archived_rates(partner_sid, invoice_sid, start, end)
        for row in chain(self._run(RATE_SUMS, (partner_sid, start, end, invoice_sid)).fetchall(), archived):
            version_sid, prefix, rate, jurisdiction, records, quantity, units, seconds, nanoseconds = row[5:]
            pin = None if version_sid is None else Pin(version_sid, prefix, rate, jurisdiction)
            priced = Priced(row[3], bool(row[4]), pin)
            added = RateSum(records, quantity, units, seconds * _NS + nanoseconds)
            of_item = found.setdefault(Item(*row[:3]), {})
            of_item[priced] = of_item[priced].plus(added) if priced in of_item else added
        return found

    def frozen_versions(self, partner_sid: str, invoice_sid: str | None = None) -> Iterator[tuple[str, Placed]]:
        """The replaced versions of records that closed invoices still show, with the invoice's sid: one's, or all."""
        where, of = ("= ?", (partner_sid, invoice_sid)) if invoice_sid else ("IS NOT NULL", (partner_sid,))
        select = "SELECT frozen_sid, record FROM event_version WHERE partner_sid = ? AND frozen_sid"
        for frozen_sid, record in self._run(f"{select} {where}", of):
            yield frozen_sid, _read_version(record)

    def corrections_on(self, partner_sid: str, invoice_sid: str | None = None) -> Iterator[Correction]:
        """The corrections whose differences an invoice carries, or any, in the order in which they were made."""
        if invoice_sid is None:
            where, of = "v.partner_sid = ? AND v.adjusted_sid IS NOT NULL", (partner_sid,)
        else:
            where, of = "v.partner_sid = ? AND v.adjusted_sid = ?", (partner_sid, invoice_sid)  # type: ignore[assignment]
        order = "ORDER BY v.date_replaced, v.dr_sid, v.version"
        yield from self._corrections(partner_sid, self._run(f"{_CORRECTIONS} WHERE {where} {order}", of))

    def corrections_from(self, partner_sid: str, invoice_sid: str) -> list[Correction]:
        """The corrections of an invoice's records whose differences others carry, but those that were voided."""
        where = (
            "v.partner_sid = ? AND v.adjusted_sid IS NOT NULL AND v.dr_sid IN"
            " (SELECT f.dr_sid FROM event_version f WHERE f.partner_sid = ? AND f.frozen_sid = ?)"
            " AND NOT EXISTS (SELECT 1 FROM invoice i"
            " WHERE i.partner_sid = v.partner_sid AND i.status = 'void' AND i.invoice_sid = v.adjusted_sid)"
        )
        order = "ORDER BY v.date_replaced, v.dr_sid, v.version"
        rows = self._run(f"{_CORRECTIONS} WHERE {where} {order}", (partner_sid, partner_sid, invoice_sid))
        return [each for each in self._corrections(partner_sid, rows) if each.before.invoice_sid == invoice_sid]

    def corrections_of(self, partner_sid: str, dr_sid: str) -> list[Correction]:
        """What became of one record, oldest first."""
        where = "WHERE v.partner_sid = ? AND v.dr_sid = ? ORDER BY v.version"
        return list(self._corrections(partner_sid, self._run(f"{_CORRECTIONS} {where}", (partner_sid, dr_sid))))

    def _corrections(self, partner_sid: str, rows: Iterable[tuple[Any, ...]]) -> Iterator[Correction]:
        for *row, date in rows:
            correction = _correction(tuple(row))
            if correction.after is None and date is not None:
                # No later version, and not withdrawn: it was put away.
                placed = self.archived(partner_sid, correction.dr_sid)
                correction = correction._replace(after=_side(placed) if placed else None)
            yield correction

    def first_usage(self, partner_sid: str, instant: int) -> int | None:
        """When a partner's next record at or after an instant is, archived or not."""
        firsts = (self.first_there(partner_sid, instant), self.archived_first(partner_sid, instant))
        return min((first for first in firsts if first is not None), default=None)

    def usage_sums(self, partner_sid: str, start: int, end: int) -> Iterator[UsageSum]:
        """All of a partner's records of [start, end), whatever their state; a sum may come in parts."""
        archived = self.archived_sums(partner_sid, start, end)
        for row in chain(self._run(_USAGE_SUMS, (partner_sid, start, end)).fetchall(), archived):
            invoice_sid, *item, state, adjusted, records, quantity, units = row
            yield UsageSum(invoice_sid, Item(*item), state, bool(adjusted), ItemSum(units, quantity, records))


def priced_of(placed: Placed) -> tuple[Item, Priced, RateSum]:
    """One version of a record as `rate_sums` counts it."""
    event = placed.event
    final = event.price is not None
    measured = event.measured if isinstance(event, CallEvent) else 0
    return (
        item_of(placed),
        Priced(kind_of(event), final, None if final else placed.pin),
        RateSum(1, placed.quantity, placed.units, measured),
    )


def item_of(placed: Placed) -> Item:
    """The item that a version of a record was counted on."""
    return Item(placed.item_type, placed.event.direction or "", placed.country_code or "")


def _correction(row: tuple[Any, ...]) -> Correction:
    record, following = row[9:11]
    after = None
    if following is not None:
        after = _side(_read_version(following))
    elif row[11] is not None:
        date, type_, direction, country, quantity, units, price, rate, state, adjusted = row[11:]
        item = Item(type_, direction or "", country or "")
        after = Side(date, item, quantity, units, price, rate, state, bool(adjusted))
    return Correction._make((*row[:9], _side(_read_version(record)), after))


def _side(placed: Placed) -> Side:
    return Side(
        placed.event.time,
        item_of(placed),
        placed.quantity,
        placed.units,
        placed.price,
        placed.rate,
        placed.state,
        placed.adjusted,
        placed.invoice_sid,
        placed.given_back,
    )
