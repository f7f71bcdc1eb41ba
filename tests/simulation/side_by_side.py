"""A book and the model beside it: each act is done to both, and after it they must agree."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

from hypothesis.stateful import RuleBasedStateMachine, invariant
from tests.engine import Engine
from tests.simulation.book_laws import broken_laws
from tests.simulation.model import Book
from tests.simulation.nouns import Refused
from tests.simulation.prices import Sheet, Use
from tests.simulation.translating import believed, billionths, event_of, seen, text
from tests.stores import ON_POSTGRES, digest, in_file

from tollbook.billing.sheets import CallRate, MessageRate, PriceRounding, UsagePrice
from tollbook.clock import format_instant
from tollbook.errors import Refusal
from tollbook.store import Writes


class Boom(Exception):
    """What an act dies of before its commit."""


class SideBySide(RuleBasedStateMachine):
    """A book and what is believed of it, from when `engine`, `book` and `sids` are set."""

    steps = 0
    engine: Engine
    book: Book
    sids: dict[str, str]
    """The sid of each partner, by its name."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None)
        self.crashing = False
        self.age = 0

    def synchronous_off(self) -> None:
        """A power cut is not simulated: no commit needs to wait for the disk."""
        if not ON_POSTGRES:
            in_file(self.engine.store)._write_connection().execute("PRAGMA synchronous = OFF")

    def teardown(self) -> None:
        if hasattr(self, "engine"):
            self.engine.store.close()
        self.folder.cleanup()

    def both(self, of_book: Callable[[Book], Any], of_engine: Callable[[], Any]) -> Any:
        """Do something to the model and to the book, which answer and refuse alike; crash in it first, if asked."""
        self.look_at_clock()
        believed = self.book.clone()
        try:
            expected = of_book(believed)
        except Refused:
            expected = Refused
        if self.crashing:
            self.crash(of_engine)
        try:
            found = of_engine()
        except Refusal:
            if expected is Refused:
                return Refused
            raise
        assert expected is not Refused, "this should have been refused"
        self.book = believed
        return expected, found

    def crash(self, of_engine: Callable[[], Any]) -> None:
        """Die between the act and its commit: nothing of it may be there."""
        self.crashing = False
        before = digest(self.engine.store)
        with patch.object(Writes, "finish", side_effect=Boom):
            try:
                of_engine()
            except (Boom, Refusal):
                pass
        assert digest(self.engine.store) == before

    def look_at_clock(self) -> None:
        """Time as the book has it: it follows the clock, and never goes back."""
        clock = self.engine.clock.instant
        with self.engine.store.reading() as book:
            now = book.present(clock)
        came = [event.came for partner in self.book.partners.values() for event in partner.events.values()]
        assert now >= max([clock, *came])
        self.book.now = now

    def record_batch(self, batch: list[tuple[str, Use]]) -> None:
        events = [event_of(self.sids[name], use) for name, use in batch]
        expected, found = self.both(lambda book: book.record(batch), lambda: self.engine.record(*events))
        said = []
        for outcome in found:
            marks = ["late"] * outcome.late + ["unrated"] * outcome.unrated
            conflict = outcome.problem is not None and outcome.problem.status == 409
            said.append("conflict" if conflict else " ".join(marks) or outcome.result)
        assert said == expected

    def known(self) -> list[tuple[str, Use]]:
        """Everything that was recorded, as it was first said."""
        return [(name, use) for name, partner in self.book.partners.items() for use in partner.said.values()]

    def put_prices(self, deck: Sheet, own: str | None) -> None:
        """To the book and to the model."""
        since = deck.effective
        held = self.book.sheets if own is None else self.book.partners[own].sheets
        held.append(deck)
        terms: dict[str, Any] = {"effective": format_instant(since), "to": [self.sids[own]] if own else []}
        if deck.rounding:
            terms["price_rounding"] = PriceRounding(*deck.rounding)  # type: ignore[arg-type]
        calls = [
            CallRate(prefix=prefix, rate=int(rate * 10**9), billing_minimum=minimum, billing_increment=increment)
            for prefix, (rate, minimum, increment) in deck.calls.items()
        ]
        nobody: dict[str, Any] = {"mcc": "999"} if deck.message is None else {}
        message = MessageRate(price=billionths(deck.message) or 0, **nobody)
        lookup = UsagePrice(type="lookup" if deck.lookup is not None else "none", price=billionths(deck.lookup) or 0)
        convention = "whole" if deck.whole else "after_minimum"
        self.engine.sheet(*calls, name=f"calls {own}", convention=convention, **terms)
        self.engine.sheet(message, name=f"messages {own}", service="sms", **terms)
        self.engine.sheet(lookup, name=f"usage {own}", service="usage", direction=None, **terms)

    def run_billing(self) -> None:
        self.both(lambda book: book.run(), self.engine.run)

    # What must hold after each of it.

    @invariant()
    def the_book_is_as_believed(self) -> None:
        type(self).steps += 1
        self.age += 1
        assert broken_laws(self.engine.store) == []
        for name, partner in self.book.partners.items():
            served = self.engine.invoices(self.sids[name])
            assert len(served) == len(partner.invoices)
            for document, invoice in zip(served, partner.invoices, strict=True):
                found, expected = seen(document), believed(partner, invoice)
                unlike = {key: (found.get(key), expected.get(key)) for key in found | expected}
                unlike = {key: pair for key, pair in unlike.items() if pair[0] != pair[1]}
                assert not unlike, f"{name} {invoice.number}: (found, expected) {unlike}"
            self.balance_is_as_believed(name)

    def balance_is_as_believed(self, name: str) -> None:
        """A parked partner's stays; another's is that of the current invoice, once a run that is due has been."""
        billing = self.engine.billing(self.sids[name])
        assert (billing.is_parked, billing.is_held) == (self.book.partners[name].parked, self.book.partners[name].held)
        self.look_at_clock()
        if billing.date_due is not None and billing.date_due > self.book.now:
            expected = text(self.book.balance(name))
            assert (found := self.engine.balance(self.sids[name])) == expected, f"{name}: {found}, not {expected}"
