"""Usage in the book: each record's latest version with what rated it, what makes it count once, what it was before."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple

import msgspec

from tollbook.billing.events import CallEvent, Event, MessageEvent, UsageEvent
from tollbook.billing.rating import Pin
from tollbook.money import BILLIONTHS
from tollbook.query.fields import Resource
from tollbook.store.nouns import row_document

EventState = str
_SEEN_AT_ONCE: Final = 200  # sids asked for in one statement


class Placed(msgspec.Struct, frozen=True, kw_only=True):
    """A record with what rating made of it and the invoice that it is on.

    `state` is `billed`, `unrated` or `parked`; `units`, in an item's units, are its exact price. `late` says that its
    own period was closed already; `adjusted`, that its invoice was closed with an earlier version. Unrated and parked
    records are on no invoice. `given_back`, of a version that was replaced, says that its invoice was void by then.
    """

    event: Event
    version: int
    state: EventState
    late: bool = False
    adjusted: bool = False
    date_insert: int
    invoice_created: int | None = None
    invoice_sid: str | None = None
    item_type: str
    country_code: str | None
    quantity: int
    units: int = 0
    price: int | None = None
    rate: int | None = None
    pin: Pin | None = None
    given_back: bool = False


class Seen(NamedTuple):
    """What is known of a record's sid: what it first said, and where the record is (None: withdrawn)."""

    kind: str
    fingerprint: bytes
    date: int | None


class Replaced(NamedTuple):
    """A version that a correction replaced, when, who and why.

    `frozen_sid` is the closed invoice that still shows it, `adjusted_sid` the invoice that carries the difference.
    """

    before: Placed
    date_replaced: int
    who: str
    why: str
    frozen_sid: str | None
    adjusted_sid: str | None
    units: int
    usage: int


_KINDS: Final = {CallEvent: "call", MessageEvent: "message", UsageEvent: "usage"}
COLUMNS: Final = (
    "partner_sid", "date", "dr_sid", "kind", "version", "state", "late", "adjusted", "date_insert", "invoice_created",
    "invoice_sid", "item_type", "country_code", "direction", "quantity", "units", "price", "rate", "version_sid",
    "prefix", "jurisdiction", "given_price", "given_quantity", "given_duration", "number_src", "number_dst",
    "number_billing", "number_external", "number_group_dst", "date_start", "date_talk", "date_stop",
    "duration", "sipcause", "type", "sender_class", "mcc", "mnc", "message_segments", "status",
)  # fmt: skip
_SHARED: Final = COLUMNS[: COLUMNS.index("given_quantity")]
_OWN: Final = {
    "call": (
        "given_quantity", "given_duration", "number_src", "number_dst", "number_billing", "number_external",
        "date_start", "date_talk", "date_stop", "duration", "sipcause",
    ),
    "message": (
        "number_src", "number_dst", "number_billing", "number_external", "number_group_dst", "date_start", "date_stop",
        "type", "sender_class", "mcc", "mnc", "message_segments", "status",
    ),
    "usage": (),
}  # fmt: skip
"""The columns that a kind of record has beside the shared ones; a column that is not bound costs nothing."""


def _insert(kind: str) -> str:
    names = (*_SHARED, *_OWN[kind])
    return f"INSERT INTO event ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"


_INSERT: Final = {kind: _insert(kind) for kind in _OWN}
_SELECT: Final = f"SELECT {', '.join(COLUMNS)} FROM event"
_encode = msgspec.json.Encoder().encode


def kind_of(event: Event) -> str:
    """`call`, `message` or `usage`."""
    return _KINDS[type(event)]


class EventReads:
    """Questions about usage, over one connection in one snapshot."""

    _run: Callable[..., Any]
    _stream: Callable[..., Any]

    def seen(self, partner_sid: str, dr_sids: Iterable[str]) -> dict[str, Seen]:
        """Those of a partner's record sids that the book knows."""
        found: dict[str, Seen] = {}
        wanted = iter(dict.fromkeys(dr_sids))
        while some := list(islice(wanted, _SEEN_AT_ONCE)):
            marks = ", ".join("?" * len(some))
            rows = self._run(
                f"SELECT dr_sid, kind, fingerprint, date FROM event_seen WHERE partner_sid = ? AND dr_sid IN ({marks})",
                (partner_sid, *some),
            )
            found |= {row[0]: Seen(*row[1:]) for row in rows}
        return found

    def seen_of(self, dr_sids: Mapping[str, Iterable[str]]) -> dict[str, dict[str, Seen]]:
        """Those of some partners' record sids that the book knows, by partner."""
        return {partner_sid: self.seen(partner_sid, some) for partner_sid, some in dr_sids.items()}

    def owners_of(self, ancestor_sid: str, dr_sid: str) -> list[str]:
        """The partners beneath and including one that have a record of that sid, itself first."""
        rows = self._run(
            "SELECT t.descendant_sid FROM partner_tree t JOIN event_seen s ON s.partner_sid = t.descendant_sid"
            " WHERE t.ancestor_sid = ? AND s.dr_sid = ? ORDER BY t.depth, t.descendant_sid",
            (ancestor_sid, dr_sid),
        )
        return [sid for (sid,) in rows]

    def placed(self, partner_sid: str, dr_sid: str) -> Placed | None:
        """The latest version of a record; None where there is none, or it was withdrawn."""
        row = self._run(
            f"{_SELECT} WHERE partner_sid = ? AND dr_sid = ?"
            " AND date = (SELECT s.date FROM event_seen s WHERE s.partner_sid = ? AND s.dr_sid = ?)",
            (partner_sid, dr_sid, partner_sid, dr_sid),
        ).fetchone()
        return placed_of(row) if row else None

    def waiting(
        self, partner_sid: str, state: EventState, limit: int, after: tuple[int, str] = (0, "")
    ) -> list[Placed]:
        """Records in a state of waiting, in the order in which they came, behind (date_insert, dr_sid)."""
        rows = self._run(
            f"{_SELECT} WHERE partner_sid = ? AND state = ? AND state <> 'billed'"
            " AND (date_insert, dr_sid) > (?, ?) ORDER BY date_insert, dr_sid LIMIT ?",
            (partner_sid, state, *after, limit),
        )
        return [placed_of(row) for row in rows]

    def partners_waiting(self, state: EventState) -> list[str]:
        """The partners that have records in a state of waiting."""
        rows = self._run(
            "SELECT b.partner_sid FROM billing b WHERE EXISTS (SELECT 1 FROM event e"
            " WHERE e.partner_sid = b.partner_sid AND e.state = ? AND e.state <> 'billed') ORDER BY b.partner_sid",
            (state,),
        )
        return [sid for (sid,) in rows]

    def events_between(self, partner_sid: str, start: int, end: int) -> Iterator[Placed]:
        """A partner's records of [start, end), in the order of their time."""
        where = "WHERE partner_sid = ? AND date >= ? AND date < ? ORDER BY date, dr_sid"
        yield from map(placed_of, self._stream(f"{_SELECT} {where}", (partner_sid, start, end)))


class EventWrites:
    """Changes of usage within one act."""

    _run: Callable[..., Any]
    _run_many: Callable[..., Any]

    def add_events(self, placed: Sequence[Placed]) -> None:
        """New records, or new versions of records whose old version was taken out."""
        rows: dict[str, list[tuple[Any, ...]]] = {}
        for each in placed:
            rows.setdefault(kind_of(each.event), []).append(_row(each))
        for kind, some in rows.items():
            self._run_many(_INSERT[kind], some)

    def add_seen(self, seen: Iterable[tuple[str, str, Seen]]) -> None:
        """Remember records for ever, each by its partner and sid."""
        self._run_many(
            "INSERT INTO event_seen (partner_sid, dr_sid, kind, fingerprint, date) VALUES (?, ?, ?, ?, ?)",
            [(partner_sid, dr_sid, *known) for partner_sid, dr_sid, known in seen],
        )

    def take_out(self, placed: Iterable[Placed]) -> None:
        """Remove the latest versions of records; what they were is kept by `keep_version`, if it was a correction."""
        keys = [(each.event.partner_sid, each.event.time, each.event.dr_sid) for each in placed]
        self._run_many("DELETE FROM event WHERE partner_sid = ? AND date = ? AND dr_sid = ?", keys)

    def keep_version(self, replaced: Replaced) -> None:
        """Keep what a correction replaces."""
        before = replaced.before
        key = (before.event.partner_sid, before.event.dr_sid, before.version)
        self._run(
            "INSERT INTO event_version (partner_sid, dr_sid, version, record, date_replaced, who, why, frozen_sid,"
            " adjusted_sid, units, usage) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*key, _encode(before), *replaced[1:]),
        )

    def move_seen(self, partner_sid: str, dr_sid: str, date: int | None) -> None:
        """Where a record is now; None for one that was withdrawn."""
        where = "WHERE partner_sid = ? AND dr_sid = ?"
        self._run(f"UPDATE event_seen SET date = ? {where}", (date, partner_sid, dr_sid))


def document_of(resource: Resource, placed: Placed) -> bytes:
    """The JSON of a record as the list of its kind shows it once it is written."""
    kind = kind_of(placed.event)
    values = dict(zip((*_SHARED, *_OWN[kind]), _row(placed), strict=True))
    if kind == "call":
        values["duration_billing"] = placed.quantity * BILLIONTHS
    elif kind == "message":
        values["number_group_dst"] = values["number_group_dst"] or "[]"
    for name, column in _SHOWN_AS[kind]:
        values[name] = values[column]
    return row_document(resource, [values.get(field.name) for field in resource.scalars])


_SHOWN_AS: Final = {
    "call": (("date_stop", "date"),),
    "message": (("date_sent", "date"),),
    "usage": (("type", "item_type"),),
}
"""Attributes whose column has another name, as the views of the three lists say too."""


def _row(placed: Placed) -> tuple[Any, ...]:
    """A record as the `_INSERT` of its kind takes it."""
    event, pin = placed.event, placed.pin
    jurisdiction = event.jurisdiction if isinstance(event, CallEvent) else None
    return (
        event.partner_sid, event.time, event.dr_sid, _KINDS[type(event)], placed.version, placed.state, placed.late,
        placed.adjusted, placed.date_insert, placed.invoice_created, placed.invoice_sid, placed.item_type,
        placed.country_code, event.direction, placed.quantity, placed.units, placed.price, placed.rate,
        pin and pin.version_sid, pin and pin.prefix, jurisdiction, event.price, *_of_kind(event),
    )  # fmt: skip


def _of_kind(event: Event) -> tuple[Any, ...]:
    """The columns of `_OWN`."""
    if isinstance(event, CallEvent):
        return (
            event.duration_billing, event.duration, event.number_src, event.number_dst, event.number_billing,
            event.number_external, event.date_start, event.date_talk, event.date_stop, _served_duration(event),
            event.sipcause,
        )  # fmt: skip
    if isinstance(event, MessageEvent):
        group = msgspec.json.encode(event.number_group_dst).decode() if event.number_group_dst else None
        stop = event.date_sent if event.date_stop is None else event.date_stop
        return (
            event.number_src, event.number_dst, event.number_billing, event.number_external, group, event.date_start,
            stop, event.type, event.sender_class, event.mcc, event.mnc, event.message_segments, event.status,
        )  # fmt: skip
    return ()


def _served_duration(event: CallEvent) -> int | None:
    """How long a call was, ringing included, in nanoseconds: as told, else from its ends."""
    if event.duration is not None or event.date_stop is None:
        return event.duration
    return max(0, event.date_stop - event.date_start) * 1_000_000


_NOT_COLUMNS: Final = ("event", "late", "adjusted", "pin", "given_back")


def placed_of(row: Sequence[Any]) -> Placed:
    """A record from its row."""
    of: dict[str, Any] = dict(zip(COLUMNS, row, strict=True))
    pin = None
    if of["version_sid"] is not None:
        pin = Pin(of["version_sid"], of["prefix"], of["rate"], of["jurisdiction"])
    names = [name for name in Placed.__struct_fields__ if name not in _NOT_COLUMNS]
    flags: dict[str, Any] = {name: bool(of[name]) for name in ("late", "adjusted")}
    return Placed(event=_EVENTS[of["kind"]](of), pin=pin, **flags, **{name: of[name] for name in names})


def _call(of: dict[str, Any]) -> CallEvent:
    same = (
        "dr_sid", "partner_sid", "direction", "number_src", "number_dst", "number_billing", "number_external",
        "date_start", "date_talk", "date_stop", "jurisdiction", "sipcause",
    )  # fmt: skip
    return CallEvent(
        **{name: of[name] for name in same},
        duration=of["given_duration"],
        duration_billing=of["given_quantity"],
        price=of["given_price"],
    )


def _message(of: dict[str, Any]) -> MessageEvent:
    same = (
        "dr_sid", "partner_sid", "direction", "type", "number_src", "number_dst", "number_billing", "number_external",
        "sender_class", "date_start", "mcc", "mnc", "message_segments", "status",
    )  # fmt: skip
    stop = of["date_stop"] if of["date_stop"] != of["date"] else None  # an end that was not told follows the sending
    group = msgspec.json.decode(of["number_group_dst"], type=tuple[str, ...]) if of["number_group_dst"] else ()
    return MessageEvent(
        **{name: of[name] for name in same},
        date_sent=of["date"],
        date_stop=stop,
        number_group_dst=group,
        price=of["given_price"],
    )


def _usage(of: dict[str, Any]) -> UsageEvent:
    same = ("dr_sid", "partner_sid", "quantity", "date", "direction", "country_code")
    return UsageEvent(**{name: of[name] for name in same}, type=of["item_type"], price=of["given_price"])


_EVENTS: Final[dict[str, Callable[[dict[str, Any]], Event]]] = {"call": _call, "message": _message, "usage": _usage}
