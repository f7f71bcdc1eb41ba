"""Recording usage: each event remembered once, rated, and added to its partner's open invoice, in one act.

An event that comes again changes nothing; another content under its sid is refused. Usage of a closed period goes on
the current invoice with its own period. Nothing that was accepted is lost: without a rate it waits for one, and a
partner whose invoice would break a law is parked with what it used (billing rules 2 and 4).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from itertools import islice
from typing import NamedTuple

from tollbook import errors
from tollbook.billing import periods
from tollbook.billing.deriving import key_of
from tollbook.billing.events import CallEvent, Event, MessageEvent, fingerprint
from tollbook.billing.model import Caller
from tollbook.errors import Flaw, Problem
from tollbook.operations.accounts import Account, Terms, Unlawful, account_of, terms_of
from tollbook.operations.placing import Placing, rate, waiting
from tollbook.operations.sheets import Tariffs
from tollbook.store import Writes
from tollbook.store.event_rows import Placed, Seen, kind_of


class Outcome(NamedTuple):
    """What became of one record: what was made of it, if it is new; `problem` and `flaws` say why it was rejected."""

    dr_sid: str
    result: str
    late: bool = False
    unrated: bool = False
    flaws: tuple[Flaw, ...] = ()
    problem: Problem | None = None
    placed: Placed | None = None


class Sent(NamedTuple):
    """What one caller sent together."""

    caller: Caller
    events: Sequence[Event]


def record(act: Writes, caller: Caller, events: Sequence[Event]) -> list[Outcome]:
    """Record usage of the caller and of partners beneath it; what became of each, in order."""
    return record_all(act, [Sent(caller, events)])[0]


def record_all(act: Writes, all_sent: Sequence[Sent]) -> list[list[Outcome]]:
    """Record what several callers sent; the outcomes, and the book, are what they are when one comes after the other.

    But a partner's invoices are derived and written once for all.
    """
    by_partner = _by_partner(all_sent)
    recording = _Recording(act, by_partner)
    outcomes: list[dict[int, Outcome]] = [{} for _ in all_sent]
    for partner_sid, parts in sorted(by_partner.items()):  # in order: no two acts wait for each other
        made = recording.of_partner(partner_sid, [part.sent for part in parts])
        for part, some in zip(parts, made, strict=True):
            outcomes[part.number].update(zip(part.places, some, strict=True))
    recording.write()
    return [[found[place] for place in range(len(found))] for found in outcomes]


class _Part(NamedTuple):
    """What somebody sent of one partner: whose sending it is of, and where its events stood there."""

    number: int
    places: list[int]
    sent: Sent


def _by_partner(all_sent: Sequence[Sent]) -> dict[str, list[_Part]]:
    parts: dict[str, list[_Part]] = {}
    for number, (caller, events) in enumerate(all_sent):
        places: dict[str, list[int]] = {}
        for place, event in enumerate(events):
            places.setdefault(event.partner_sid, []).append(place)
        for partner_sid, some in places.items():
            part = _Part(number, some, Sent(caller, [events[place] for place in some]))
            parts.setdefault(partner_sid, []).append(part)
    return parts


class _Recording:
    """One act's records: what rates them all, and the rows of those that are new, which are written together."""

    def __init__(self, act: Writes, by_partner: Mapping[str, Sequence[_Part]]) -> None:
        self.act = act
        self._billings = act.billings_of(by_partner)
        self._sids = {
            partner_sid: [event.dr_sid for part in parts for event in part.sent.events]
            for partner_sid, parts in by_partner.items()
        }
        self._known = act.seen_of(self._sids)
        self.terms = terms_of(act)
        self.tariffs = Tariffs(act)
        self._placed: list[Placed] = []
        self._seen: list[tuple[str, str, Seen]] = []

    def of_partner(self, partner_sid: str, parts: Sequence[Sent]) -> list[list[Outcome]]:
        """What becomes of what was sent of one partner, part by part."""
        if len(parts) > 1 and (made := self._together(partner_sid, parts)):
            return made
        outcomes = []
        for part in parts:
            outcomes.append(self._alone(partner_sid, part))
            if len(parts) > 1:
                self.write()  # so that the next part meets it
                self._billings |= self.act.billings_of([partner_sid])
                self._known |= self.act.seen_of({partner_sid: self._sids[partner_sid]})
        return outcomes

    def _together(self, partner_sid: str, parts: Sequence[Sent]) -> list[list[Outcome]] | None:
        """The same at once; None where it might differ from one part after the other, and nothing is done.

        So it might where somebody may not send it, where a mark is watched that a part may pass, and where a law
        would be broken: all that came before then stays on the invoices.
        """
        billing = self._billings.get(partner_sid)
        callers = {part.caller.partner_sid: part.caller for part in parts}
        if billing is None or billing.is_parked or billing.is_watched:
            return None
        if not all(self._may(caller, partner_sid) for caller in callers.values()):
            return None
        events = [event for part in parts for event in part.events]
        account = Account(self.act, billing, self.terms)
        try:
            made = iter(Batch(self, account).record(events, sift(self._known[partner_sid], events)))
        except Unlawful:
            return None
        return [list(islice(made, len(part.events))) for part in parts]

    def _alone(self, partner_sid: str, part: Sent) -> list[Outcome]:
        events = part.events
        billing = self._billings.get(partner_sid)
        account = Account(self.act, billing, self.terms) if billing else None
        if not self._may(part.caller, partner_sid, billed=account is not None):
            return [_rejected(event, Flaw("partner_sid", "cannot find item by sid")) for event in events]
        if account is None:
            return [_rejected(event, Flaw("partner_sid", NOT_BILLED)) for event in events]
        sifted = sift(self._known[partner_sid], events)
        if not account.billing.is_parked:
            try:
                return Batch(self, account).record(events, sifted)
            except Unlawful as unlawful:
                park(self.act, partner_sid, self.terms, str(unlawful))
                account = account_of(self.act, partner_sid, self.terms)
                assert account is not None
        return Batch(self, account).let_wait(events, sifted)

    def _may(self, caller: Caller, partner_sid: str, *, billed: bool = True) -> bool:
        """Whether a caller may send usage of a partner; the operator may of all that are billed."""
        return (caller.is_operator and billed) or self.act.is_beneath(caller.partner_sid, partner_sid)

    def add(self, partner_sid: str, placed: Iterable[Placed], seen: Mapping[str, Seen]) -> None:
        """New records of a partner, and how they are known from now on."""
        self._placed += placed
        self._seen += [(partner_sid, dr_sid, known) for dr_sid, known in seen.items()]

    def write(self) -> None:
        """Write the rows of all new records so far."""
        if self._placed:
            self.act.add_events(self._placed)
            self.act.add_seen(self._seen)
            self.act.mark_used({placed.pin.version_sid for placed in self._placed if placed.pin})
        self._placed, self._seen = [], []


NOT_BILLED = "the partner is not billed; its billing has to be started first"


def park(act: Writes, partner_sid: str, terms: Terms, why: str) -> None:
    """Let a partner's usage and payments wait, and tell the operator why; its last lawful invoices stay."""
    account = account_of(act, partner_sid, terms)
    if account is not None and not account.billing.is_parked:
        account.move_billing("park", "billing", why)
        account.notices.tell("parked", why)
        account.save_standing()


class Sifted(NamedTuple):
    """An event's fingerprint, and what it is if it is nothing new: a duplicate, or a conflict."""

    fingerprint: bytes
    known: Outcome | None = None


def sift(known: Mapping[str, Seen], events: Sequence[Event]) -> list[Sifted]:
    """Which events of a partner are known already, by what the book knows of their sids."""
    found = []
    for event in events:
        print_, seen = fingerprint(event), known.get(event.dr_sid)
        found.append(Sifted(print_, _again(event, same=seen.fingerprint == print_) if seen else None))
    return found


def _again(event: Event, *, same: bool) -> Outcome:
    if same:
        return Outcome(event.dr_sid, "duplicate")
    flaw = Flaw("dr_sid", "is recorded already with other content", event.dr_sid)
    return _rejected(event, flaw, errors.CONFLICT)


def _rejected(event: Event, flaw: Flaw, problem: Problem = errors.OBJECT_INVALID) -> Outcome:
    return Outcome(event.dr_sid, "rejected", flaws=(flaw,), problem=problem)


class Batch:
    """New events of one partner."""

    def __init__(self, recording: _Recording, account: Account) -> None:
        self._recording = recording
        self._account = account
        self._now = recording.act.now
        self._tariffs = recording.tariffs
        self._placing = Placing(account, self._now)
        self._placed: list[Placed] = []
        self._seen: dict[str, Seen] = {}

    def record(self, events: Sequence[Event], sifted: Sequence[Sifted]) -> list[Outcome]:
        """Rate them and put them on the partner's invoices; `Unlawful` before anything is written."""
        made = self._each(events, sifted, self._take)
        if self._placed:
            self._placing.settle()
            self._account.save()
            self._hand_over()
        return made

    def let_wait(self, events: Sequence[Event], sifted: Sequence[Sifted]) -> list[Outcome]:
        """Keep them for a partner that is parked."""
        made = self._each(events, sifted, self._keep)
        self._hand_over()
        return made

    def _each(
        self, events: Sequence[Event], sifted: Sequence[Sifted], do: Callable[[Event, Sifted], Outcome]
    ) -> list[Outcome]:
        return [self._known(event, known) or do(event, known) for event, known in zip(events, sifted, strict=True)]

    def _known(self, event: Event, sifted: Sifted) -> Outcome | None:
        """What an event is that the book knows already, or that this batch brought before and was kept."""
        before = self._seen.get(event.dr_sid)
        if sifted.known or before is None:
            return sifted.known
        return _again(event, same=before.fingerprint == sifted.fingerprint)

    def _take(self, event: Event, sifted: Sifted) -> Outcome:
        if flaw := self._untimely(event):
            return _rejected(event, flaw)
        try:
            rating = rate(event, self._tariffs)
        except ValueError as error:
            return _rejected(event, Flaw(measure_name(event), str(error)))
        placed = self._placing.put(event, rating)
        self._note(event, sifted, placed)
        return Outcome(event.dr_sid, "accepted", late=placed.late, unrated=placed.state == "unrated", placed=placed)

    def _keep(self, event: Event, sifted: Sifted) -> Outcome:
        if flaw := self._untimely(event):
            return _rejected(event, flaw)
        try:
            quantity = rate(event, self._tariffs).quantity
        except ValueError as error:
            return _rejected(event, Flaw(measure_name(event), str(error)))
        key = key_of(event, self._placing.period(event.time))
        placed = waiting(event, key, quantity, came=self._now)
        self._note(event, sifted, placed)
        return Outcome(event.dr_sid, "parked", placed=placed)

    def _untimely(self, event: Event) -> Flaw | None:
        """Why an event's time is refused; nothing is opened for one that is."""
        time = event.time
        try:
            begins = self._placing.period(time).start
            why = periods.untimely(time, self._now, begins, self._recording.terms.age_days_max)
        except ValueError as error:
            why = periods.untimely(time, self._now, date.min, self._recording.terms.age_days_max) or str(error)
        return Flaw(time_name(event), why) if why else None

    def _note(self, event: Event, sifted: Sifted, placed: Placed) -> None:
        self._placed.append(placed)
        self._seen[event.dr_sid] = Seen(kind_of(event), sifted.fingerprint, event.time)

    def _hand_over(self) -> None:
        self._recording.add(self._account.partner_sid, self._placed, self._seen)


def time_name(event: Event) -> str:
    """The attribute that says when an event was."""
    if isinstance(event, CallEvent):
        return "date_stop"
    return "date_sent" if isinstance(event, MessageEvent) else "date"


def measure_name(event: Event) -> str:
    """The attribute that says how much an event was."""
    if isinstance(event, CallEvent):
        return "date_talk" if event.date_talk is not None else "duration"
    return "message_segments" if isinstance(event, MessageEvent) else "quantity"
