"""Recording usage: each event remembered once, rated, and added to its partner's open invoice, in one act.

An event that comes again changes nothing; another content under its sid is refused. Usage of a closed period goes on
the current invoice with its own period. Nothing that was accepted is lost: without a rate it waits for one, and a
partner whose invoice would break a law is parked with what it used (billing rules 2 and 4).
"""

from collections.abc import Callable, Sequence
from datetime import date
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
    """What became of one record; `problem` and `flaws` say why it was rejected."""

    dr_sid: str
    result: str
    late: bool = False
    unrated: bool = False
    flaws: tuple[Flaw, ...] = ()
    problem: Problem | None = None


def record(act: Writes, caller: Caller, events: Sequence[Event]) -> list[Outcome]:
    """Record usage of the caller and of partners beneath it; what became of each, in order."""
    terms, tariffs = terms_of(act), Tariffs(act)
    outcomes: dict[int, Outcome] = {}
    for partner_sid, places in _by_partner(events).items():
        some = [events[place] for place in places]
        outcomes.update(zip(places, _record_for(act, caller, partner_sid, some, terms, tariffs), strict=True))
    return [outcomes[place] for place in range(len(events))]


def _by_partner(events: Sequence[Event]) -> dict[str, list[int]]:
    places: dict[str, list[int]] = {}
    for place, event in enumerate(events):
        places.setdefault(event.partner_sid, []).append(place)
    return places


def _record_for(
    act: Writes, caller: Caller, partner_sid: str, events: Sequence[Event], terms: Terms, tariffs: Tariffs
) -> list[Outcome]:
    account = account_of(act, partner_sid, terms)
    if not (caller.is_operator and account) and not act.is_beneath(caller.partner_sid, partner_sid):
        return [_rejected(event, Flaw("partner_sid", "cannot find item by sid")) for event in events]
    if account is None:
        return [_rejected(event, Flaw("partner_sid", NOT_BILLED)) for event in events]
    sifted = sift(act, partner_sid, events)
    if not account.billing.is_parked:
        try:
            return Batch(act, account, terms, tariffs).record(events, sifted)
        except Unlawful as unlawful:
            park(act, partner_sid, terms, str(unlawful))
            account = account_of(act, partner_sid, terms)
            assert account is not None
    return Batch(act, account, terms, tariffs).let_wait(events, sifted)


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


def sift(act: Writes, partner_sid: str, events: Sequence[Event]) -> list[Sifted]:
    """Which events are known already."""
    known = act.seen(partner_sid, (event.dr_sid for event in events))
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

    def __init__(self, act: Writes, account: Account, terms: Terms, tariffs: Tariffs) -> None:
        self._act = act
        self._account = account
        self._terms = terms
        self._tariffs = tariffs
        self._placing = Placing(account, act.now)
        self._placed: list[Placed] = []
        self._seen: dict[str, Seen] = {}

    def record(self, events: Sequence[Event], sifted: Sequence[Sifted]) -> list[Outcome]:
        """Rate them and put them on the partner's invoices; `Unlawful` before anything is written."""
        made = self._each(events, sifted, self._take)
        if self._placed:
            self._placing.settle()
            self._account.save()
            self._write()
        return made

    def let_wait(self, events: Sequence[Event], sifted: Sequence[Sifted]) -> list[Outcome]:
        """Keep them for a partner that is parked."""
        made = self._each(events, sifted, self._keep)
        self._write()
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
            return _rejected(event, Flaw(_measure(event), str(error)))
        placed = self._placing.put(event, rating)
        self._note(event, sifted, placed)
        return Outcome(event.dr_sid, "accepted", late=placed.late, unrated=placed.state == "unrated")

    def _keep(self, event: Event, sifted: Sifted) -> Outcome:
        if flaw := self._untimely(event):
            return _rejected(event, flaw)
        try:
            quantity = rate(event, self._tariffs).quantity
        except ValueError as error:
            return _rejected(event, Flaw(_measure(event), str(error)))
        key = key_of(event, self._placing.period(event.time))
        self._note(event, sifted, waiting(event, key, quantity, came=self._act.now))
        return Outcome(event.dr_sid, "parked")

    def _untimely(self, event: Event) -> Flaw | None:
        """Why an event's time is refused; nothing is opened for one that is."""
        time = event.time
        try:
            begins = self._placing.period(time).start
            why = periods.untimely(time, self._act.now, begins, self._terms.age_days_max)
        except ValueError as error:
            why = periods.untimely(time, self._act.now, date.min, self._terms.age_days_max) or str(error)
        return Flaw(_time(event), why) if why else None

    def _note(self, event: Event, sifted: Sifted, placed: Placed) -> None:
        self._placed.append(placed)
        self._seen[event.dr_sid] = Seen(kind_of(event), sifted.fingerprint, event.time)

    def _write(self) -> None:
        self._act.add_events(self._placed)
        self._act.add_seen(self._account.partner_sid, self._seen.items())
        self._act.mark_used({placed.pin.version_sid for placed in self._placed if placed.pin})


def _time(event: Event) -> str:
    """The attribute that says when an event was."""
    if isinstance(event, CallEvent):
        return "date_stop"
    return "date_sent" if isinstance(event, MessageEvent) else "date"


def _measure(event: Event) -> str:
    """The attribute that says how much an event was."""
    if isinstance(event, CallEvent):
        return "date_talk" if event.date_talk is not None else "duration"
    return "message_segments" if isinstance(event, MessageEvent) else "quantity"
