"""What a partner pays: the sheet in force for it, and the price of one call or message that nobody made."""

from typing import Literal, NamedTuple

import msgspec

from tollbook import errors
from tollbook.billing.events import CallEvent, MessageEvent, SenderClass
from tollbook.billing.model import Caller, Sight
from tollbook.billing.numbers import Direction, Jurisdiction
from tollbook.billing.rating import Rated, Rating, rate_call, rate_message
from tollbook.billing.sheets import CallDeck, Deck, MessageDeck, Service
from tollbook.clock import format_instant
from tollbook.errors import Flaw, Refusal
from tollbook.money import format_rate, format_units
from tollbook.operations.reading import Listed, listed
from tollbook.operations.sheets import Tariffs
from tollbook.operations.sights import sight_of
from tollbook.operations.spending import why_blocked
from tollbook.query.fields import PARTNERS
from tollbook.query.listing import ListQuery
from tollbook.query.records import encode_json
from tollbook.store import Reads, Store

_DECIMALS = 5  # documented: of a rating's money, and nowhere else


class InForce(NamedTuple):
    """The version of a sheet that a partner has now."""

    partner_sid: str
    rates_plan_sid: str
    name: str
    effective_date: str


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A call to be priced: with the number `to` of the world outside, for so many seconds, from `start` or from now."""

    direction: Direction
    to: str
    duration: int
    partner_sid: str | None = None
    start: int | None = None
    jurisdiction: Jurisdiction | None = None


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A message to be priced: of so many segments, by the number `to` or its network."""

    type: Literal["sms", "mms"]
    sender_class: SenderClass
    direction: Direction
    to: str
    segments: int = 1
    mcc: str | None = None
    mnc: str | None = None
    partner_sid: str | None = None
    start: int | None = None


def list_rates(
    store: Store,
    caller: Caller,
    query: ListQuery,
    service: Service,
    direction: Direction,
    sender_class: SenderClass | None = None,
) -> tuple[Listed, InForce | None]:
    """A page of the lines that the caller has now, for a class of senders or all, and whose they are."""
    with store.reading() as book:
        own = caller.partner_sid
        version_sid = Tariffs(book).version_sid(own, service, direction, book.present(store.clock.now()))
        named = book.version_named(version_sid) if version_sid else None
        if version_sid is None or named is None:
            return Listed([], None, None, 0, has_next=False, has_previous=False), None
        page = listed(book, Sight(sender_class or "version", own, version_sid=version_sid), query)
    rates_plan_sid, name, effective_date = named
    return page, InForce(own, rates_plan_sid, name, format_instant(effective_date))


def price_call(store: Store, caller: Caller, call: Call) -> bytes:
    """The price of a call, as JSON; 404 where there is no rate for it, or no such partner in sight."""
    with store.reading() as book:
        deck, partner_sid, start = _deck(book, store, caller, call, "calls")
    event = CallEvent(
        dr_sid="",
        partner_sid=partner_sid,
        direction=call.direction,
        number_src=call.to,
        number_dst=call.to,
        number_billing=call.to,
        date_start=start,
        date_talk=start,
        date_stop=start + call.duration * 1_000,
        jurisdiction=call.jurisdiction,
    )
    rated = _rated(rate_call(event, deck if isinstance(deck, CallDeck) else None))
    return encode_json({"direction": call.direction, "duration_billing": str(rated.quantity)} | _money(rated))


def price_message(store: Store, caller: Caller, message: Message) -> bytes:
    """The price of a message, as JSON; 404 where there is no rate for it, or no such partner in sight."""
    with store.reading() as book:
        deck, partner_sid, start = _deck(book, store, caller, message, message.type)
    event = MessageEvent(
        dr_sid="",
        partner_sid=partner_sid,
        direction=message.direction,
        type=message.type,
        number_src=message.to,
        number_dst=message.to,
        number_billing=message.to,
        sender_class=message.sender_class,
        date_sent=start,
        mcc=message.mcc,
        mnc=message.mnc,
        message_segments=message.segments,
    )
    rated = _rated(rate_message(event, deck if isinstance(deck, MessageDeck) else None))
    return encode_json({"direction": message.direction} | _money(rated) | {"segments": str(rated.quantity)})


def _deck(
    book: Reads, store: Store, caller: Caller, asked: Call | Message, service: Service
) -> tuple[Deck | None, str, int]:
    """The deck of the partner that is asked for, at the instant asked for; who and when that is.

    403 where the book blocks who has passed a spending limit: this is asked before a call is let through.
    """
    partner_sid = caller.partner_sid
    if asked.partner_sid is not None and asked.partner_sid != partner_sid:
        partner_sid = book.partner(sight_of(caller, PARTNERS), asked.partner_sid).partner_sid
    now = book.present(store.clock.now())
    if why := why_blocked(book, partner_sid, now):
        raise Refusal(errors.SPENDING_BLOCKED, Flaw("partner_sid", why))
    start = now if asked.start is None else asked.start
    return Tariffs(book).deck(partner_sid, service, asked.direction, start), partner_sid, start


def _rated(rating: Rating) -> Rated:
    if isinstance(rating, Rated):
        return rating
    raise Refusal(errors.RATE_UNKNOWN, Flaw("to", rating.reason))


def _money(rated: Rated) -> dict[str, str]:
    rate = rated.pin.rate if rated.pin else 0
    return {"price": format_units(rated.units, _DECIMALS), "rate": format_rate(rate, _DECIMALS)}
