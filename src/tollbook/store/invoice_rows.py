"""An invoice as rows: the statements that write one and the parameters they take, made once from the catalogue."""

from collections.abc import Iterator
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
_BY_KEY = "ORDER BY partner_sid, invoice_sid"
SELECT_INVOICES: Final = f"SELECT partner_sid, invoice_sid, {', '.join(_SCALARS)} FROM invoice {_BY_KEY}"
DOCUMENT_OF_INVOICE: Final = (
    "(SELECT d.document FROM invoice_document d WHERE d.partner_sid = r.partner_sid"
    " AND d.date_created = r.date_created AND d.invoice_sid = r.invoice_sid)"
)
"""The document of the invoice `r`, as a column."""

SELECT_DOCUMENTS: Final = f"SELECT partner_sid, invoice_sid, {DOCUMENT_OF_INVOICE} FROM invoice r {_BY_KEY}"
INSERT_DOCUMENT: Final = (
    "INSERT INTO invoice_document VALUES (?, ?, ?, ?)"
    " ON CONFLICT (partner_sid, date_created, invoice_sid) DO UPDATE SET document = excluded.document"
)


def _insert_children(table: Field) -> str:
    names = [part.name for part in table.parts]
    marks = ", ".join("?" * (len(names) + 3))
    return f"INSERT INTO {table.name} (partner_sid, invoice_sid, position, {', '.join(names)}) VALUES ({marks})"


INSERT_CHILDREN: Final = {table.name: _insert_children(table) for table in _ROWS}
"""The statement for the rows of each array, by the array's name, which is its table's too."""


def _select_children(table: Field) -> str:
    names = ", ".join(part.name for part in table.parts)
    return f"SELECT partner_sid, invoice_sid, position, {names} FROM {table.name} {_BY_KEY}, position"


SELECT_CHILDREN: Final = {table.name: _select_children(table) for table in _ROWS}
"""All rows of each array's table in the order of the key, as `INSERT_CHILDREN` takes them."""

_parts = {table.name: attrgetter(*(part.name for part in table.parts)) for table in _ROWS}


def document_row(invoice: Invoice, document: bytes) -> tuple[Any, ...]:
    """The parameters of `INSERT_DOCUMENT`."""
    return (invoice.partner_sid, invoice.date_created, invoice.invoice_sid, document)


def invoice_row(invoice: Invoice, origin: str) -> tuple[Any, ...]:
    """The parameters of `INSERT_INVOICE`."""
    return (*_scalars(invoice), origin)


def child_rows(table: str, invoice: Invoice) -> Iterator[tuple[Any, ...]]:
    """The parameters of `INSERT_CHILDREN[table]`, once for each element of an invoice's array."""
    key = (invoice.partner_sid, invoice.invoice_sid)
    parts = _parts[table]
    for position, element in enumerate(getattr(invoice, table)):
        yield (*key, position, *parts(element))
