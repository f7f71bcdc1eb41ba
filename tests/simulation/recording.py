"""What the model has of records: used, corrected and rated anew, and the invoices that are opened for them."""

import pickle
from collections.abc import Callable, Iterable
from typing import TypeVar

from tests.simulation.nouns import Event, Invoice, Key, Partner, Refused, Sum, Unlawful
from tests.simulation.periods import DAY, day, instant
from tests.simulation.prices import Sheet, Use, item_kind, plain_quantity, price

HALF_HOUR = 1_800_000
MOST = 100_000_000
T = TypeVar("T")


class Recording:
    """Partners with their records and invoices. Every act is a method; `Refused` says that nothing may change."""

    def __init__(self, close_delay: int) -> None:
        self.close_delay = close_delay
        self.now = 0
        self.partners: dict[str, Partner] = {}
        self.sheets: list[Sheet] = []

    # What was used.

    def record(self, batch: Iterable[tuple[str, Use]]) -> list[str]:
        """What becomes of each record of a batch; each partner's share is one act."""
        batch = list(batch)
        results: dict[int, str] = {}
        for name in dict.fromkeys(name for name, _ in batch):
            places = [place for place, (whose, _) in enumerate(batch) if whose == name]
            uses = [batch[place][1] for place in places]
            results.update(zip(places, self._record(name, uses), strict=True))
        return [results[place] for place in range(len(batch))]

    def _record(self, name: str, uses: list[Use]) -> list[str]:
        def put(partner: Partner) -> list[str]:
            results = [self._take(partner, use) for use in uses]
            if set(results) & {"accepted", "late", "unrated", "late unrated"}:
                self._save(partner)
            return results

        if not self.partners[name].parked:
            try:
                return self._whole(name, put)
            except Unlawful:
                self.partners[name].parked = True
        return [self._keep(self.partners[name], use) for use in uses]

    def _known(self, partner: Partner, use: Use) -> str | None:
        if use.sid in partner.said:
            return "duplicate" if partner.said[use.sid] == use else "conflict"
        return "rejected" if self._untimely(partner, use) else None

    def _untimely(self, partner: Partner, use: Use) -> bool:
        return use.at > self.now + DAY or use.at < self.now - 730 * DAY or use.at < instant(partner.begins)

    def _take(self, partner: Partner, use: Use) -> str:
        known = self._known(partner, use)
        if known:
            return known
        partner.said[use.sid] = use
        late = day(use.at) < partner.first_open()
        event = partner.events[use.sid] = self._put(partner, use, self.now)
        return " ".join(["late"] * late + ["unrated"] * (event.state == "unrated")) or "accepted"

    def _keep(self, partner: Partner, use: Use) -> str:
        known = self._known(partner, use)
        if known:
            return known
        partner.said[use.sid] = use
        partner.events[use.sid] = Event(use, self.now, "parked")
        return "parked"

    def _put(self, partner: Partner, use: Use, came: int, stays: int | None = None) -> Event:
        """Count a record on its period's invoice, or where that is closed on the current one, or where it was."""
        start, end = partner.period(day(use.at))
        late = day(use.at) < partner.first_open()
        if not late:
            self._open_until(partner, use.at)
        cost = price(use, self._sheet(partner, use))
        if cost is None:
            return Event(use, came, "unrated")
        key = Key(*item_kind(use), start, end)
        if late:
            on = partner.invoices[stays - 1] if stays else self._current(partner)
        else:
            on = next(i for i in partner.invoices if i.start == start)
        added = Sum(*cost, 1)
        on.add(key, added)
        return Event(use, came, "billed", on.number, key, added)

    def _sheet(self, partner: Partner, use: Use) -> Sheet | None:
        for sheets in (partner.sheets, self.sheets):
            valid = [sheet for sheet in sheets if sheet.effective <= use.start]
            if valid:
                return max(enumerate(valid), key=lambda numbered: (numbered[1].effective, numbered[0]))[1]
        return None

    def correct(self, name: str, sid: str, use: Use | None) -> None:
        """Replace a record, or withdraw it."""
        partner = self.partners[name]
        if sid not in partner.events or (use and self._untimely(partner, use)):
            raise Refused
        if partner.parked and partner.events[sid].state != "parked":
            raise Refused
        if partner.parked:
            self._change_waiting(partner, partner.events[sid], use)
            return

        def change(partner: Partner) -> None:
            self._change(partner, partner.events[sid], use)
            self._save(partner)

        self._lawful(name, change)

    def _change_waiting(self, partner: Partner, before: Event, use: Use | None) -> None:
        if use is None:
            del partner.events[before.use.sid]
        else:
            partner.events[use.sid] = Event(use, before.came, "parked")

    def _change(self, partner: Partner, before: Event, use: Use | None) -> None:
        on = None if before.invoice is None else partner.invoices[before.invoice - 1]
        if on is not None and on.status == "void":
            self._change_usage(partner, before, use)
            return
        frozen = on is not None and on.status != "open"
        if on is not None and before.key is not None:
            self._take_off(partner, on, before.key, before.added)
            if frozen:
                partner.moved.append((on.number, self._current(partner).number, before.key, -before.added.amount))
        if use is None:
            del partner.events[before.use.sid]
            return
        cost = price(use, self._sheet(partner, use))
        if frozen and cost is not None and day(use.at) < partner.first_open():
            key = Key(*item_kind(use), *partner.period(day(use.at)))
            self._current(partner).add(key._replace(type="adjustment"), Sum(*cost))
            after = Event(use, before.came, "billed", before.invoice, key, Sum(*cost, 1))
            partner.moved.append((before.invoice or 0, self._current(partner).number, key, cost[0]))
        else:
            after = self._put(partner, use, before.came, before.invoice if on and not frozen else None)
        partner.events[use.sid] = after

    def _change_usage(self, partner: Partner, before: Event, use: Use | None) -> None:
        """Of a record on a voided invoice: its money was given back, once and for all."""
        current = self._current(partner)
        assert before.key is not None
        current.add(before.key._replace(type="adjustment"), Sum(usage=-before.added.usage))
        if use is None:
            del partner.events[before.use.sid]
            return
        cost = price(use, self._sheet(partner, use))
        added = Sum(*cost, 1) if cost else Sum(usage=plain_quantity(use))
        key = Key(*item_kind(use), *partner.period(day(use.at)))
        current.add(key._replace(type="adjustment"), Sum(usage=added.usage))
        partner.events[use.sid] = Event(use, before.came, "billed", before.invoice, key, added)

    def _take_off(self, partner: Partner, on: Invoice, key: Key, added: Sum) -> None:
        if on.status == "open":
            on.add(key, Sum(-added.amount, -added.usage, -1))
        else:
            self._current(partner).add(key._replace(type="adjustment"), Sum(-added.amount, -added.usage))

    def rerate(self, name: str) -> None:
        """Rate all records anew whose price did not come with them."""
        if self.partners[name].parked:
            raise Refused

        def change(partner: Partner) -> None:
            changed = False
            for event in sorted(partner.events.values(), key=lambda e: (e.use.at, e.use.sid)):
                cost = price(event.use, self._sheet(partner, event.use))
                same = cost == event.added[:2] if cost is not None else not event.added.events
                if event.state == "billed" and event.use.price is None and not same:
                    self._change(partner, event, event.use)
                    changed = True
            if changed:
                self._save(partner)

        self._lawful(name, change)

    # What each act ends with: all of it, or nothing.

    def _open_until(self, partner: Partner, until: int) -> None:
        start = partner.first_open()
        while True:
            start, end = partner.period(start)
            early = start > day(until) and self.now < instant(start) - HALF_HOUR
            if early and start != partner.begins:
                return
            if start not in [invoice.start for invoice in partner.invoices]:
                last = max((invoice.created + 1 for invoice in partner.invoices), default=0)
                partner.invoices.append(Invoice(len(partner.invoices) + 1, start, end, max(self.now, last)))
            start = end

    def _current(self, partner: Partner) -> Invoice:
        self._open_until(partner, self.now)
        opens = partner.opens()
        return next((i for i in opens if i.start <= day(self.now) < i.end), opens[0])

    def _save(self, partner: Partner) -> None:
        self._open_until(partner, self.now)
        if any(abs(total.amount) > MOST for invoice in partner.opens() for total in invoice.sums.values()):
            raise Unlawful
        for invoice in partner.invoices:
            if not partner.is_paid(invoice):
                invoice.charged = None
            elif invoice.charged is None:
                invoice.charged = self.now

    def _whole(self, name: str, do: Callable[[Partner], T]) -> T:
        """Do all of it to a partner, or nothing."""
        kept = pickle.dumps(self.partners[name])
        try:
            return do(self.partners[name])
        except Unlawful:
            self.partners[name] = pickle.loads(kept)
            raise

    def _parking(self, name: str, do: Callable[[Partner], None]) -> None:
        try:
            self._whole(name, do)
        except Unlawful:
            self.partners[name].parked = True

    def _lawful(self, name: str, do: Callable[[Partner], None]) -> None:
        try:
            self._whole(name, do)
        except Unlawful:
            raise Refused from None
