"""The rules of billing once more, in plain Python and fractions: slow, small, and nothing of the program in it.

What the simulation believes. Days are dates, instants milliseconds, money `Fraction`s of the currency; nothing is
kept that could be counted again.
"""

import pickle
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple, TypeVar

DAY = 86_400_000
HALF_HOUR = 1_800_000
T = TypeVar("T")

MOST = 100_000_000
COUNTRIES = {"1": "USA", "44": "GBR", "49": "DEU"}
TYPES = ("toll", "sms", "lookup", "credit", "adjustment")


class Refused(Exception):
    """What the book must refuse."""


class Unlawful(Exception):
    """An item is larger than any may be."""


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


class Key(NamedTuple):
    """What makes an item one."""

    type: str
    direction: str | None
    country: str | None
    start: date
    end: date


class Sum(NamedTuple):
    """An item's exact amount, usage, and number of records."""

    amount: Fraction = Fraction(0)
    usage: int = 0
    events: int = 0


NOTHING = Sum()


@dataclass
class Invoice:
    """An invoice as all that it is made of."""

    number: int
    start: date
    end: date
    created: int
    status: str = "open"
    approved: bool = False
    sums: dict[Key, Sum] = field(default_factory=dict)
    credits: list[tuple[Key, Fraction, int]] = field(default_factory=list)
    pays: list[tuple[int, Fraction, str]] = field(default_factory=list)
    issued: int | None = None
    charged: int | None = None

    def items(self) -> list[tuple[Key, Fraction, int]]:
        """Key, amount and usage of each item, in an invoice's order."""
        made = [(key, rounded(total.amount), total.usage) for key, total in self.sums.items()]
        made += [(key, amount, 0) for key, amount, _ in self.credits]
        return sorted(made, key=lambda item: (*_place(item[0]), item[1]))

    def amount(self) -> Fraction:
        """What its items come to."""
        return sum((amount for _, amount, _ in self.items()), Fraction(0))

    def paid_in(self) -> Fraction:
        """What its payments come to."""
        return sum((amount for _, amount, _ in self.pays), Fraction(0))

    def settles(self) -> Fraction:
        """What it settles of the debt before it."""
        return self.paid_in() - sum(amount for _, amount, _ in self.items() if amount < 0)


@dataclass
class Event:
    """A record as it stands."""

    use: Use
    came: int
    state: str
    invoice: int | None = None
    key: Key | None = None
    added: Sum = NOTHING


@dataclass
class Partner:
    """Whose invoices they are, and everything that is known of them."""

    begins: date
    cycle: str = "monthly"
    careful: bool = False
    held: bool = False
    parked: bool = False
    invoices: list[Invoice] = field(default_factory=list)
    said: dict[str, Use] = field(default_factory=dict)
    events: dict[str, Event] = field(default_factory=dict)
    payments: list[tuple[str, Fraction]] = field(default_factory=list)
    references: set[str] = field(default_factory=set)
    waiting: list[tuple[int, Fraction, str]] = field(default_factory=list)
    credited: dict[int, list[tuple[Key, Fraction, int]]] = field(default_factory=dict)
    moved: list[tuple[int, int, Key, Fraction]] = field(default_factory=list)
    sheets: list[Sheet] = field(default_factory=list)

    def opens(self) -> list[Invoice]:
        """The open invoices, oldest first."""
        return [invoice for invoice in self.invoices if invoice.status == "open"]

    def corrections(self, number: int) -> list[tuple[Key, Fraction]]:
        """What was credited of an invoice, but for what fell with an invoice that was voided."""
        lines = self.credited.get(number, [])
        return [(key, amount) for key, amount, on in lines if self.invoices[on - 1].status != "void"]

    def moved_elsewhere(self, number: int) -> dict[tuple[int, Key], Fraction]:
        """What corrections of an invoice's records come to on others, but for what fell with a voided one."""
        sums: dict[tuple[int, Key], Fraction] = {}
        for whose, on, key, amount in self.moved:
            if whose == number and self.invoices[on - 1].status != "void":
                item = (on, key._replace(type="adjustment"))
                sums[item] = sums.get(item, Fraction(0)) + amount
        return sums

    def settles_a_void(self, number: int) -> bool:
        """Whether an invoice credits another that is void now, or carries corrections of its records."""
        named = [of for _, _, of in self.invoices[number - 1].credits]
        named += [whose for whose, on, _, _ in self.moved if on == number]
        return any(self.invoices[of - 1].status == "void" for of in named)

    def first_open(self) -> date:
        """The first day that no closed invoice covers."""
        ended = [invoice.end for invoice in self.invoices if invoice.status != "open"]
        return max(ended, default=self.begins)

    def forward(self, number: int) -> Fraction:
        """The balance that an invoice carries forward."""
        return sum((i.amount() - i.paid_in() for i in self.invoices[:number]), Fraction(0))

    def is_paid(self, invoice: Invoice) -> bool:
        """Whether later invoices have settled what a closed one carried forward: the oldest debt is paid first."""
        later = sum((i.settles() for i in self.invoices[invoice.number :]), Fraction(0))
        return invoice.status != "open" and self.forward(invoice.number) <= later


def instant(day: date) -> int:
    """A day's midnight."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000


def day(at: int) -> date:
    """The day that holds an instant."""
    return date(1970, 1, 1) + timedelta(days=at // DAY)


def is_cut(that: date, cycle: str, begins: date) -> bool:
    """Whether time is cut on a day. Months: on the first one's day, or the last of a month that has no such day."""
    if cycle in ("weekly", "biweekly"):
        return (that - begins).days % (7 if cycle == "weekly" else 14) == 0
    if cycle == "monthly":
        return that.day == begins.day or (that.day < begins.day and (that + timedelta(days=1)).day == 1)
    if cycle == "semi_monthly":
        return that.day in (1, 16)
    months = {"calendar_month": range(1, 13), "quarter": (1, 4, 7, 10), "year": (1,)}[cycle]
    return that.day == 1 and that.month in months


def period(partner: Partner, that: date) -> tuple[date, date]:
    """The period that holds a day, found by counting days."""
    return _period(that, partner.cycle, partner.begins)


@lru_cache(10_000)
def _period(that: date, cycle: str, begins: date) -> tuple[date, date]:
    start, end = that, that + timedelta(days=1)
    while start > begins and not is_cut(start, cycle, begins):
        start -= timedelta(days=1)
    while not is_cut(end, cycle, begins):
        end += timedelta(days=1)
    return start, end


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


def _place(key: Key) -> tuple[int, str, bool, str, date]:
    # "inbound" comes before "outbound", and both before none.
    return TYPES.index(key.type), key.direction or "~", not key.country, key.country or "", key.start


class Book:
    """The book that is believed in. Every act is a method; `Refused` says that nothing may change."""

    def __init__(self, close_delay: int) -> None:
        self.close_delay = close_delay
        self.now = 0
        self.partners: dict[str, Partner] = {}
        self.sheets: list[Sheet] = []

    def clone(self) -> "Book":
        """The same, to try something on."""
        made: Book = pickle.loads(pickle.dumps(self))
        return made

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
        start, end = period(partner, day(use.at))
        late = day(use.at) < partner.first_open()
        if not late:
            self._open_until(partner, use.at)
        cost = price(use, self._sheet(partner, use))
        if cost is None:
            return Event(use, came, "unrated")
        key = Key(*_kind(use), start, end)
        if late:
            on = partner.invoices[stays - 1] if stays else self._current(partner)
        else:
            on = next(i for i in partner.invoices if i.start == start)
        added = Sum(*cost, 1)
        _add(on, key, added)
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
            key = Key(*_kind(use), *period(partner, day(use.at)))
            _add(self._current(partner), key._replace(type="adjustment"), Sum(*cost))
            after = Event(use, before.came, "billed", before.invoice, key, Sum(*cost, 1))
            partner.moved.append((before.invoice or 0, self._current(partner).number, key, cost[0]))
        else:
            after = self._put(partner, use, before.came, before.invoice if on and not frozen else None)
        partner.events[use.sid] = after

    def _change_usage(self, partner: Partner, before: Event, use: Use | None) -> None:
        """Of a record on a voided invoice: its money was given back, once and for all."""
        current = self._current(partner)
        assert before.key is not None
        _add(current, before.key._replace(type="adjustment"), Sum(usage=-before.added.usage))
        if use is None:
            del partner.events[before.use.sid]
            return
        cost = price(use, self._sheet(partner, use))
        added = Sum(*cost, 1) if cost else Sum(usage=plain_quantity(use))
        key = Key(*_kind(use), *period(partner, day(use.at)))
        _add(current, key._replace(type="adjustment"), Sum(usage=added.usage))
        partner.events[use.sid] = Event(use, before.came, "billed", before.invoice, key, added)

    def _take_off(self, partner: Partner, on: Invoice, key: Key, added: Sum) -> None:
        if on.status == "open":
            _add(on, key, Sum(-added.amount, -added.usage, -1))
        else:
            _add(self._current(partner), key._replace(type="adjustment"), Sum(-added.amount, -added.usage))

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

    # What was paid and credited.

    def pay(self, name: str, amount: Fraction, reference: str | None, type_: str = "visa") -> None:
        """A payment or, by `type_`, goodwill."""
        partner = self.partners[name]
        if reference in partner.references:
            raise Refused
        if reference is not None:
            partner.references.add(reference)
        if type_ == "visa":
            partner.payments.append((type_, amount))
        self._place(partner, (self.now, amount, type_))

    def refund(self, name: str, place: int, amount: Fraction) -> None:
        """Give a part of a payment back."""
        partner = self.partners[name]
        type_, left = partner.payments[place]
        if amount > left:
            raise Refused
        partner.payments[place] = (type_, left - amount)
        self._place(partner, (self.now, -amount, "visa"))

    def _place(self, partner: Partner, pay: tuple[int, Fraction, str]) -> None:
        if partner.parked:
            partner.waiting.append(pay)
            return
        self._current(partner).pays.append(pay)
        self._save(partner)

    def credit(self, name: str, number: int, amount: Fraction) -> None:
        """A credit note for a closed invoice."""
        partner = self.partners[name]
        credited = partner.invoices[number - 1]
        items = credited.items()
        before = -sum((amount for _, amount in partner.corrections(number)), Fraction(0))
        if partner.parked or credited.status != "closed" or not items or amount > credited.amount() - before:
            raise Refused
        largest = max(items, key=lambda item: item[1])
        self._credit(partner, number, [(largest[0], -amount)])

    def void(self, name: str, number: int) -> None:
        """Take a closed invoice back, and what was credited of it with it."""
        partner = self.partners[name]
        voided = partner.invoices[number - 1]
        if partner.parked or voided.status != "closed" or partner.settles_a_void(number):
            raise Refused
        back = [(key, -amount) for key, amount in partner.corrections(number)]
        moved = [(key, -rounded(amount)) for (_, key), amount in partner.moved_elsewhere(number).items()]
        back += [(key, amount) for key, amount in moved if amount]
        voided.status = "void"
        self._credit(partner, number, [(key, -amount) for key, amount, _ in voided.items()] + back)

    def _credit(self, partner: Partner, number: int, lines: list[tuple[Key, Fraction]]) -> None:
        current = self._current(partner)
        current.credits += [(key._replace(type="credit"), amount, number) for key, amount in lines]
        partner.credited.setdefault(number, []).extend((*line, current.number) for line in lines)
        self._save(partner)

    # How invoices move.

    def run(self) -> None:
        """Rate what waited, open, close."""
        for name, partner in self.partners.items():
            if any(event.state == "unrated" for event in partner.events.values()) and not partner.parked:
                self._parking(name, self._rate_waiting)
        for partner in self.partners.values():
            if not partner.parked:
                self._move_on(partner)

    def would_close(self) -> list[tuple[str, int, Fraction]]:
        """Partner, number and amount of each invoice that a run would close as things are."""
        other = self.clone()
        before = {(name, i.number) for name, p in other.partners.items() for i in p.invoices if i.status != "open"}
        for partner in other.partners.values():
            if not partner.parked:
                other._move_on(partner)
        return [
            (name, i.number, i.amount())
            for name, p in other.partners.items()
            for i in p.invoices
            if i.status != "open" and (name, i.number) not in before
        ]

    def _rate_waiting(self, partner: Partner) -> None:
        moved = False
        for sid, event in _as_they_came(partner, "unrated"):
            if price(event.use, self._sheet(partner, event.use)) is not None:
                partner.events[sid] = self._put(partner, event.use, event.came)
                moved = True
        if moved:
            self._save(partner)

    def _move_on(self, partner: Partner) -> None:
        self._open_until(partner, self.now)
        while not partner.held and partner.opens():
            first = partner.opens()[0]
            if instant(first.end) + self.close_delay * 1000 > self.now or (partner.careful and not first.approved):
                break
            first.status, first.issued = "closed", self.now
            self._open_until(partner, self.now)
        self._save(partner)

    def unpark(self, name: str) -> None:
        """Free a partner, with all that waited, as it came; and close what is due."""
        partner = self.partners[name]
        if not partner.parked:
            raise Refused
        partner.parked = False
        self._current(partner).pays.extend(partner.waiting)
        partner.waiting = []
        self._save(partner)

        def place(partner: Partner) -> None:
            for sid, event in _as_they_came(partner, "parked"):
                partner.events[sid] = self._put(partner, event.use, event.came)
            self._save(partner)

        self._parking(name, place)
        if not self.partners[name].parked:
            self._move_on(self.partners[name])

    def approve(self, name: str, number: int, *, approved: bool) -> None:
        """Let an open invoice go, or take that back."""
        invoice = self.partners[name].invoices[number - 1]
        if invoice.status != "open":
            raise Refused
        invoice.approved = approved

    def balance(self, name: str) -> Fraction:
        """What a partner has."""
        partner = self.partners[name]
        opens = partner.opens()
        if not opens:
            return Fraction(0)
        current = next((i for i in opens if i.start <= day(self.now) < i.end), opens[0])
        return -partner.forward(current.number)

    def _open_until(self, partner: Partner, until: int) -> None:
        start = partner.first_open()
        while True:
            start, end = period(partner, start)
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


def _kind(use: Use) -> tuple[str, str | None, str | None]:
    """The type, direction and country of a record's item."""
    if use.kind == "lookup":
        return "lookup", None, None
    country = next(COUNTRIES[code] for code in COUNTRIES if use.number.startswith(code))
    return ("toll" if use.kind == "call" else "sms"), "outbound", country


def _add(on: Invoice, key: Key, added: Sum) -> None:
    before = on.sums.pop(key, Sum())
    total = Sum(before.amount + added.amount, before.usage + added.usage, before.events + added.events)
    if total != Sum():
        on.sums[key] = total


def _as_they_came(partner: Partner, state: str) -> list[tuple[str, Event]]:
    waiting = [(sid, event) for sid, event in partner.events.items() if event.state == state]
    return sorted(waiting, key=lambda pair: (pair[1].came, pair[0]))
