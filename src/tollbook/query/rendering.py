"""Records straight to JSON, as they are served, from one remembered piece of text a value.

For who has a million of them to write: dates, words and amounts repeat. `records.wire_record` says the same more
slowly, and is what this must agree with.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from operator import call
from typing import Any

from tollbook.clock import format_instant
from tollbook.money import format_amount, format_rate
from tollbook.query.fields import Field, Kind
from tollbook.query.records import READERS, encode_json

_REMEMBERED = 1 << 12  # values of one attribute: beyond that they are hardly met again
Render = Callable[[Sequence[Any]], bytes]


def renderer(fields: tuple[Field, ...]) -> Render:
    """What writes a record of these fields from their inside values, in their order; an array's are sequences too.

    ValueError for a value whose text would not read back as it: such a record breaks law 11.

    >>> from tollbook.query.fields import INVOICES
    >>> renderer(INVOICES.by_name["tax_items"].parts)([320_000, "federal", "x"])
    b'{"amount":"0.32","jurisdiction":"federal","type":"x"}'
    """
    pieces = [_rows(field) if field.kind is Kind.ROWS else _piece(field) for field in fields]

    def render(values: Sequence[Any]) -> bytes:
        return b"{" + b"".join(map(call, pieces, values))[:-1] + b"}"

    return render


def _piece(field: Field) -> Callable[[Any], bytes]:
    """What writes one attribute with the comma after it; nothing where it is absent."""
    start = encode_json(field.name).decode() + ":"
    none = b"" if field.absent else f"{start}null,".encode()
    write = _PLAIN.get(field.kind)

    def plain(value: Any) -> bytes:
        return none if value is None else f"{start}{write(value)},".encode()  # type: ignore[misc]

    def checked(value: Any) -> bytes:
        if value is None:
            return none
        return start.encode() + encode_json(READERS[field.kind](value)) + b","

    return lru_cache(_REMEMBERED)(plain if write else checked)


_PLAIN: dict[Kind, Callable[[Any], str]] = {
    Kind.MONEY: lambda value: f'"{format_amount(value)}"',
    Kind.DECIMAL: lambda value: f'"{format_rate(value)}"',
    Kind.INSTANT: lambda value: f'"{format_instant(value)}"',
    Kind.INTEGER: str,
    Kind.BOOLEAN: lambda value: "true" if value else "false",
}
"""Kinds whose every inside value has a text that reads back as it."""


def _rows(field: Field) -> Callable[[Any], bytes]:
    start, render = encode_json(field.name) + b":[", renderer(field.parts)
    return lambda rows: start + b",".join(map(render, rows)) + b"],"
