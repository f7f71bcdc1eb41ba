"""The simulation: acts at random on a book and on the model beside it, which must agree after each of them."""

import tempfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any
from unittest.mock import patch

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec.structs import replace
from tests.engine import Engine
from tests.simulation import model
from tests.simulation.book_laws import broken_laws
from tests.simulation.model import DAY, Book, Refused, Sheet, Use
from tests.stores import ON_POSTGRES, digest, in_file

from tollbook.billing.events import CallEvent, Event, MessageEvent, UsageEvent
from tollbook.billing.sheets import CallRate, MessageRate, PriceRounding, UsagePrice
from tollbook.clock import format_instant, parse_instant
from tollbook.errors import Refusal
from tollbook.operations import correcting, standing
from tollbook.store import Writes, open_store

NUMBERS = ("12125550100", "13105550100", "442071838750", "447400123456", "4930123456")
NAMES = ("first", "second")
BEGINS = ("2024-12-20T10:00:00Z", "2025-01-31T00:00:00Z", "2024-02-29T23:45:00Z", "2024-08-30T12:00:00Z")
PRICES = ("0.0025", "0.0031", "0.005", "0.333333333", "7", "0.01", "0.000000001", "0")
TOO_MUCH = Fraction(999_999)

prices = st.sampled_from(PRICES).map(Fraction)
CYCLES = ("monthly", "weekly", "biweekly", "semi_monthly", "calendar_month", "quarter", "year")

cycles = st.sampled_from(("monthly", *CYCLES))
places = st.integers(0, 40)
parts = st.sampled_from((2, 1, 3, 4))
names = st.sampled_from(NAMES)
cents = st.integers(1, 5_000).map(lambda number: Fraction(number, 100))
lines = st.tuples(prices, st.sampled_from((0, 1, 6, 30, 60)), st.sampled_from((1, 6, 18, 60)))
sheets = st.builds(
    Sheet,
    effective=st.sampled_from((-1, 0, 5)),  # days from now; -1: always
    calls=st.dictionaries(st.sampled_from(("1", "44", "1310", "447", "49")), lines, min_size=3),
    message=prices | st.none(),
    lookup=prices | st.none(),
    whole=st.booleans(),
    rounding=st.none() | st.tuples(st.sampled_from(("half_up", "up", "down")), st.integers(0, 9)),
)
whens = st.one_of(
    st.tuples(st.just("ago"), st.integers(0, 3 * DAY)),
    st.tuples(st.just("months ago"), st.integers(0, 400)),
    st.tuples(st.just("at the end of a period"), places),
    st.tuples(st.just("exactly"), st.sampled_from((-730 * DAY - 1, -730 * DAY, 0, DAY, DAY + 1))),
    st.tuples(st.just("ahead"), st.integers(0, DAY)),
)
uses = st.builds(
    Use,
    sid=st.integers(0, 150).map(lambda number: f"dr-{number:03}"),
    kind=st.sampled_from(("call", "call", "message", "lookup")),
    number=st.sampled_from(NUMBERS),
    at=st.just(0),
    talked=st.integers(1, 200_000) | st.sampled_from((None, 60_000, 8_880_000, 86_400_000)),
    segments=st.integers(1, 3),
    recipients=st.integers(0, 3),
    quantity=st.integers(0, 5_000),
    price=st.none() | st.none() | st.none() | prices,
    billed=st.integers(0, 500),
)


class Boom(Exception):
    """What an act dies of before its commit."""


def text(amount: Fraction) -> str:
    """An amount as the wire has it."""
    whole, cents = divmod(abs(amount) * 100, 100)
    plain = f"{whole}.{int(cents):02}".rstrip("0").rstrip(".") if cents else str(whole)
    return f"-{plain}" if amount < 0 else plain


def normal(use: Use) -> Use:
    """A use that says only what its kind has."""
    if use.kind == "call":
        return use._replace(segments=1, recipients=0, quantity=0, billed=0 if use.price is None else use.billed)
    if use.kind == "message":
        return use._replace(talked=None, quantity=0, billed=0)
    return use._replace(number="", talked=None, segments=1, recipients=0, billed=0)


def billionths(price: Fraction | None) -> int | None:
    """A price as the program has it inside."""
    return None if price is None else int(price * 10**9)


def event_of(partner_sid: str, use: Use) -> Event:
    """A use as a record of the program."""
    same: dict[str, Any] = {"dr_sid": use.sid, "partner_sid": partner_sid, "price": billionths(use.price)}
    if use.kind == "lookup":
        return UsageEvent(**same, type="lookup", quantity=use.quantity, date=use.at)
    same |= {"direction": "outbound", "number_src": "442071838750", "number_dst": use.number}
    if use.kind == "message":
        group = (use.number,) * use.recipients
        return MessageEvent(**same, date_sent=use.at, number_group_dst=group, message_segments=use.segments)
    talk = None if use.talked is None else use.at - use.talked
    billed = None if use.price is None else use.billed
    return CallEvent(**same, date_start=use.start, date_talk=talk, date_stop=use.at, duration_billing=billed)


class Simulation(RuleBasedStateMachine):
    """Two partners, a clock, and everything that may happen to them."""

    steps = 0

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None)
        self.crashing = False
        self.age = 0

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
        self.sids: dict[str, str] = {}
        self.paid: dict[str, list[str]] = {name: [] for name in NAMES}
        for name, days, waits, cycle in zip(NAMES, (0, sooner), (careful, False), cycles, strict=True):
            day = model.day(self.book.now - days * DAY)
            self.sids[name] = self.engine.partner(name, begins=day, needs_approval=waits, cycle=cycle)
            self.book.partners[name] = model.Partner(day, cycle, careful=waits)
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
        ends = [invoice.end for invoice in self.book.partners[name].invoices] or [model.day(now)]
        return model.instant(ends[number // 2 % len(ends)]) - number % 2

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

    def record_batch(self, batch: list[tuple[str, Use]]) -> None:
        events = [event_of(self.sids[name], use) for name, use in batch]
        expected, found = self.both(lambda book: book.record(batch), lambda: self.engine.record(*events))
        said = []
        for outcome in found:
            marks = ["late"] * outcome.late + ["unrated"] * outcome.unrated
            conflict = outcome.problem is not None and outcome.problem.status == 409
            said.append("conflict" if conflict else " ".join(marks) or outcome.result)
        assert said == expected

    @precondition(lambda self: self.known())
    @rule(some=st.lists(places, min_size=1, max_size=6), otherwise=st.booleans())
    def record_again(self, some: list[int], otherwise: bool) -> None:
        """What is known already, in any order, twice in a batch, or with other content."""
        known = self.known()
        batch = [known[place % len(known)] for place in some]
        if otherwise:
            batch[0] = (batch[0][0], batch[0][1]._replace(at=batch[0][1].at + 1))
        self.record_batch(batch)

    def known(self) -> list[tuple[str, Use]]:
        """Everything that was recorded, as it was first said."""
        return [(name, use) for name, partner in self.book.partners.items() for use in partner.said.values()]

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
        return model.rounded(max(whole, Fraction(0)) / part, 2, "down") if part < 4 else Fraction(0)

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
            self.engine.clock.instant = max(self.engine.clock.instant, model.instant(ends[0].end) + off)
        self.run_billing()

    def run_billing(self) -> None:
        self.both(lambda book: book.run(), self.engine.run)

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


def believed(partner: model.Partner, invoice: model.Invoice) -> dict[str, Any]:
    """An invoice as it should be served."""
    forward = partner.forward(invoice.number)

    def shown(at: int | None) -> str | None:
        return None if at is None else format_instant(at)

    last = format_instant(model.instant(invoice.end) - 1_000)
    return {
        "amount": text(invoice.amount()), "amount_due": text(max(Fraction(0), forward)), "amount_tax": "0",
        "balance_forward": text(forward), "balance_previous": text(partner.forward(invoice.number - 1)),
        "date_billing_period_start": shown(model.instant(invoice.start)), "date_billing_period_end": last,
        "date_charge_expected": last, "date_charged": shown(invoice.charged), "date_created": shown(invoice.created),
        "date_issued": shown(invoice.issued), "display_id": f"{invoice.number:03}", "paid": invoice.charged is not None,
        "status": invoice.status, "tax_items": [],
        "invoice_items": [
            (k.type, k.direction, k.country, shown(model.instant(k.start)), shown(model.instant(k.end) - 1_000), usage,
             text(amount))
            for k, amount, usage in invoice.items()
        ],
        "pay_items": sorted((format_instant(at), text(amount), type_) for at, amount, type_ in invoice.pays),
    }  # fmt: skip


def seen(document: dict[str, Any]) -> dict[str, Any]:
    """An invoice as it is served, its lines as the model has them."""
    items = [
        (i["type"], i.get("direction"), i["country_code"], i["date_billing_period_start"], i["date_billing_period_end"],
         i["usage"], i["amount"])
        for i in document["invoice_items"]
    ]  # fmt: skip
    for place in range(len(items)):  # equal credits may stand in any order among themselves
        same_place = [other for other in items if other[:5] == items[place][:5]]
        if items.index(same_place[0]) == place:
            items[place : place + len(same_place)] = sorted(same_place, key=lambda item: Fraction(item[6]))
    pays = sorted((pay["date_created"], pay["amount"], pay["type"]) for pay in document["pay_items"])
    same = {name: value for name, value in document.items() if name not in ("invoice_sid", "partner_sid")}
    return same | {"invoice_items": items, "pay_items": pays}
