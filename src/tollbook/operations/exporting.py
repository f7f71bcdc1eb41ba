"""Invoices out of the book: NDJSON, one document a line, exactly as served, in the order of the key.

The order is the same whenever and wherever it is done, so that two books can be compared by their exports.
"""

from collections.abc import Callable
from typing import BinaryIO

from tollbook.store import Store


def export_invoices(
    store: Store, file: BinaryIO, *, partner_sid: str | None = None, watch: Callable[[int], None] = lambda done: None
) -> int:
    """Write all invoices of the book, or of one partner, from one snapshot; how many they are."""
    written = 0
    with store.reading() as book:
        for document in book.invoice_documents(partner_sid):
            file.write(document + b"\n")
            written += 1
            if written % 1000 == 0:
                watch(written)
    return written
