"""Bodies and lines of usage to events, quickly where they are plain.

A plain record is decoded and read without a look at what it might do wrong; whatever is not surely plain goes the
strict way, `records`, from its very text. Both ways give the same answer, and every word of a flaw is the strict one's.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

import msgspec

from tollbook import errors, limits
from tollbook.billing.events import Event
from tollbook.billing.numbers import normalised
from tollbook.clock import SECOND_MS, parse_zoned_instant
from tollbook.errors import Flaw, Refusal
from tollbook.mediation.records import SHAPES, Flaws, Reader, RecordKind, Shape, read_party, read_record
from tollbook.money import parse_rate
from tollbook.query.records import Number, read_sid, read_word
from tollbook.query.strict_json import parse_json

_REMEMBERED: Final = 1 << 14  # days, prices and partners whose reading is remembered


class Given(NamedTuple):
    """One record that was sent: its sid, if that can be read, and the event that it is or what is wrong with it."""

    dr_sid: str | None
    read: Event | Flaws


class Body(NamedTuple):
    """What a body held: one record, or several in `items`."""

    several: bool
    given: list[Given]


def read_body(kind: RecordKind, text: bytes, partner_sid: str | None) -> Body:
    """The records of a body; a Refusal where it is not JSON, or holds none or too many."""
    plain, strict = _plain(text), _Strictly(text)
    value = strict.value() if plain is None else plain
    if not isinstance(value, dict):
        raise Refusal(errors.BODY_MALFORMED, Flaw(None, "expected a JSON object"))
    if "items" not in value:
        return Body(False, [_given(kind, value, strict.value, partner_sid)])
    _check_items(value)
    found = [
        _given(kind, item, lambda place=place: strict.value()["items"][place], partner_sid)  # type: ignore[misc]
        for place, item in enumerate(value["items"])
    ]
    return Body(True, found)


def read_text(kind: RecordKind, text: bytes, partner_sid: str | None) -> Given:
    """The record of one JSON text."""
    plain = _plain(text)
    try:
        return _given(kind, plain, lambda: parse_json(text), partner_sid)
    except ValueError as error:
        return Given(None, (Flaw(None, str(error)),))


def read_values(kind: RecordKind, record: Mapping[str, Any], partner_sid: str | None) -> Given:
    """The record of values that were never JSON."""
    return _given(kind, record, lambda: record, partner_sid)


def _check_items(value: dict[str, Any]) -> None:
    items = value["items"]
    if unknown := [name for name in value if name != "items"][: limits.FLAWS_MAX]:
        raise Refusal(errors.OBJECT_INVALID, *(Flaw(name, "does not go with items") for name in unknown))
    if not isinstance(items, list):
        raise Refusal(errors.OBJECT_INVALID, Flaw("items", "expected an array of records"))
    if not items:
        raise Refusal(errors.OBJECT_INVALID, Flaw("items", f"expected 1 to {limits.USAGE_BATCH_MAX} records"))
    if len(items) > limits.USAGE_BATCH_MAX:
        raise Refusal(errors.BODY_TOO_LARGE, Flaw("items", f"expected at most {limits.USAGE_BATCH_MAX} records"))


class _Strictly:
    """A body's value the strict way, made when it is first needed."""

    def __init__(self, text: bytes) -> None:
        self._text = text
        self._value: Any = None

    def value(self) -> Any:
        """The value; a Refusal where there is none."""
        if self._value is None:
            if not self._text.strip():
                raise Refusal(errors.BODY_MALFORMED, Flaw(None, "expected a JSON object, at least {}"))
            try:
                self._value = parse_json(self._text)
            except ValueError as error:
                raise Refusal(errors.BODY_MALFORMED, Flaw(None, str(error))) from None
        return self._value


def _given(kind: RecordKind, plain: Any, strict: Callable[[], Any], partner_sid: str | None) -> Given:
    event = _quick(kind, plain, partner_sid)
    if event is not None:
        return Given(event.dr_sid, event)
    record = strict()
    read = read_record(kind, record, partner_sid)
    return Given(_sid_of(record) if isinstance(read, tuple) else read.dr_sid, read)


def _sid_of(record: Any) -> str | None:
    try:
        return read_word(record.get("dr_sid")) if isinstance(record, Mapping) else None
    except ValueError:
        return None


# Whether a text is plain.

_decode = msgspec.json.Decoder(float_hook=Number).decode
_SPACES: Final = (b" ", b"\t", b"\n", b"\r")
_MINUS_ZERO: Final = (b"-0,", b"-0}", b"-0]")


def _plain(text: bytes) -> Any:
    """A text's value where the decoder surely loses nothing; None otherwise.

    It keeps the last of equal keys: but as every key is followed by `":`, there are none if those are as many as the
    keys. And it makes a 0 of -0.
    """
    try:
        value = _decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    if not isinstance(value, dict) or any(mark in text for mark in _MINUS_ZERO):
        return None
    if any(space in text and (space + b":" in text or b"-0" + space in text) for space in _SPACES):
        return None
    items = value.get("items", ())
    keys = len(value)
    if items:
        if type(items) is not list:
            return None
        for item in items:
            if type(item) is not dict:
                return None
            keys += len(item)
    return value if text.count(b'":') == keys else None


# Whether a record is plain.


def _quick(kind: RecordKind, record: Any, partner_sid: str | None) -> Event | None:
    """The event of a plain record; None where it is not surely one."""
    shape, readers, required = _QUICK[kind]
    values: dict[str, Any] = {"partner_sid": partner_sid} if partner_sid else {}
    try:
        for name, value in record.items():
            read = readers[name]
            if value is None:
                continue
            if read is _let_go:
                read(value)
            else:
                values[name] = read(value)
        if not required <= values.keys():
            return None
        event = shape.event(values)
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    return event if shape.check(event) is None else None


def _let_go(value: Any) -> None:
    """An attribute of answers; an array may be nested deeper than a body may be."""
    if type(value) is list:
        raise TypeError


def _date(value: Any) -> int:
    """A date in UTC with three decimals of a second, or none."""
    if len(value) == 24 and value[19] == "." and value[23] == "Z":
        return _day(value[:11]) + _MINUTES[value[11:17]] + _SECONDS[value[17:19]] + _MILLISECONDS[value[20:23]]
    if len(value) == 20 and value[19] == "Z":
        return _day(value[:11]) + _MINUTES[value[11:17]] + _SECONDS[value[17:19]]
    raise ValueError


_MINUTES: Final = {f"{m // 60:02}:{m % 60:02}:": m * 60 * SECOND_MS for m in range(24 * 60)}
_SECONDS: Final = {f"{second:02}": second * SECOND_MS for second in range(60)}
_MILLISECONDS: Final = {f"{millisecond:03}": millisecond for millisecond in range(SECOND_MS)}


@lru_cache(_REMEMBERED)
def _day(text: str) -> int:
    return parse_zoned_instant(f"{text}00:00:00Z")


def _number(value: Any) -> str:
    """A number without signs between its digits."""
    if type(value) is not str:
        raise TypeError
    digits = value[1:] if value[:1] == "+" else value
    if not (digits.isdigit() and digits.isascii() and digits[0] != "0"):
        raise ValueError
    return digits if 3 <= len(digits) <= limits.NUMBER_DIGITS_MAX else normalised(digits)


def _party(value: Any) -> str:
    try:
        return _number(value)
    except ValueError:
        return read_party(value)


def _word(value: Any) -> str:
    if type(value) is not str:
        raise TypeError
    if not (value.isascii() and value.isprintable() and " " not in value and 0 < len(value) <= limits.WORD_CHARS_MAX):
        raise ValueError
    return value


def _of_integer(read: Reader) -> Reader:
    """A strict reader of whole numbers, also for those that are integers already."""
    remembered = lru_cache(_REMEMBERED)(lambda value: read(Number(value)))

    def convert(value: Any) -> Any:
        return remembered(value) if type(value) is int else read(value)

    return convert


@lru_cache(_REMEMBERED)
def _price_of(text: str) -> int:
    return parse_rate(text)


def _price(value: Any) -> int:
    return _price_of(str(value) if type(value) is int else value)


_direction = {"inbound": "inbound", "outbound": "outbound"}.__getitem__
_ALIKE: Final[dict[str, Reader]] = {
    "date": _date,
    "date_sent": _date,
    "date_start": _date,
    "date_stop": _date,
    "date_talk": _date,
    "direction": _direction,
    "dr_sid": _word,
    "number_billing": _number,
    "number_dst": _number,
    "number_external": _party,
    "number_src": _party,
    "partner_sid": lru_cache(_REMEMBERED)(read_sid),
    "price": _price,
}
"""Quicker readers of the same attribute, whatever the kind."""


def _readers(shape: Shape) -> dict[str, Reader]:
    """The quicker reader of each attribute where there is one, else the strict one."""
    whole = {name: _of_integer(shape.readers[name]) for name in shape.whole}
    quicker = {name: _ALIKE[name] for name in shape.readers.keys() & _ALIKE.keys()}
    return dict.fromkeys(shape.answered, _let_go) | shape.readers | quicker | whole


_QUICK: Final[dict[RecordKind, tuple[Shape, dict[str, Reader], frozenset[str]]]] = {
    kind: (shape, _readers(shape), frozenset({*shape.required, "partner_sid"})) for kind, shape in SHAPES.items()
}
