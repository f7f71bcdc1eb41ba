"""One invoice's JSON to an `Invoice`: strictly, with every flaw told at once.

There are two ways to the same answer. A text that is, byte for byte, what this program would serve is decoded by
its shape: nothing in it can be twice, unknown, missing or misspelt, and it is its own document. Any other text
is read key by key, which is slower and knows what to say.

Nothing here knows a file, a page or a book.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from tollbook import limits
from tollbook.billing.model import Invoice, InvoiceItem, PayItem, TaxItem
from tollbook.errors import Flaw
from tollbook.query.fields import INVOICES, Field, Kind
from tollbook.query.records import READERS, encode_json, wire_record
from tollbook.query.strict_json import parse_json

_ELEMENTS: dict[str, type] = {"invoice_items": InvoiceItem, "pay_items": PayItem, "tax_items": TaxItem}
_REMEMBERED = 1 << 15  # distinct values of a kind whose reading is remembered: dates and words repeat
_RELATED = frozenset(field.name for field in INVOICES.related)


class BadRecord(Exception):
    """A record that is not an invoice, and why: one flaw for each wrong attribute."""

    def __init__(self, flaws: list[Flaw]) -> None:
        super().__init__(flaws)
        self.flaws = flaws


class Read(NamedTuple):
    """An invoice, the JSON it will be served as, and the undocumented attributes that were dropped."""

    invoice: Invoice
    document: bytes
    unknown: Counter[str]


def read_invoice(text: bytes) -> Read:
    """The invoice in a JSON text; `BadRecord` says what is wrong with it.

    A `partner` sub-object, as `with_related=true` gives it, is let go: the book knows its partners.
    """
    if (invoice := as_served(text)) is not None:
        return Read(invoice, text, Counter())
    try:
        record = parse_json(text)
    except ValueError as error:
        raise BadRecord([Flaw(None, str(error))]) from None
    return read_record(record)


def read_record(record: Any) -> Read:
    """The invoice in a decoded JSON value whose numbers kept their digits; `BadRecord` otherwise."""
    if not isinstance(record, Mapping):
        raise BadRecord([Flaw(None, "expected an object, the invoice")])
    reading = _Reading()
    values = reading.values(record, INVOICES.fields, "")
    if reading.flaws:
        raise BadRecord(reading.flaws)
    invoice = Invoice(**values)
    document = encode_json(wire_record(INVOICES.fields, lambda name: getattr(invoice, name)))
    for name in _RELATED:
        del reading.unknown[name]
    return Read(invoice, document, reading.unknown)


class _Reading:
    """Takes attributes one by one and keeps every flaw."""

    def __init__(self) -> None:
        self.flaws: list[Flaw] = []
        self.unknown: Counter[str] = Counter()

    def values(self, record: Mapping[str, Any], fields: tuple[Field, ...], place: str) -> dict[str, Any]:
        """The inside value of each attribute; `place` goes before the names in what is said."""
        known = {field.name: self._value(record, field, f"{place}{field.name}") for field in fields}
        for name in record.keys() - known.keys():
            self.unknown[_without_index(place) + name] += 1
        return known

    def _value(self, record: Mapping[str, Any], field: Field, place: str) -> Any:
        value = record.get(field.name)
        if value is None:
            if field.name not in record and not field.absent:
                self.flaws.append(Flaw(place, "is missing"))
            elif not field.null:
                self.flaws.append(Flaw(place, "cannot be null"))
            return None
        if field.kind is Kind.ROWS:
            return self._rows(value, field, place)
        try:
            return READERS[field.kind](value)
        except ValueError as error:
            self.flaws.append(Flaw(place, str(error)))
            return None

    def _rows(self, value: Any, field: Field, place: str) -> tuple[Any, ...]:
        if not isinstance(value, list):
            self.flaws.append(Flaw(place, "expected an array of objects"))
            return ()
        if len(value) > limits.CHILD_ROWS_MAX:
            self.flaws.append(Flaw(place, f"expected at most {limits.CHILD_ROWS_MAX} elements"))
            return ()
        rows = (self._row(element, field, f"{place}[{index}]") for index, element in enumerate(value))
        return tuple(row for row in rows if row is not None)

    def _row(self, element: Any, field: Field, place: str) -> Any:
        if not isinstance(element, Mapping):
            self.flaws.append(Flaw(place, "expected an object"))
            return None
        sound = len(self.flaws)
        values = self.values(element, field.parts, f"{place}.")
        return _ELEMENTS[field.name](**values) if len(self.flaws) == sound else None


def _without_index(place: str) -> str:
    """`invoice_items[2].` as `invoice_items.`, so that an unknown name is counted once for all elements."""
    name, bracket, rest = place.partition("[")
    return name + rest.partition("]")[2] if bracket else place


# The quick way. The shapes below are the catalogue's, with the wire's types.

_SHAPE: dict[Kind, Any] = {Kind.INTEGER: int, Kind.BOOLEAN: bool}


def _shape(name: str, fields: tuple[Field, ...]) -> Any:
    """A struct that decodes and encodes a record as the wire has it."""
    return msgspec.defstruct(name, [_shape_of(field) for field in fields], kw_only=True, gc=False)


def _shape_of(field: Field) -> Any:
    if field.kind is Kind.ROWS:
        return field.name, list[_shape(field.name, field.parts)]  # type: ignore[misc]
    kind = _SHAPE.get(field.kind, str)
    if field.absent:
        return field.name, kind | msgspec.UnsetType, msgspec.UNSET
    return field.name, kind | None if field.null else kind


def _in_reach(value: int) -> int:
    if abs(value) >= 10**limits.INTEGER_DIGITS_MAX:
        raise ValueError("beyond the digits that a whole number may have")
    return value


def _same(value: Any) -> Any:
    return value


_QUICK: dict[Kind, Callable[[Any], Any]] = {
    kind: lru_cache(_REMEMBERED)(reader) for kind, reader in READERS.items()
} | {Kind.INTEGER: _in_reach, Kind.BOOLEAN: _same, Kind.SID: READERS[Kind.SID]}


def _of_shape(fields: tuple[Field, ...], noun: type) -> Callable[[Any], Any]:
    """What makes a noun of a decoded shape; it raises ValueError for a value that is not canonical."""
    readers = [(field.name, _reader(field)) for field in fields]

    def make(shape: Any) -> Any:
        return noun(**{name: read(getattr(shape, name)) for name, read in readers})

    return make


def _reader(field: Field) -> Callable[[Any], Any]:
    if field.kind is Kind.ROWS:
        element = _of_shape(field.parts, _ELEMENTS[field.name])
        return lambda rows: tuple([element(row) for row in rows])
    read = _QUICK[field.kind]
    if field.absent or field.null:
        return lambda value: None if value is None or value is msgspec.UNSET else read(value)
    return read


_decode = msgspec.json.Decoder(_shape("Invoice", INVOICES.fields)).decode
_invoice = _of_shape(INVOICES.fields, Invoice)


def as_served(text: bytes) -> Invoice | None:
    """The invoice of a text that is exactly what would be served for it; None for any other text."""
    try:
        shape = _decode(text)
        if encode_json(shape) != text:
            return None
        invoice: Invoice = _invoice(shape)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    if any(len(getattr(invoice, name)) > limits.CHILD_ROWS_MAX for name in _ELEMENTS):
        return None
    return invoice
