"""Invoices as the lines that an import reads."""

import io
import json
from collections.abc import Iterable
from typing import Any

from tollbook.billing.model import Invoice
from tollbook.mediation.json_files import pieces
from tollbook.operations.exporting import export_invoices
from tollbook.operations.importing import Report, import_invoices
from tollbook.query.fields import INVOICES
from tollbook.store import Store
from tollbook.store.nouns import document


def line(invoice: Invoice, **changes: Any) -> bytes:
    """An invoice as NDJSON has it, with attributes of its JSON changed or, with `...`, left out."""
    record = json.loads(document(INVOICES, invoice)) | changes
    return json.dumps({name: value for name, value in record.items() if value is not ...}).encode() + b"\n"


def take(store: Store, lines: Iterable[bytes], **options: Any) -> Report:
    """Import lines as one file."""
    return import_invoices(store, pieces("f", io.BytesIO(b"".join(lines))), **options)


def exported(store: Store, partner_sid: str | None = None) -> bytes:
    """The export of a book."""
    file = io.BytesIO()
    export_invoices(store, file, partner_sid=partner_sid)
    return file.getvalue()
