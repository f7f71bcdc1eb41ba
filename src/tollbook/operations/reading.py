"""Lists and single records, as they are answered: one snapshot for page, total and related partners."""

from collections.abc import Callable
from typing import NamedTuple

from tollbook.billing.ledger import Payment
from tollbook.billing.model import Caller, Invoice, Partner, Sight, Token
from tollbook.clock import SECOND_MS
from tollbook.operations.adjusting import Adjustment
from tollbook.operations.sights import sight_of
from tollbook.query.adjustments import ADJUSTMENT_FIELDS
from tollbook.query.fields import INVOICES, PARTNERS, PAYMENTS, TOKENS, Resource
from tollbook.query.listing import ListQuery, View
from tollbook.query.projection import Projection
from tollbook.query.records import decode_json, encode_json, wire_record
from tollbook.store import Reads, Row, Store, cursor_of, is_one_statement


class Listed(NamedTuple):
    """One page, ready to be sent: its records' JSON, the cursors of its edges, the exact total where it is counted."""

    documents: list[bytes]
    first: str | None
    last: str | None
    total: int | None
    has_next: bool
    has_previous: bool
    archived_before: int | None = None
    """Detail records from before this instant may be archived, and are not on the page."""


def list_records(store: Store, caller: Caller, query: ListQuery) -> Listed:
    """The page that a list asks for, within the caller's sight."""
    sight = sight_of(caller, query.resource)
    with store.reading(snapshot=not is_one_statement(query, sight)) as book:
        return listed(book, sight, query)


def list_usage(store: Store, caller: Caller, invoice_sid: str, query: ListQuery) -> Listed:
    """The page that is asked for of the records behind an invoice; 404 where that is out of the caller's sight."""
    with store.reading() as book:
        return listed(book, _behind(book, sight_of(caller, INVOICES), invoice_sid), query)


def _behind(book: Reads, sight: Sight, invoice_sid: str) -> Sight:
    """The sight of what is on an invoice: within its own period and those of its items, which late usage brings."""
    partner_sid = book.record(INVOICES, sight, invoice_sid).partner_sid
    invoice = book.invoice(invoice_sid)
    items = invoice.invoice_items
    start = min([invoice.date_billing_period_start, *(item.date_billing_period_start for item in items)])
    end = max([invoice.date_billing_period_end, *(item.date_billing_period_end for item in items)]) + SECOND_MS
    return Sight("invoice", partner_sid, invoice_sid, start, end)


def listed(book: Reads, sight: Sight, query: ListQuery) -> Listed:
    """The page that a list asks for, within a sight."""
    page = book.page(sight, query)
    edges = (page.rows[0], page.rows[-1]) if page.rows else ()
    first, last = (cursor_of(query.resource, row, sight.partner_sid) for row in edges) if edges else (None, None)
    archived_before = book.archived_before() if query.resource.within else None
    documents = shown(book, page.rows, query)
    return Listed(documents, first, last, page.total, page.has_next, page.has_previous, archived_before)


def get_record(store: Store, caller: Caller, resource: Resource, sid: str, view: View) -> bytes:
    """One record's JSON; 404 where there is none in the caller's sight."""
    with store.reading() as book:
        row = book.record(resource, sight_of(caller, resource), sid)
        return shown(book, [row], view)[0]


def shown(book: Reads, rows: list[Row], view: ListQuery | View) -> list[bytes]:
    """The JSON of records in sight, with their partners and cut down as is asked."""
    documents = [row.document for row in rows]
    if view.with_related and rows:
        partners = book.partner_documents(row.partner_sid for row in rows)
        documents = [embed_partner(row.document, partners[row.partner_sid]) for row in rows]
    return list(map(projector(view.projection), documents)) if view.projection else documents


def embed_partner(document: bytes, partner: bytes) -> bytes:
    """A record's JSON with its partner's in its alphabetical place, before `partner_sid`.

    The first `,"partner_sid":` is the record's own: within a text a quote stands behind a backslash.

    >>> embed_partner(b'{"paid":false,"partner_sid":"x"}', b'{"name":"A"}')
    b'{"paid":false,"partner":{"name":"A"},"partner_sid":"x"}'
    """
    before, mark, after = document.partition(b',"partner_sid":')
    return b"".join((before, b',"partner":', partner, mark, after))


def projector(projection: Projection) -> Callable[[bytes], bytes]:
    """What cuts a record's JSON down to a projection."""
    return lambda document: encode_json(projection.apply(decode_json(document)))


def show_partner(partner: Partner, projection: Projection | None = None) -> bytes:
    """A partner's JSON."""
    record = wire_record(PARTNERS.fields, lambda name: getattr(partner, name))
    return encode_json(projection.apply(record) if projection else record)


def show_payment(payment: Payment) -> bytes:
    """A payment's JSON."""
    return encode_json(wire_record(PAYMENTS.fields, lambda name: getattr(payment, name)))


def show_adjustment(adjustment: Adjustment) -> bytes:
    """An adjustment's JSON."""
    return encode_json(wire_record(ADJUSTMENT_FIELDS, lambda name: getattr(adjustment, name)))


def show_invoice(invoice: Invoice) -> bytes:
    """An invoice's JSON."""
    return encode_json(wire_record(INVOICES.fields, lambda name: getattr(invoice, name)))


def show_token(token: Token) -> bytes:
    """A new token's JSON, this once with its secrets."""
    record = wire_record(TOKENS.fields, lambda name: getattr(token, name))
    return encode_json(record | {"access_token": token.access_token, "refresh_token": token.refresh_token})


def show_identity(store: Store, caller: Caller) -> bytes:
    """The token in use with its partner; with a password instead of a token, the same keys with nulls."""
    with store.reading() as book:
        if caller.token_sid:
            document = book.record(TOKENS, Sight("own", caller.partner_sid), caller.token_sid).document
        else:
            known = {"partner_sid": caller.partner_sid, "scopes": sorted(caller.scopes), "token_type": "basic"}
            document = encode_json({field.name: known.get(field.name) for field in TOKENS.fields})
        return embed_partner(document, book.partner_documents([caller.partner_sid])[caller.partner_sid])
