"""The hash chain: what a closed invoice's hash covers, and how it and the journal hold on to what came before.

SHA-256 over canonical bytes: JSON with its keys in alphabetical order, no spaces, UTF-8, money and instants as the
wire shows them. So whoever keeps the invoices that the API served can walk the chain without this program. Each
partner has a chain of invoices and one of journal entries. Imported invoices are outside: the first computed one
chains to a digest of them.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

NOT_COVERED: Final = frozenset(("status", "paid", "date_charged"))
"""What may change after the close; it follows from the journal, which is chained likewise."""

NOTHING: Final = bytes(32)
"""What a first link holds on to."""

_INVOICE: Final = b"tollbook invoice 1\n"
_JOURNAL: Final = b"tollbook journal 1\n"
_IMPORTED: Final = b"tollbook imported 1\n"
_encode = msgspec.json.Encoder(order="deterministic").encode


class JournalEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One move: its place in the partner's journal, of which invoice (None: of the partner), when, who and why."""

    partner_sid: str
    position: int
    invoice_sid: str | None
    move: str
    date: int
    who: str
    why: str | None = None


def canonical(record: Mapping[str, Any]) -> bytes:
    """The bytes that an invoice's hash covers, from its wire form; ValueError for a float or a missing key.

    `partner`, which only an answer can embed, is no part of an invoice.
    """
    if not record.keys() >= NOT_COVERED:
        raise ValueError("expected an invoice's wire form")
    covered = {key: value for key, value in record.items() if key not in NOT_COVERED and key != "partner"}
    if _holds_float(covered):
        raise ValueError("a float cannot be hashed: money is text")
    return _encode(covered)


def invoice_hash(record: Mapping[str, Any], previous: bytes) -> bytes:
    """The 32 bytes of a closed invoice, given its wire form and its predecessor's hash."""
    return _link(_INVOICE, previous, canonical(record))


def imported_digest(records: Iterable[Mapping[str, Any]]) -> bytes:
    """What the first computed invoice holds on to: a digest of the imported ones, oldest first; 32 zeros for none."""
    digest = NOTHING
    for record in records:
        digest = _link(_IMPORTED, digest, canonical(record))
    return digest


def journal_hash(entry: JournalEntry, previous: bytes) -> bytes:
    """The 32 bytes of a journal entry, given those of the entry before."""
    return _link(_JOURNAL, previous, _encode(entry))


def _link(domain: bytes, previous: bytes, covered: bytes) -> bytes:
    return hashlib.sha256(domain + previous + covered).digest()


def _holds_float(value: Any) -> bool:
    if isinstance(value, str):
        return False
    if isinstance(value, dict):
        return any(map(_holds_float, value.values()))
    return any(map(_holds_float, value)) if isinstance(value, list | tuple) else isinstance(value, float)
