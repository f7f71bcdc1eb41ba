"""All laws on a whole book, from what lies in it: billing rules 9, but for what only answers can show."""

import math
from collections.abc import Iterator
from typing import Any

from tollbook.billing import laws
from tollbook.billing.chain import NOTHING
from tollbook.billing.composing import credit_items
from tollbook.billing.laws import Broken
from tollbook.billing.ledger import Billing
from tollbook.operations.invoice_records import as_served
from tollbook.query.records import decode_json
from tollbook.store import Reads, Store
from tollbook.store.invoice_rows import key_of

_USAGE = "SELECT coalesce(sum(quantity), 0) FROM event WHERE partner_sid = ?"
_WAITING = f"{_USAGE} AND state <> 'billed'"
_HASHES = "SELECT hash FROM closed_invoice WHERE partner_sid = ? ORDER BY invoice_created"
_REFERENCES = "SELECT provider, reference FROM payment WHERE partner_sid = ? AND reference IS NOT NULL"


def broken_laws(store: Store, minor_decimals: int = 2) -> list[Broken]:
    """Every law that is broken in a book of computed invoices. It takes as long as it takes, as at a terminal."""
    patience, store.read_deadline_seconds = store.read_deadline_seconds, math.inf
    try:
        with store.reading() as book:
            return [each for billing in book.billings() for each in _of_partner(book, billing, minor_decimals)]
    finally:
        store.read_deadline_seconds = patience


def _of_partner(book: Reads, billing: Billing, minor_decimals: int) -> Iterator[Broken]:
    partner_sid = billing.partner_sid
    documents = []
    for document in book.invoice_documents(partner_sid):
        documents.append(decode_json(document))
        if as_served(document) is None:
            yield Broken(11, documents[-1]["invoice_sid"], "is not written as it would be served")
    invoices = [book.invoice(document["invoice_sid"]) for document in documents]
    previous = 0
    for invoice in invoices:
        sums, lines = book.item_sums(key_of(invoice)), credit_items(book.fixed_lines(key_of(invoice)))
        yield from laws.items_law(invoice, sums, lines, minor_decimals)
        yield from laws.taxes_law(invoice)
        yield from laws.balances_law(invoice, previous)
        previous = invoice.balance_forward
    yield from laws.periods_law(invoices)
    yield from laws.numbers_law(invoices)
    yield from laws.paid_law(invoices)
    yield from laws.usage_law(invoices, _one(book, _USAGE, partner_sid), _one(book, _WAITING, partner_sid))
    closed = [document for document in documents if document["status"] != "open"]
    hashes = [hash_ for (hash_,) in book._run(_HASHES, (partner_sid,))]
    yield from laws.chain_law(zip(closed, hashes, strict=True), NOTHING)
    journal = list(book.journal(partner_sid))
    yield from laws.journal_chain_law(journal, NOTHING)
    yield from laws.moves_law(entry for entry, _ in journal)
    yield from laws.references_law(book._run(_REFERENCES, (partner_sid,)))
    if journal and journal[-1][1] != billing.journal_hash:
        yield Broken(6, None, "the journal's last hash is not the partner's")


def _one(book: Reads, select: str, partner_sid: str) -> Any:
    return book._run(select, (partner_sid,)).fetchone()[0]
