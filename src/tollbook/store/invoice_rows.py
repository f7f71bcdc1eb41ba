"""An invoice as rows: the statements that write one and the parameters they take, made once from the catalogue."""

from collections.abc import Iterable, Iterator
from operator import attrgetter
from typing import Any, Final

from tollbook.billing.model import Invoice
from tollbook.query.fields import INVOICES, Field, Kind

_SCALARS = tuple(field.name for field in INVOICES.scalars)
_scalars = attrgetter(*_SCALARS)
_ROWS = tuple(field for field in INVOICES.fields if field.kind is Kind.ROWS)

INSERT_INVOICE: Final = (
    f"INSERT INTO invoice ({', '.join(_SCALARS)}, origin) VALUES ({', '.join('?' * (len(_SCALARS) + 1))})"
)
_KEY = "partner_sid, invoice_created, invoice_sid"
OF_INVOICE: Final = "partner_sid = ? AND invoice_created = ? AND invoice_sid = ?"
"""The condition that a row beside invoices belongs to the one of a key."""


def beside(table: str) -> str:
    """The condition that a row of `table` belongs to the invoice `r`."""
    return (
        f"{table}.partner_sid = r.partner_sid AND {table}.invoice_created = r.date_created"
        f" AND {table}.invoice_sid = r.invoice_sid"
    )


BY_SID: Final = "SELECT partner_sid, invoice_created FROM directory WHERE sid = ?"
"""The rest of the key of an invoice's sid. It is asked for by itself: the directory lies elsewhere than invoices do."""

DOCUMENT_OF_INVOICE: Final = f"(SELECT d.document FROM invoice_document d WHERE {beside('d')})"
"""The document of the invoice `r`, as a column."""

INSERT_DOCUMENT: Final = (
    f"INSERT INTO invoice_document VALUES (?, ?, ?, ?) ON CONFLICT ({_KEY}) DO UPDATE SET document = excluded.document"
)


def _insert_children(table: Field) -> str:
    names = [part.name for part in table.parts]
    marks = ", ".join("?" * (len(names) + 4))
    return f"INSERT INTO {table.name} ({_KEY}, position, {', '.join(names)}) VALUES ({marks})"


INSERT_CHILDREN: Final = {table.name: _insert_children(table) for table in _ROWS}
"""The statement for the rows of each array, by the array's name, which is its table's too."""


def _put_children(table: Field) -> str:
    changes = ", ".join(f"{part.name} = excluded.{part.name}" for part in table.parts)
    return f"{INSERT_CHILDREN[table.name]} ON CONFLICT ({_KEY}, position) DO UPDATE SET {changes}"


PUT_CHILDREN: Final = {table.name: _put_children(table) for table in _ROWS}
"""The same for rows that are there already, or not."""


_parts = {table.name: attrgetter(*(part.name for part in table.parts)) for table in _ROWS}


Key = tuple[str, int, str]
"""An invoice's key: partner, date of creation, sid."""


def key_of(invoice: Invoice) -> Key:
    """The key under which an invoice and what belongs to it lie."""
    return (invoice.partner_sid, invoice.date_created, invoice.invoice_sid)


def document_row(invoice: Invoice, document: bytes) -> tuple[Any, ...]:
    """The parameters of `INSERT_DOCUMENT`."""
    return (*key_of(invoice), document)


def invoice_row(invoice: Invoice, origin: str) -> tuple[Any, ...]:
    """The parameters of `INSERT_INVOICE`."""
    return (*_scalars(invoice), origin)


def child_rows(table: str, invoice: Invoice, places: Iterable[int] | None = None) -> Iterator[tuple[Any, ...]]:
    """The parameters of `INSERT_CHILDREN[table]`, once for each element of an invoice's array, or some of them."""
    key, parts, elements = key_of(invoice), _parts[table], getattr(invoice, table)
    for position in range(len(elements)) if places is None else places:
        yield (*key, position, *parts(elements[position]))
