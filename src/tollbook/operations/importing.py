"""Invoices into the book, kept verbatim: all of them, or with `keep_going` all that are good.

An invoice that is known by its sid is replaced; one of another partner, one that was computed here, or one of a
partner that is billed here by now, is a bad record. A partner that the book does not know is made beneath the operator
or a partner of choice, and is not billed. Every bad record is counted, the first of them are kept with place, field
and reason.
"""

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import NamedTuple

from tollbook import errors, limits
from tollbook.billing.model import Invoice
from tollbook.billing.periods import day_of
from tollbook.billing.scopes import PARTNER_SCOPES
from tollbook.errors import Flaw, Refusal
from tollbook.mediation.json_files import Piece, Place
from tollbook.operations.invoice_records import BadRecord, Read, read_invoice
from tollbook.operations.partners import new_partner
from tollbook.store import Standing, Store, Writes

ORIGIN = "imported"


class Bad(NamedTuple):
    """One thing that is wrong with a record: where it stands, the attribute (or None), and the reason."""

    place: Place
    field: str | None
    reason: str


@dataclass(slots=True)
class Report:
    """What an import did. `bad` holds the first bad records' flaws; `bad_records` counts all."""

    read: int = 0
    new: int = 0
    replaced: int = 0
    bad_records: int = 0
    bad: list[Bad] = field(default_factory=list)
    unknown: Counter[str] = field(default_factory=Counter)
    partners: list[str] = field(default_factory=list)

    @property
    def written(self) -> int:
        """How many invoices are in the book because of this import."""
        return self.new + self.replaced

    def count(self, done: "Importing") -> None:
        """Add what a transaction wrote, once it is on disk."""
        self.new += done.new
        self.replaced += done.replaced
        self.partners += done.partners

    def refuse(self, place: Place, flaws: Iterable[Flaw]) -> None:
        """Count a bad record and keep its flaws, while there is room."""
        self.bad_records += 1
        room = limits.IMPORT_ERRORS_SHOWN_MAX - len(self.bad)
        self.bad += [Bad(place, flaw.field, flaw.message) for flaw in islice(flaws, room)]


class Good(NamedTuple):
    """An invoice that was read, and where it stood."""

    place: Place
    read: Read


def import_invoices(
    store: Store,
    found: Iterable[Piece],
    report: Report | None = None,
    *,
    keep_going: bool = False,
    under: str | None = None,
) -> Report:
    """Write the invoices among the records found; the report tells what is on disk and what is bad.

    A report that is given is kept up to date, for who wants to know how far it came.

    All is one transaction, and nothing is written if one record is bad; with `keep_going` each batch is a
    transaction, and whatever is good is written.
    """
    store.expect_much(limits.IMPORT_CACHE_KIB, limits.IMPORT_LOG_PAGES)
    report = report or Report()
    batches = _batches(report, found)
    if keep_going:
        for batch in batches:
            _write(store, report, under, chain([batch], _for_a_while(batches)))
        return report
    first = next(batches, [])  # read before the lock is taken: a short import never waits for its input with it
    with suppress(_NothingWritten):
        _write(store, report, under, chain([first], batches), all_or_nothing=True)
    return report


def _write(
    store: Store, report: Report, under: str | None, batches: Iterable[list[Good]], *, all_or_nothing: bool = False
) -> None:
    """Write batches in one transaction, and count them once they are on disk."""
    with store.writing() as act:
        importing = Importing(act, report, under)
        for batch in batches:
            importing.write(batch)
        if all_or_nothing and report.bad_records:
            raise _NothingWritten
    report.count(importing)


def _for_a_while(batches: Iterator[list[Good]]) -> Iterator[list[Good]]:
    """Batches until a transaction is old enough to end: another writer waits no longer than that."""
    end = time.monotonic() + limits.IMPORT_COMMIT_SECONDS
    while time.monotonic() < end and (batch := next(batches, None)):
        yield batch


class _NothingWritten(Exception):
    """Thrown to roll an import back."""


def _batches(report: Report, found: Iterable[Piece]) -> Iterator[list[Good]]:
    good = read_pieces(report, found)
    while batch := list(islice(good, limits.IMPORT_BATCH)):
        yield batch


def read_pieces(report: Report, found: Iterable[Piece]) -> Iterator[Good]:
    """The invoices among the records found; the bad ones go to the report."""
    for piece in found:
        report.read += 1
        if piece.flaw:
            report.refuse(piece.place, [Flaw(None, piece.flaw)])
            continue
        try:
            read = read_invoice(piece.text)
        except BadRecord as bad:
            report.refuse(piece.place, bad.flaws)
            continue
        if read.unknown:
            report.unknown += read.unknown
        yield Good(piece.place, read)


class Settled(NamedTuple):
    """Invoices that the book takes, and how many of them it knows already."""

    reads: list[Read]
    known: int


class Importing:
    """One transaction of an import: checks each invoice against the book, makes its partner, writes it."""

    def __init__(self, act: Writes, report: Report, under: str | None) -> None:
        self.new = 0
        self.replaced = 0
        self.partners: list[str] = []
        self._act = act
        self._report = report
        self._above = _above(act, under)
        self._met: set[str] = set()
        self._flaws: dict[str, Flaw | None] = {}

    def write(self, batch: list[Good]) -> None:
        """Write what is good of a batch."""
        self.put(self.settle(batch))

    def settle(self, batch: list[Good]) -> Settled:
        """What of a batch can be written; an invoice that stands in it twice is taken as it stands last."""
        reads: dict[str, Read] = {}
        known: set[str] = set()
        for place, read in batch:
            sid = read.invoice.invoice_sid
            standing = _standing(reads[sid]) if sid in reads else self._act.standing(sid)
            flaw = (_conflict(read.invoice, standing) if standing else None) or self._begun(read.invoice.partner_sid)
            if flaw:
                self._report.refuse(place, [flaw])
                continue
            if standing and sid not in reads:
                known.add(sid)
            reads[sid] = read
        return Settled(list(reads.values()), len(known))

    def _begun(self, partner_sid: str) -> Flaw | None:
        """Why a partner's invoices can be imported no more: its first computed one holds on to those before it."""
        if partner_sid not in self._flaws:
            billing = self._act.billing(partner_sid)
            why = "is billed here since {}: what came before is settled, and no invoice of it can be imported any more"
            self._flaws[partner_sid] = Flaw("partner_sid", why.format(day_of(billing.begins))) if billing else None
        return self._flaws[partner_sid]

    def put(self, settled: Settled) -> None:
        """Write what was settled."""
        # In the order of the key: what lies together is written together, wherever it stood in the file.
        reads = sorted(settled.reads, key=lambda read: (read.invoice.partner_sid, read.invoice.date_created))
        invoices = [read.invoice for read in reads]
        for invoice in invoices:
            self._meet(invoice.partner_sid)
        self._act.put_invoices(invoices, ORIGIN, [read.document for read in reads])
        self.replaced += settled.known
        self.new += len(invoices) - settled.known

    def _meet(self, sid: str) -> None:
        """Make the partner with that sid unless the book has it."""
        if sid in self._met:
            return
        self._met.add(sid)
        if not self._act.is_beneath(sid, sid):
            values = {"name": f"Partner {sid[:8]}", "parent_sid": self._above, "available_scopes": PARTNER_SCOPES}
            self._act.add_partner(new_partner(self._act, partner_sid=sid, **values))
            self.partners.append(sid)


def _above(act: Writes, under: str | None) -> str:
    """The partner beneath which unknown ones are made."""
    operator = act.operator_sid()
    if under is None:
        return operator
    if not act.is_beneath(operator, under):
        raise Refusal(errors.ITEM_UNKNOWN, Flaw("under", f"the book has no partner {under}"))
    if act.depth(under) >= limits.TREE_DEPTH_MAX:
        raise Refusal(errors.OBJECT_INVALID, Flaw("under", f"more than {limits.TREE_DEPTH_MAX} levels of partners"))
    return under


def _standing(read: Read) -> Standing:
    return Standing(read.invoice.partner_sid, ORIGIN)


def _conflict(invoice: Invoice, standing: Standing) -> Flaw | None:
    """Why an invoice cannot take the place of the one that the book has under its sid; None if it can."""
    if standing.partner_sid != invoice.partner_sid:
        return Flaw("invoice_sid", "is known in this book as an invoice of another partner")
    if standing.origin == "computed":
        return Flaw("invoice_sid", "is known in this book as a computed invoice, which an import cannot replace")
    return None
