"""One record of usage, as a body or a file has it, to an event: strictly, with every flaw named by its field.

This is the one place that knows what a record may say. `batches` has a quicker way for plain records, which ends
here wherever it is not sure.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal

from msgspec.structs import asdict

from tollbook import errors, limits
from tollbook.billing.events import CallEvent, Event, MessageEvent, UsageEvent
from tollbook.billing.increments import parse_seconds
from tollbook.billing.laws import NOT_FROM_EVENTS
from tollbook.billing.numbers import normalised, read_jurisdiction
from tollbook.billing.segments import segments_of
from tollbook.clock import parse_zoned_instant
from tollbook.errors import Flaw, Refusal
from tollbook.money import parse_rate
from tollbook.query.arguments import nearest
from tollbook.query.fields import CALL_DRS, MESSAGE_DRS, USAGE, Resource
from tollbook.query.records import Number, read_integer, read_sid, read_text, read_word

RecordKind = Literal["call", "message", "usage"]
Flaws = tuple[Flaw, ...]
Reader = Callable[[Any], Any]

ANONYMOUS: Final = "anonymous"
"""The caller of a record whose `number_src` is empty: it withheld its number."""

_COUNTRY = re.compile(r"[A-Z]{3}")
_MCC, _MNC = re.compile(r"[0-9]{3}"), re.compile(r"[0-9]{2,3}")
_WHOLE_SECONDS = re.compile(rf"[0-9]{{1,{limits.SECONDS_WHOLE_DIGITS_MAX}}}")


def text_of(value: Any) -> str:
    """A JSON text; ValueError for a number or anything else."""
    if not isinstance(value, str) or isinstance(value, Number):
        raise ValueError("expected a text")
    return value


def _decimal(parse: Callable[[str], int]) -> Reader:
    """A reader of a decimal as a text, or as a JSON number by its digits."""

    def read(value: Any) -> int:
        if not isinstance(value, str):
            raise ValueError("expected a decimal as a text or a number")
        return parse(value)

    return read


def _matching(pattern: re.Pattern[str], expected: str) -> Reader:
    def read(value: Any) -> str:
        if not pattern.fullmatch(text := text_of(value)):
            raise ValueError(expected)
        return text

    return read


def _one_of(*words: str) -> Reader:
    return _matching(re.compile("|".join(words)), f"expected {' or '.join(words)}")


def _whole(least: int, most: int) -> Reader:
    def read(value: Any) -> int:
        if not least <= (number := read_integer(value)) <= most:
            raise ValueError(f"expected a whole number from {least} to {most}")
        return number

    return read


def read_date(value: Any) -> int:
    """An RFC 3339 date with its zone, in milliseconds."""
    return parse_zoned_instant(text_of(value))


def read_number(value: Any) -> str:
    """A number that can be rated: international, or a short code; its digits."""
    return normalised(text_of(value))


def read_party(value: Any) -> str:
    """A number that need not be rated: its digits where it is international, else as it was told, up to 64 characters.

    >>> read_party("+1 212 555 0100"), read_party("Acme"), read_party("")
    ('12125550100', 'Acme', 'anonymous')
    """
    text = text_of(value).strip()
    try:
        return normalised(text)
    except ValueError:
        if len(text) > limits.WORD_CHARS_MAX:
            raise ValueError(f"expected at most {limits.WORD_CHARS_MAX} characters") from None
        return read_text(text) or ANONYMOUS


def _read_group(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError("expected an array of numbers")
    if len(value) > limits.RECIPIENTS_MAX:
        raise ValueError(f"expected at most {limits.RECIPIENTS_MAX} recipients")
    return tuple(map(read_number, value))


def _whole_seconds(value: Any) -> int:
    if not isinstance(value, str) or not _WHOLE_SECONDS.fullmatch(value):
        raise ValueError("expected whole seconds as a text like 60")
    return int(value)


def _read_type(value: Any) -> str:
    if (word := read_word(value)) in _RESERVED:
        raise ValueError(f"{word} is a type of Tollbook's own; its records or its acts make such items")
    return word


def _segments(value: Any) -> int:
    if (counted := segments_of(text_of(value)).segments) > limits.SEGMENTS_MAX:
        raise ValueError(f"takes {counted} segments; expected at most {limits.SEGMENTS_MAX}")
    return counted


def _read_jurisdiction(value: Any) -> str:
    return read_jurisdiction(text_of(value))


_RESERVED: Final = NOT_FROM_EVENTS | {"toll", "toll_free", "sms", "mms", "adjustment"}
_price, _seconds = _decimal(parse_rate), _decimal(parse_seconds)
_direction = _one_of("inbound", "outbound")


@dataclass(frozen=True, eq=False)
class Shape:
    """What records of one kind say: a reader for each attribute, and which must be there.

    An attribute that only an answer has (`resource` knows them) is let go, so that what a list answered can be sent.
    `check` says what is wrong with values that are right each by itself.
    """

    noun: type[Event]
    resource: Resource
    readers: dict[str, Reader]
    required: tuple[str, ...]
    check: Callable[[Any], Flaw | None]
    whole: frozenset[str] = frozenset()

    @cached_property
    def answered(self) -> frozenset[str]:
        """The attributes that are let go."""
        return frozenset(self.resource.by_name) - self.readers.keys()

    def event(self, values: dict[str, Any]) -> Event:
        """The event of inside values; a text is kept as its segments only, and only where they are not told."""
        if "text" in values:
            values.setdefault("message_segments", values.pop("text"))
        values.pop("kind", None)
        return self.noun(**values)


def _check_call(call: CallEvent) -> Flaw | None:
    if call.date_stop is not None and call.date_stop < call.date_start:
        return Flaw("date_stop", "is before date_start")
    try:
        call.measured  # noqa: B018  (it judges)
    except ValueError as error:
        return Flaw("date_talk", str(error))
    return None


def _check_message(message: MessageEvent) -> Flaw | None:
    if message.date_stop is not None and message.date_start is not None and message.date_stop < message.date_start:
        return Flaw("date_stop", "is before date_start")
    return None


def _check_usage(_: UsageEvent) -> Flaw | None:
    return None


_COMMON: Final[dict[str, Reader]] = {"dr_sid": read_word, "partner_sid": read_sid, "price": _price}
_NUMBERS: Final[dict[str, Reader]] = {
    "direction": _direction,
    "number_billing": read_number,
    "number_dst": read_number,
    "number_external": read_party,
    "number_src": read_party,
}
_REQUIRED: Final = ("dr_sid", "direction", "number_src", "number_dst")

SHAPES: Final[dict[RecordKind, Shape]] = {
    "call": Shape(
        CallEvent,
        CALL_DRS,
        {
            **_COMMON,
            **_NUMBERS,
            "date_start": read_date,
            "date_stop": read_date,
            "date_talk": read_date,
            "duration": _seconds,
            "duration_billing": _whole_seconds,
            "jurisdiction": _read_jurisdiction,
            "sipcause": _whole(0, 999),
        },
        (*_REQUIRED, "date_start", "date_stop"),
        _check_call,
        frozenset({"sipcause"}),
    ),
    "message": Shape(
        MessageEvent,
        MESSAGE_DRS,
        {
            **_COMMON,
            **_NUMBERS,
            "date_sent": read_date,
            "date_start": read_date,
            "date_stop": read_date,
            "mcc": _matching(_MCC, "expected three digits"),
            "message_segments": _whole(1, limits.SEGMENTS_MAX),
            "mnc": _matching(_MNC, "expected two or three digits"),
            "number_group_dst": _read_group,
            "sender_class": _one_of("short_code", "toll", "toll_free"),
            "status": read_word,
            "text": _segments,
            "type": _one_of("sms", "mms"),
        },
        (*_REQUIRED, "date_sent"),
        _check_message,
        frozenset({"message_segments"}),
    ),
    "usage": Shape(
        UsageEvent,
        USAGE,
        {
            **_COMMON,
            "country_code": _matching(_COUNTRY, "expected an ISO 3166-1 alpha-3 code like USA"),
            "date": read_date,
            "direction": _direction,
            "kind": _one_of("usage"),
            "quantity": _whole(0, limits.USAGE_MAX),
            "type": _read_type,
        },
        ("dr_sid", "type", "quantity", "date"),
        _check_usage,
        frozenset({"quantity"}),
    ),
}
"""What a record of each kind may say."""


def read_record(kind: RecordKind, record: Any, partner_sid: str | None) -> Event | Flaws:
    """The event in a decoded record, whose numbers kept their digits; else what is wrong with it, field by field.

    Null is as good as absent. `partner_sid` is whose it is unless the record says it; without, the record must.
    """
    if not isinstance(record, Mapping):
        return (Flaw(None, "expected an object, the record"),)
    shape = SHAPES[kind]
    given = {name: value for name, value in record.items() if value is not None}
    values, flaws = _values(shape, record)
    flaws = [*_missing(shape, given, partner_sid), *flaws]
    if flaws:
        return tuple(flaws[: limits.FLAWS_MAX])
    return _made(shape, {"partner_sid": partner_sid, **values})


def _made(shape: Shape, values: dict[str, Any]) -> Event | Flaws:
    event = shape.event(values)
    flaw = shape.check(event)
    return event if flaw is None else (flaw,)


def _values(shape: Shape, given: Mapping[str, Any]) -> tuple[dict[str, Any], list[Flaw]]:
    values: dict[str, Any] = {}
    flaws: list[Flaw] = []
    for name, value in given.items():
        read = shape.readers.get(name)
        if read is None:
            if name not in shape.answered:
                flaws.append(Flaw(name, "unknown attribute" + nearest(name, shape.readers)))
        elif value is not None:
            try:
                values[name] = read(value)
            except ValueError as error:
                flaws.append(Flaw(name, str(error)))
        if len(flaws) == limits.FLAWS_MAX:
            break
    return values, flaws


def _missing(shape: Shape, given: Mapping[str, Any], partner_sid: str | None) -> list[Flaw]:
    needed = shape.required if partner_sid else (*shape.required, "partner_sid")
    return [Flaw(name, "is missing") for name in needed if name not in given]


def changed_record(kind: RecordKind, event: Event, changes: Mapping[str, Any]) -> Event:
    """The event with what a correction names; null takes an attribute back. A Refusal with what is wrong with it.

    What makes it this record stays: its sid and its partner may be named, as they are.
    """
    shape = SHAPES[kind]
    values, flaws = _values(shape, changes)
    nulled = [name for name, value in changes.items() if value is None and name in shape.readers]
    flaws += [Flaw(name, "cannot be null") for name in nulled if name in (*shape.required, "partner_sid")]
    flaws += [
        Flaw(name, "cannot be corrected: withdraw the record and send another")
        for name in ("dr_sid", "partner_sid")
        if name in values and values[name] != getattr(event, name)
    ]
    if flaws:
        raise Refusal(errors.OBJECT_INVALID, *flaws)
    kept = {name: value for name, value in asdict(event).items() if name not in nulled}
    if "text" in values:
        kept.pop("message_segments", None)
    made = _made(shape, {**kept, **values})
    if isinstance(made, tuple):
        raise Refusal(errors.OBJECT_INVALID, *made)
    return made


def from_row(kind: RecordKind, row: Mapping[str, str]) -> dict[str, Any]:
    """A CSV row, all of it text, as the JSON record that says the same; an empty cell says nothing.

    But for an empty `number_src`, which is a caller that withheld its number. Several numbers stand in one cell with
    semicolons between.

    >>> from_row("message", {"dr_sid": "a", "number_src": "", "message_segments": "2", "number_group_dst": "331;332"})
    {'dr_sid': 'a', 'number_src': '', 'message_segments': '2', 'number_group_dst': ['331', '332']}
    """
    whole = SHAPES[kind].whole
    record: dict[str, Any] = {}
    for name, text in row.items():
        if name == "number_group_dst":
            if text:
                record[name] = [part.strip() for part in text.split(";")]
        elif text or name == "number_src":
            record[name] = Number(text) if name in whole else text
    return record
