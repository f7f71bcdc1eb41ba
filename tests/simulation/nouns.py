"""The nouns of the model: an invoice as all that it is made of, a record as it stands, a partner with everything.

Nothing is kept that could be counted again.
"""

from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import NamedTuple

from tests.simulation.periods import period
from tests.simulation.prices import Sheet, Use, rounded

TYPES = ("toll", "sms", "lookup", "credit", "adjustment")


class Refused(Exception):
    """What the book must refuse."""


class Unlawful(Exception):
    """An item is larger than any may be."""


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

    def add(self, key: Key, added: Sum) -> None:
        """Count something on an item, which goes where nothing is left of it."""
        before = self.sums.pop(key, Sum())
        total = Sum(before.amount + added.amount, before.usage + added.usage, before.events + added.events)
        if total != Sum():
            self.sums[key] = total


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

    def period(self, that: date) -> tuple[date, date]:
        """The period that holds a day."""
        return period(that, self.cycle, self.begins)

    def as_they_came(self, state: str) -> list[tuple[str, Event]]:
        """The records in a state, with their sids."""
        waiting = [(sid, event) for sid, event in self.events.items() if event.state == state]
        return sorted(waiting, key=lambda pair: (pair[1].came, pair[0]))


def _place(key: Key) -> tuple[int, str, bool, str, date]:
    # "inbound" comes before "outbound", and both before none.
    return TYPES.index(key.type), key.direction or "~", not key.country, key.country or "", key.start
