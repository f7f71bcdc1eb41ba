"""The simulation: acts at random on a book and on the model beside it, which must agree after each of them."""

from fractions import Fraction
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule
from msgspec.structs import replace
from tests.engine import Engine
from tests.simulation.choices import (
    BEGINS,
    NAMES,
    NUMBERS,
    TOO_MUCH,
    cents,
    cycles,
    names,
    parts,
    places,
    sheets,
    uses,
    whens,
)
from tests.simulation.model import Book
from tests.simulation.nouns import Partner, Refused
from tests.simulation.periods import DAY, day, instant
from tests.simulation.prices import Sheet, Use, rounded
from tests.simulation.side_by_side import SideBySide
from tests.simulation.translating import event_of, normal, text
from tests.stores import digest

from tollbook.clock import parse_instant
from tollbook.operations import correcting, standing
from tollbook.store import open_store


class Simulation(SideBySide):
    """Two partners, a clock, and everything that may happen to them."""

    @initialize(
        begins=st.sampled_from(BEGINS), delay=st.sampled_from((0, 86_400)), careful=st.booleans(),
        sooner=st.integers(0, 70), deck=sheets, cycles=st.tuples(cycles, cycles), lived=st.sampled_from((60, 20, 0)),
    )  # fmt: skip
    def begin(
        self, begins: str, delay: int, careful: bool, sooner: int, deck: Sheet, cycles: tuple[str, str], lived: int
    ) -> None:
        self.engine = Engine(Path(self.folder.name), begins, close_delay_seconds=delay)
        self.synchronous_off()
        self.book = Book(delay)
        self.book.now = parse_instant(begins)
        self.sids = {}
        self.paid: dict[str, list[str]] = {name: [] for name in NAMES}
        for name, days, waits, cycle in zip(NAMES, (0, sooner), (careful, False), cycles, strict=True):
            begun = day(self.book.now - days * DAY)
            self.sids[name] = self.engine.partner(name, begins=begun, needs_approval=waits, cycle=cycle)
            self.book.partners[name] = Partner(begun, cycle, careful=waits)
        self.put_prices(deck._replace(effective=parse_instant("2020-01-01")), None)
        self.live(lived)

    def live(self, days: int) -> None:
        """Some ordinary weeks: records each day, that come every fifth, and bills now and then."""
        for week in range(0, days, 5):
            self.engine.clock.instant += 5 * DAY
            self.look_at_clock()
            uses = [self.ordinary(number) for number in range(week, week + 5)]
            self.record_batch([(name, use) for use in uses for name in NAMES])
            if week % 10:
                self.run_billing()

    def ordinary(self, number: int) -> Use:
        """A record of its number: a call of 8,880 s, a message or a look-up."""
        kind, at = ("call", "message", "lookup")[number % 3], self.book.now - number % 5 * DAY
        return normal(Use(f"dr-{number:03}", kind, NUMBERS[number % 4], at, 8_880_000, quantity=10 * number))

    def when(self, name: str, when: tuple[str, int]) -> int:
        """The instant that is meant."""
        how, number = when
        now = self.book.now
        if how == "ago":
            return now - number
        if how == "months ago":
            return now - number * DAY
        if how == "exactly" or how == "ahead":
            return now + number
        ends = [invoice.end for invoice in self.book.partners[name].invoices] or [day(now)]
        return instant(ends[number // 2 % len(ends)]) - number % 2

    # What is used.

    @rule(name=names, use=uses, ago=st.integers(0, 40 * DAY))
    def record_one(self, name: str, use: Use, ago: int) -> None:
        self.look_at_clock()
        self.record_batch([(name, normal(use._replace(at=self.book.now - ago)))])

    @rule(name=names, some=st.lists(st.tuples(uses, whens), min_size=1, max_size=4), other=st.booleans())
    def record(self, name: str, some: list[tuple[Use, tuple[str, int]]], other: bool) -> None:
        self.look_at_clock()
        batch = []
        for number, (use, when) in enumerate(some):
            whose = NAMES[number % 2] if other else name
            batch.append((whose, normal(use._replace(at=self.when(whose, when)))))
        self.record_batch(batch)

    @precondition(lambda self: self.known())
    @rule(some=st.lists(places, min_size=1, max_size=6), otherwise=st.booleans())
    def record_again(self, some: list[int], otherwise: bool) -> None:
        """What is known already, in any order, twice in a batch, or with other content."""
        known = self.known()
        batch = [known[place % len(known)] for place in some]
        if otherwise:
            batch[0] = (batch[0][0], batch[0][1]._replace(at=batch[0][1].at + 1))
        self.record_batch(batch)

    @precondition(lambda self: self.known())
    @rule(place=places, to=uses, when=st.none() | whens, withdraw=st.booleans())
    def correct(self, place: int, to: Use, when: tuple[str, int] | None, withdraw: bool) -> None:
        known = self.known()
        name, use = known[place % len(known)]
        self.look_at_clock()
        at = use.at if when is None else self.when(name, when)
        changed = None if withdraw else normal(to._replace(sid=use.sid, kind=use.kind, at=at))
        event = None if changed is None else event_of(self.sids[name], changed)
        kind = {"lookup": "usage"}.get(use.kind, use.kind)

        caller = replace(self.engine.caller, partner_sid=self.sids[name])
        make = (lambda _: event) if event else None

        def engine() -> None:
            self.engine.store.act(lambda act: correcting.correct(act, caller, kind, use.sid, make, "a test"))

        self.both(lambda book: book.correct(name, use.sid, changed), engine)

    @rule(deck=sheets, own=st.none() | names)
    def new_prices(self, deck: Sheet, own: str | None) -> None:
        """Another version of the default's sheets, or of a partner's own."""
        self.look_at_clock()
        since = parse_instant("2020-01-01") if deck.effective < 0 else self.book.now + deck.effective * DAY
        self.put_prices(deck._replace(effective=since), own)

    @rule(name=names)
    def rate_anew(self, name: str) -> None:
        def engine() -> None:
            who = {"who": "me", "why": "new prices"}
            list(correcting.rerate(self.engine.store, self.sids[name], 0, 2**50, **who, apply=True))

        self.both(lambda book: book.rerate(name), engine)

    @precondition(lambda self: self.age > 20 and not any(partner.parked for partner in self.book.partners.values()))
    @rule(name=names, sid=st.integers(0, 150))
    def record_too_much(self, name: str, sid: int) -> None:
        """A call that no item can hold, until prices are put right."""
        self.look_at_clock()
        self.dear_since = self.book.now - 2 * DAY
        self.put_prices(Sheet(self.dear_since, {"1": (TOO_MUCH, 0, 60)}, None, None), name)
        self.record_batch([(name, Use(f"dr-{sid:03}", "call", NUMBERS[0], self.book.now, 86_400_000))])

    # What is paid and given back.

    @rule(name=names, amount=cents, reference=st.none() | st.integers(0, 5).map(str), part=parts)
    def pay(self, name: str, amount: Fraction, reference: str | None, part: int) -> None:
        """A part of what is owed, or any amount."""
        amount = self.part_of(-self.book.balance(name), part) or amount
        done = self.both(
            lambda book: book.pay(name, amount, reference),
            lambda: self.engine.pay(self.sids[name], text(amount), reference=reference),
        )
        if done is not Refused:
            self.paid[name].append(done[1].payment_sid)

    @precondition(lambda self: any(partner.payments for partner in self.book.partners.values()))
    @rule(place=places, amount=cents, part=parts)
    def refund(self, place: int, amount: Fraction, part: int) -> None:
        """A part of what is left of a payment, or any amount."""
        paid = [(name, n) for name, partner in self.book.partners.items() for n in range(len(partner.payments))]
        name, number = paid[-1 - place % len(paid)]
        amount = self.part_of(self.book.partners[name].payments[number][1], part) or amount
        self.both(
            lambda book: book.refund(name, number, amount),
            lambda: self.engine.pay(self.sids[name], text(-amount), refunds_sid=self.paid[name][number]),
        )

    @rule(name=names, amount=cents)
    def goodwill(self, name: str, amount: Fraction) -> None:
        self.both(
            lambda book: book.pay(name, amount, None, "credit"),
            lambda: self.engine.adjust(self.sids[name], "goodwill", text(amount)),
        )

    @precondition(lambda self: any(partner.invoices for partner in self.book.partners.values()))
    @rule(place=places, amount=cents, part=parts)
    def credit(self, place: int, amount: Fraction, part: int) -> None:
        """A part of an invoice, or what it may not have."""
        name, number, sid = self.an_invoice(place)
        amount = self.part_of(self.book.partners[name].invoices[number - 1].amount(), part) or amount
        self.both(
            lambda book: book.credit(name, number, amount),
            lambda: self.engine.adjust(self.sids[name], "credit_note", text(amount), invoice_sid=sid),
        )

    @precondition(lambda self: any(partner.invoices for partner in self.book.partners.values()))
    @rule(place=places)
    def void(self, place: int) -> None:
        name, number, sid = self.an_invoice(place)
        self.both(lambda book: book.void(name, number), lambda: self.engine.void(sid))

    @precondition(lambda self: any(partner.invoices for partner in self.book.partners.values()))
    @rule(place=places, part=parts)
    def credit_and_void(self, place: int, part: int) -> None:
        self.credit(place, Fraction(1, 100), part)
        self.the_book_is_as_believed()
        self.void(place)

    @precondition(lambda self: any(partner.invoices for partner in self.book.partners.values()))
    @rule(place=places, to=uses, again=uses, withdraw=st.booleans())
    def void_between_corrections(self, place: int, to: Use, again: Use, withdraw: bool) -> None:
        """A record of an invoice changes, the invoice is voided, the record changes again."""
        name, number, _ = self.an_invoice(place)
        there = [sid for sid, event in self.book.partners[name].events.items() if event.invoice == number]
        if not there:
            return
        known = [(whose, use.sid) for whose, use in self.known()]
        record = known.index((name, there[place % len(there)]))
        self.correct(record, to, None, False)
        self.the_book_is_as_believed()
        self.void(place)
        self.the_book_is_as_believed()
        self.correct(record, again, None, withdraw)

    def part_of(self, whole: Fraction, part: int) -> Fraction:
        """All of an amount, a half or a third of it; nothing by other parts, or of nothing."""
        return rounded(max(whole, Fraction(0)) / part, 2, "down") if part < 4 else Fraction(0)

    def an_invoice(self, place: int) -> tuple[str, int, str]:
        """Whose an invoice is, its number and its sid."""
        known = [(name, i.number) for name, partner in self.book.partners.items() for i in partner.invoices]
        closed = [(n, number) for n, number in known if self.book.partners[n].invoices[number - 1].status == "closed"]
        telling = [(n, number) for n, number in closed if self.book.partners[n].invoices[number - 1].sums]
        known = (telling or closed or known) if place % 8 != 7 else known
        name, number = known[place % len(known)]
        return name, number, str(self.engine.invoices(self.sids[name])[number - 1]["invoice_sid"])

    # How time goes by.

    @rule(
        forward=st.sampled_from((1, 60_000, DAY // 2, DAY, 5 * DAY, 28 * DAY, 31 * DAY, 365 * DAY)),
        run=st.booleans(),
    )  # fmt: skip
    def time_goes_by(self, forward: int, run: bool) -> None:
        self.engine.clock.instant += forward
        if run:
            self.run_billing()

    @rule(place=places, off=st.sampled_from((-1_800_001, -1_800_000, -1, 0, 86_400_000)))
    def time_comes_to_an_edge(self, place: int, off: int) -> None:
        """To the instants at which invoices open and close."""
        ends = self.book.partners[NAMES[place % 2]].invoices[-1:]
        if ends:
            self.engine.clock.instant = max(self.engine.clock.instant, instant(ends[0].end) + off)
        self.run_billing()

    @rule()
    def look_run_and_run_again(self) -> None:
        """A dry run says what would be issued and changes nothing; nor does a second run."""
        self.only_look()
        self.run_billing()
        before = digest(self.engine.store)
        self.engine.run()
        assert digest(self.engine.store) == before

    def only_look(self) -> None:
        self.look_at_clock()
        before = digest(self.engine.store)
        made = self.engine.run(dry_run=True)
        assert digest(self.engine.store) == before
        names_of = {sid: name for name, sid in self.sids.items()}
        shown = [
            (names_of[i.invoice.partner_sid], int(i.invoice.display_id), Fraction(i.invoice.amount, 10**6))
            for i in made.issued
        ]
        assert sorted(shown) == sorted(self.book.would_close())

    @rule(what=st.sampled_from(("crash", "crash", "open anew", "set back")), back=st.integers(0, 40 * DAY))
    def something_goes_wrong(self, what: str, back: int) -> None:
        """The next act crashes, the program is started anew, or its machine's clock is set back."""
        if what == "crash":
            self.crashing = True
        elif what == "set back":
            self.engine.clock.instant -= back
        else:
            self.engine.store.close()
            self.engine.store = open_store(self.engine.store.url, self.engine.clock)
            self.synchronous_off()

    # How partners stand.

    @rule(name=names, hold=st.booleans())
    def hold(self, name: str, hold: bool) -> None:
        def believed(book: Book) -> None:
            if book.partners[name].held is hold:
                raise Refused
            book.partners[name].held = hold

        move: Any = "hold" if hold else "release"
        self.both(believed, lambda: standing.change_standing(self.engine.store, self.sids[name], move, "me"))

    @precondition(lambda self: any(partner.invoices for partner in self.book.partners.values()))
    @rule(place=places, approved=st.booleans())
    def approve(self, place: int, approved: bool) -> None:
        self.approving(*self.an_invoice(place * 8 + 7), approved=approved)

    @precondition(lambda self: self.book.partners["first"].opens() and self.book.partners["first"].careful)
    @rule()
    def approve_all(self) -> None:
        """Let everything go, so that invoices that need it are closed at all."""
        sids = [invoice["invoice_sid"] for invoice in self.engine.invoices(self.sids["first"])]
        for invoice in self.book.partners["first"].opens()[:3]:
            self.approving("first", invoice.number, sids[invoice.number - 1], approved=True)

    def approving(self, name: str, number: int, sid: str, *, approved: bool) -> None:
        self.both(
            lambda book: book.approve(name, number, approved=approved),
            lambda: standing.approve(self.engine.store, sid, "me", approved=approved),
        )

    @precondition(lambda self: any(partner.parked for partner in self.book.partners.values()))
    @rule(mended=st.integers(0, 3))
    def unpark(self, mended: int) -> None:
        """Usually after prices were put right."""
        name = next(name for name, partner in self.book.partners.items() if partner.parked)
        if mended:
            self.put_prices(Sheet(self.dear_since, {"1": (Fraction(1, 10), 0, 60)}, None, None), name)
        self.both(lambda book: book.unpark(name), lambda: correcting.unpark(self.engine.store, self.sids[name], "me"))
