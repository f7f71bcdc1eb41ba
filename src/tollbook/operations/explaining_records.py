"""Explaining one record: every step from the number that was asked to the invoice that it is on."""

from collections.abc import Iterator

from tollbook.billing.events import CallEvent, Event, MessageEvent, UsageEvent
from tollbook.billing.explaining import exact_text, explain_rating
from tollbook.billing.model import Caller
from tollbook.billing.numbers import Direction
from tollbook.billing.rating import Rated, Rating, rate_call, rate_message, rate_usage
from tollbook.billing.sheets import Assignment, CallDeck, Deck, MessageDeck, Service, UsageDeck
from tollbook.clock import format_instant
from tollbook.errors import no_item
from tollbook.money import format_rate
from tollbook.operations.explaining import Explaining, Json
from tollbook.operations.sheet_terms import SheetTerms
from tollbook.operations.sheets import Tariffs
from tollbook.store import Reads, Store
from tollbook.store.event_rows import Placed, kind_of


def explain_records(store: Store, caller: Caller, dr_sid: str) -> list[Json]:
    """The records of that sid of the caller and the partners beneath it, each explained; 404 where there is none."""
    with store.reading() as book:
        book.hold_usage()
        owners = book.owners_of(caller.partner_sid, dr_sid)
        if not owners:
            raise no_item()
        return [_Steps(book, caller).record(owner, dr_sid) for owner in owners]


class _Steps:
    """Explains records of one snapshot."""

    def __init__(self, book: Reads, caller: Caller) -> None:
        self._book = book
        self._explaining = Explaining(book, caller)
        self._sheets = SheetTerms(book)
        self._tariffs = Tariffs(book)

    def record(self, partner_sid: str, dr_sid: str) -> Json:
        """One record of one partner; one that was withdrawn has corrections only."""
        placed = self._book.placed(partner_sid, dr_sid) or self._book.archived(partner_sid, dr_sid)
        corrections = [self._explaining.changed(each) for each in self._book.corrections_of(partner_sid, dr_sid)]
        said: Json = {
            "corrections": corrections,
            "dr_sid": dr_sid,
            "exact": None,
            "invoice": None,
            "kind": None,
            "partner_sid": partner_sid,
            "price": None,
            "sheet": None,
            "state": "withdrawn",
            "units": None,
            "version": None,
            "words": ["the record was withdrawn and counts no more"],
        }
        if placed is None:
            return said
        billed = placed.state == "billed"
        return said | {
            "exact": exact_text(placed.units) if billed else None,
            "invoice": self._invoice(placed) if placed.invoice_sid else None,
            "kind": kind_of(placed.event),
            "price": None if placed.price is None else format_rate(placed.price),
            "sheet": self._sheets.named(placed.pin.version_sid) if placed.pin else None,
            "state": placed.state,
            "units": str(placed.units) if billed else None,
            "version": placed.version,
            "words": [*_asked(placed.event), *self._rated(placed), *self._stands(placed)],
        }

    def _rated(self, placed: Placed) -> Iterator[str]:
        """The sheet and its version, why that one, and the price step by step."""
        event, pin = placed.event, placed.pin
        named = self._sheets.named(pin.version_sid) if pin else None
        if pin and named:
            by = "rated by the sheet" if event.price is None else "the sheet asked is"
            yield f"{by} {named['name']}, version of {named['effective_date'][:10]}: {self._why(event)}"
            now = self._tariffs.version_sid(event.partner_sid, *_asked_for(event), event.start)
            if now != pin.version_sid:
                yield "sheets were changed since: the record keeps what rated it, until it is rated anew"
            yield from _found(pin.prefix, pin.jurisdiction, event)
        deck = self._tariffs.deck_of(pin.version_sid) if pin and named else None
        rating = _by(event, deck)
        if isinstance(rating, Rated):
            yield from explain_rating(rating, kind_of(event))  # type: ignore[arg-type]
            if placed.state == "billed" and rating.units != placed.units:
                yield f"it was billed {exact_text(placed.units)}"
        elif placed.state == "unrated":
            yield f"has no rate yet: {self._without(event)}"

    def _why(self, event: Event) -> str:
        """Whose assignment it was that chose the sheet."""
        service, direction = _asked_for(event)
        chain = self._book.chain_above(event.partner_sid)
        given = [
            each
            for each in self._book.assignments()
            if (each.service, each.direction) == (service, direction) and each.effective_date <= event.start
        ]
        for above, sid in enumerate((*chain, None)):
            own = [each for each in given if each.partner_sid == sid]
            if own:
                return _assigned(max(own, key=lambda each: each.effective_date), above)
        return "nobody has it assigned any more"

    def _without(self, event: Event) -> str:
        version_sid = self._tariffs.version_sid(event.partner_sid, *_asked_for(event), event.start)
        deck = self._tariffs.deck_of(version_sid) if version_sid else None
        rating = _by(event, deck)
        return rating.reason if not isinstance(rating, Rated) else "there is one by now; a billing run takes it up"

    def _stands(self, placed: Placed) -> Iterator[str]:
        if placed.state == "parked":
            yield "waits until its partner is unparked"
        if placed.invoice_sid is None:
            return
        invoice = self._book.invoice(placed.invoice_sid)
        item = " ".join(filter(None, (placed.item_type, placed.event.direction, placed.country_code)))
        late = ", late: its own period's was closed" if placed.late else ""
        if placed.adjusted:
            yield f"invoice {invoice.display_id} was closed with an earlier version; adjustments carry the difference"
        else:
            yield f"on invoice {invoice.display_id} ({invoice.status}), item {item}{late}"

    def _invoice(self, placed: Placed) -> Json:
        invoice = self._book.invoice(placed.invoice_sid or "")
        return {
            "adjusted": placed.adjusted,
            "country_code": placed.country_code,
            "direction": placed.event.direction,
            "display_id": invoice.display_id,
            "invoice_sid": invoice.invoice_sid,
            "late": placed.late,
            "status": invoice.status,
            "type": placed.item_type,
        }


def _asked_for(event: Event) -> tuple[Service, Direction | None]:
    """What kind of sheet an event asks for."""
    if isinstance(event, CallEvent):
        return "calls", event.direction
    return (event.type, event.direction) if isinstance(event, MessageEvent) else ("usage", None)


def _asked(event: Event) -> Iterator[str]:
    """What the sheet is asked for."""
    yield f"{kind_of(event)} of {format_instant(event.time)}, its sheet chosen by {format_instant(event.start)}"
    if isinstance(event, UsageEvent):
        yield f"the sheet is asked for {event.type}"
        return
    which = "the called number"
    if event.number_billing:
        which = "its number_billing"
    elif event.rated_number != (event.first_dst if isinstance(event, MessageEvent) else event.number_dst):
        which = "the caller's, as it came in to a toll-free number"
    yield f"the number asked is {event.rated_number}, {which}"
    if isinstance(event, MessageEvent):
        network = f", network {event.mcc} {event.mnc or ''}".rstrip() if event.mcc else ""
        yield f"sent by a {event.sender.replace('_', ' ')} number{network}"


def _found(prefix: str | None, jurisdiction: str | None, event: Event) -> Iterator[str]:
    if isinstance(event, CallEvent):
        yield f"the longest prefix that fits is {prefix}" if prefix else "no prefix fits; the catch-all does"
        if jurisdiction:
            yield f"jurisdiction {jurisdiction}"


def _assigned(given: Assignment, above: int) -> str:
    since = f"since {format_instant(given.effective_date)[:10]}"
    if given.partner_sid is None:
        return f"the default of the book {since}"
    return f"the partner's own {since}" if not above else f"that of an ancestor, {given.partner_sid}, {since}"


def _by(event: Event, deck: Deck | None) -> Rating:
    """What a deck makes of an event; without one, what the event says itself."""
    if isinstance(event, CallEvent):
        return rate_call(event, deck if isinstance(deck, CallDeck) else None)
    if isinstance(event, MessageEvent):
        return rate_message(event, deck if isinstance(deck, MessageDeck) else None)
    return rate_usage(event, deck if isinstance(deck, UsageDeck) else None)
