"""Records between their inside values and their wire form, by the catalogue alone.

Inside, money is an integer of millionths, a decimal one of billionths and an instant one of milliseconds; on the
wire all three are text. What a reader refuses here it refuses with a ValueError that says what was expected; who
knows the field's place makes a `Flaw` of it.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from tollbook import limits
from tollbook.clock import format_instant, read_instant
from tollbook.money import format_amount, format_rate, parse_amount, parse_decimal, read_amount
from tollbook.query.fields import Field, Kind

encode_json = msgspec.json.Encoder(decimal_format="string").encode
decode_json = msgspec.json.Decoder().decode

_SID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_WORD = re.compile(r"[!-~]+")
_NUMBER = re.compile(r"-?[0-9]+")


class Number(str):
    """A JSON number by its digits, as a body or a file wrote it; never a float."""

    __slots__ = ()


def wire_record(fields: tuple[Field, ...], values: Callable[[str], Any]) -> dict[str, Any]:
    """The wire form of a record whose inside values `values(name)` gives, in the catalogue's order."""
    record: dict[str, Any] = {}
    for field in fields:
        value = None if field.secret else values(field.name)
        if value is None:
            if not field.absent:
                record[field.name] = None
        elif field.kind is Kind.ROWS:
            record[field.name] = _wire_rows(field, value)
        else:
            record[field.name] = WRITERS[field.kind](value)
    return record


def _wire_rows(field: Field, rows: Any) -> list[dict[str, Any]]:
    return [wire_record(field.parts, lambda name, row=row: getattr(row, name)) for row in rows]  # type: ignore[misc]


def _same(value: Any) -> Any:
    return value


WRITERS: dict[Kind, Callable[[Any], Any]] = {
    Kind.TEXT: _same,
    Kind.SID: _same,
    Kind.INTEGER: _same,
    Kind.MAP: _same,
    Kind.BOOLEAN: bool,
    Kind.MONEY: format_amount,
    Kind.DECIMAL: format_rate,
    Kind.INSTANT: format_instant,
    Kind.WORDS: list,
}
"""How an inside value of each kind becomes a JSON value; arrays of objects are written part by part."""


def read_text(value: Any) -> str:
    """A text for people: at most 200 characters, NFC, no control characters; ValueError otherwise."""
    if not isinstance(value, str) or isinstance(value, Number):
        raise ValueError("expected a text")
    if len(value) > limits.NAME_CHARS_MAX:
        raise ValueError(f"expected at most {limits.NAME_CHARS_MAX} characters")
    if not unicodedata.is_normalized("NFC", value):
        raise ValueError("expected text in Unicode normal form NFC")
    if any(unicodedata.category(character) in ("Cc", "Cs", "Cn", "Co") for character in value):
        raise ValueError("control characters and unassigned code points cannot stand here")
    if any(character in _BIDI for character in value):
        raise ValueError("characters that override the direction of writing cannot stand here")
    return value


_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def read_word(value: Any) -> str:
    """An open word such as a type or status: visible ASCII, at most 64 characters."""
    if not isinstance(value, str) or isinstance(value, Number) or not _WORD.fullmatch(value):
        raise ValueError("expected a word of visible ASCII characters")
    if len(value) > limits.WORD_CHARS_MAX:
        raise ValueError(f"expected at most {limits.WORD_CHARS_MAX} characters")
    return value


def read_sid(value: Any) -> str:
    """A secure ID in its one spelling: a lower-case UUID with dashes."""
    if not isinstance(value, str) or not _SID.fullmatch(value):
        raise ValueError("expected a lower-case UUID like 4169705e-4284-482f-8e72-e962a8aaad9d")
    return value


def read_money(value: Any) -> int:
    """An amount in millionths: a canonical string, or a JSON number by its digits."""
    if isinstance(value, Number):
        return parse_amount(value)
    if not isinstance(value, str):
        raise ValueError("expected an amount as a string like 0.37")
    return read_amount(value)


def read_decimal(value: Any) -> int:
    """A rate, a price or a duration in billionths: a plain decimal as a string, or a JSON number by its digits."""
    if not isinstance(value, str):
        raise ValueError("expected a plain decimal as a string like 0.0025")
    return parse_decimal(value)


def read_date(value: Any) -> int:
    """An instant in milliseconds, from canonical wire text only."""
    if not isinstance(value, str) or isinstance(value, Number):
        raise ValueError("expected a date like 2024-12-19T23:30:01.000Z")
    return read_instant(value)


def read_integer(value: Any) -> int:
    """A whole JSON number of at most 15 digits; never a fraction, a string or a boolean."""
    if not isinstance(value, Number) or not _NUMBER.fullmatch(value):
        raise ValueError("expected a whole number")
    if len(value.lstrip("-")) > limits.INTEGER_DIGITS_MAX or value == "-0":
        raise ValueError(f"expected a whole number of at most {limits.INTEGER_DIGITS_MAX} digits")
    return int(value)


def read_boolean(value: Any) -> bool:
    """`true` or `false`, nothing that merely looks like it."""
    if not isinstance(value, bool):
        raise ValueError("expected true or false")
    return value


def read_map(value: Any) -> dict[str, str]:
    """An object of texts: at most 50 entries with words for keys."""
    if not isinstance(value, Mapping):
        raise ValueError("expected an object of texts")
    if len(value) > limits.ATTRIBUTES_MAX:
        raise ValueError(f"expected at most {limits.ATTRIBUTES_MAX} entries")
    return {read_word(key): read_text(text) for key, text in value.items()}


def read_words(value: Any) -> tuple[str, ...]:
    """An array of words, each once."""
    if not isinstance(value, list):
        raise ValueError("expected an array of words")
    words = tuple(read_word(word) for word in value)
    if len(set(words)) < len(words):
        raise ValueError("a word stands twice")
    return words


READERS: dict[Kind, Callable[[Any], Any]] = {
    Kind.TEXT: read_text,
    Kind.SID: read_sid,
    Kind.MONEY: read_money,
    Kind.DECIMAL: read_decimal,
    Kind.INTEGER: read_integer,
    Kind.INSTANT: read_date,
    Kind.BOOLEAN: read_boolean,
    Kind.MAP: read_map,
    Kind.WORDS: read_words,
}
"""How a JSON value of each kind becomes an inside value; arrays of objects are read part by part."""
