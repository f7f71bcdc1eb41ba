"""The rules of billing once more, in plain Python and fractions: slow, small, and nothing of the program in it.

What the simulation believes. Days are dates, instants milliseconds, money `Fraction`s of the currency; nothing is
kept that could be counted again.
"""

import pickle
from fractions import Fraction

from tests.simulation.nouns import Key, Partner, Refused
from tests.simulation.periods import day, instant
from tests.simulation.prices import price, rounded
from tests.simulation.recording import Recording


class Book(Recording):
    """The book that is believed in. Every act is a method; `Refused` says that nothing may change."""

    def clone(self) -> "Book":
        """The same, to try something on."""
        made: Book = pickle.loads(pickle.dumps(self))
        return made

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
        for sid, event in partner.as_they_came("unrated"):
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
            for sid, event in partner.as_they_came("parked"):
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
