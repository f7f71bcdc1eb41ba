"""Records straight to JSON, as they are served, by a function that is made once for a kind of record.

For who has a million of them to write: dates and words repeat, and are remembered. `records.wire_record` says the same
more slowly, and is what this must agree with.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import starmap
from typing import Any

from tollbook import limits
from tollbook.clock import format_recorded
from tollbook.money import format_amount, format_rate
from tollbook.query.fields import Field, Kind
from tollbook.query.records import READERS, encode_json, read_sid

Render = Callable[[Sequence[Any]], bytes]
_Write = Callable[[Any], str]


def renderer(fields: tuple[Field, ...], *, rows_again: bool = False) -> Render:
    """What writes a record of these fields from their inside values, in their order; an array's are tuples.

    `rows_again`: the same records are written again and again, with most of their rows as they were.

    ValueError for a value whose text would not read back as it: such a record breaks law 11.

    >>> from tollbook.query.fields import INVOICES
    >>> renderer(INVOICES.by_name["tax_items"].parts)([320_000, "federal", "x"])
    b'{"amount":"0.32","jurisdiction":"federal","type":"x"}'
    """
    write = _compiled(fields, rows_again=rows_again)
    return lambda values: write(*values).encode()


def _compiled(fields: tuple[Field, ...], *, rows_again: bool = False) -> Callable[..., str]:
    """`def write(amount, type): return f'{{"amount":{write_amount(amount)},"type":{write_type(type)}}}'`, and so on.

    Written out, as `dataclasses` does it, since a walk through the catalogue for each record takes twice as long. The
    source is made of the catalogue's names alone. Of a record's attributes the last is never absent.
    """
    names: dict[str, Any] = {f"write_{field.name}": _writer(field, rows_again) for field in fields}
    arguments = ", ".join(field.name for field in fields)
    pieces = "".join(map(_piece, fields)).removesuffix(",")
    exec(f"def write({arguments}): return f'{{{{{pieces}}}}}'", names)  # noqa: S102
    made: Callable[..., str] = names["write"]
    return made


def _piece(field: Field) -> str:
    """An attribute within the f-string: its name, the call that writes its value, and the comma behind it."""
    value = f"{{write_{field.name}({field.name})}}"
    return value if field.absent else f'"{field.name}":{value},'


def _writer(field: Field, rows_again: bool) -> _Write:
    """What writes one value; where the attribute may be absent, its name and the comma behind it too."""
    if field.kind is Kind.ROWS:
        return _rows(field, rows_again)
    write = _WRITERS.get(field.kind) or _checked(field.kind)
    if field.absent:
        return _remembered(lambda value: "" if value is None else f'"{field.name}":{write(value)},')
    return write


def _rows(field: Field, again: bool) -> _Write:
    write = _compiled(field.parts)
    if again:
        write = lru_cache(limits.ROWS_REMEMBERED_MAX)(write)
    return lambda rows: f"[{','.join(starmap(write, rows))}]"


_remembered = lru_cache(limits.TEXTS_REMEMBERED_MAX)


@lru_cache
def _checked(kind: Kind) -> _Write:
    """What writes a value of a kind once its reader has let it pass."""
    read = READERS[kind]
    return _remembered(lambda value: "null" if value is None else encode_json(read(value)).decode())


_WRITERS: dict[Kind, _Write] = {
    Kind.MONEY: lambda value: "null" if value is None else f'"{format_amount(value)}"',
    Kind.DECIMAL: lambda value: "null" if value is None else f'"{format_rate(value)}"',
    Kind.INSTANT: lambda value: "null" if value is None else f'"{format_recorded(value)}"',
    Kind.SID: lambda value: "null" if value is None else f'"{read_sid(value)}"',
    Kind.INTEGER: lambda value: "null" if value is None else str(value),
    Kind.BOOLEAN: lambda value: "null" if value is None else "true" if value else "false",
}
"""What writes a value, of kinds whose values differ from record to record, or all have a text that reads back as it."""
