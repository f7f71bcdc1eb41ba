"""`check`: what is served and counted agrees with the rows, and the rows with the laws; `repair` makes it so.

The rows are the truth. Documents, counters, balances, the directory and the partner tree follow from them and can
be made anew; a row that breaks a law, or the file itself, cannot be mended here.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from tollbook import limits
from tollbook.errors import Refusal
from tollbook.money import format_amount
from tollbook.operations.invoice_records import BadRecord, read_invoice
from tollbook.query.fields import INVOICES, Kind
from tollbook.query.records import decode_json
from tollbook.query.rendering import renderer
from tollbook.store import Reads, Store, Stored
from tollbook.store.invoice_rows import Key
from tollbook.store.nouns import document

_render = renderer(INVOICES.fields)


class Finding(NamedTuple):
    """One thing that is wrong: what it is about, whose (a sid, or nothing), and what is wrong."""

    about: str
    sid: str
    problem: str
    repairable: bool


@dataclass(slots=True)
class Audited:
    """What a check found: the invoices looked at, the first findings, and how many of each kind in all."""

    invoices: int = 0
    findings: list[Finding] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    documents: list[Key] = field(default_factory=list)
    """The keys of the documents to be made anew or dropped."""

    def add(self, finding: Finding) -> None:
        """Count a finding and keep it, while there is room."""
        self.counts[finding.about] = self.counts.get(finding.about, 0) + 1
        if len(self.findings) < limits.FINDINGS_SHOWN_MAX:
            self.findings.append(finding)

    @property
    def total(self) -> int:
        """How many findings there are."""
        return sum(self.counts.values())


Watch = Callable[[int, int | None], None]
"""Told now and then how many invoices were looked at, of how many."""


def check_book(store: Store, watch: Watch = lambda done, total: None, *, thorough: bool = False) -> Audited:
    """Verify a whole book in one snapshot; `thorough` also compares every index with its table."""
    audited = Audited()
    with store.reading() as book:
        damage = [Finding("file", "", line, False) for line in book.damage(thorough=thorough)]
        for finding in damage:
            audited.add(finding)
        if damage:
            return audited  # what a damaged file says of itself is worth nothing
        total = book.count_invoices()
        for stored in book.stored_invoices():
            audited.invoices += stored.row is not None
            for finding in _of_invoice(book, stored, audited):
                audited.add(finding)
            if audited.invoices % 1000 == 0:
                watch(audited.invoices, total)
        for finding in _of_book(book):
            audited.add(finding)
    return audited


def repair_book(store: Store, audited: Audited) -> None:
    """Make anew what follows from the rows, in one transaction; a check afterwards shows what is left."""
    with store.writing() as act:
        for key in audited.documents:
            try:
                act.put_document(act.invoice_at(key))
            except Refusal:
                act.drop_document(key)
        act.rebuild_directory()
        act.rebuild_counters()
        act.rebuild_balances()
        act.replace_tree(sorted(_tree(act.parents())))


def _of_invoice(book: Reads, stored: Stored, audited: Audited) -> Iterator[Finding]:
    """What is wrong with one invoice. Nearly always nothing, and that is found without looking twice."""
    if stored.row is None:
        if stored.document is not None:
            audited.documents.append(stored.key)
            yield Finding("document", stored.key[-1], "belongs to no invoice", True)
        for table, rows in stored.children.items():
            if rows:
                yield Finding(table, stored.key[-1], f"{len(rows)} rows belong to no invoice", False)
        return
    if _served(stored) == stored.document:
        return
    invoice = book.invoice_at(stored.key)
    made = document(INVOICES, invoice)
    if made != stored.document:
        audited.documents.append(stored.key)
        yield Finding("document", stored.key[-1], _difference(made, stored.document), True)
    yield from _against_the_laws(stored.key[-1], made)


def _served(stored: Stored) -> bytes | None:
    """What the rows of an invoice make; None where a value breaks law 11."""
    scalars = iter((stored.row or ())[3:])
    children = stored.children
    values = [
        [row[4:] for row in children[field.name]] if field.kind is Kind.ROWS else next(scalars)
        for field in INVOICES.fields
    ]
    try:
        return _render(values)
    except ValueError:
        return None


def _against_the_laws(sid: str, made: bytes) -> Iterator[Finding]:
    """Law 11: what the rows make reads back as it is written."""
    try:
        read_invoice(made)
    except BadRecord as bad:
        yield from (Finding("law 11", sid, f"{flaw.field}: {flaw.message}", False) for flaw in bad.flaws)


def _difference(made: bytes, found: bytes | None) -> str:
    """Which attributes of a document are not what the rows make."""
    if found is None:
        return "is missing"
    try:
        shown = decode_json(found)
    except ValueError:
        shown = None
    if not isinstance(shown, dict):
        return "is not JSON"
    right = decode_json(made)
    names = sorted(name for name in right.keys() | shown.keys() if right.get(name) != shown.get(name))
    return f"differs from the rows in {', '.join(names)}" if names else "is not written as it would be served"


def _of_book(book: Reads) -> Iterator[Finding]:
    for partner_sid, status, counted, found in book.wrong_counters():
        yield Finding("counter", partner_sid, f"{counted} invoices with status {status} counted, {found} there", True)
    for partner_sid, has, found in book.wrong_balances():
        problem = f"is {format_amount(has)}, the current invoice makes it {format_amount(found)}"
        yield Finding("balance", partner_sid, problem, True)
    for *_, sid in book.not_in_directory():
        yield Finding("directory", sid, "does not lead to the invoice", True)
    for *_, sid in book.only_in_directory():
        yield Finding("directory", sid, "leads to no invoice", True)
    for sid in book.invoiced_strangers():
        yield Finding("partner", sid, "has invoices and is not in the book", False)
    yield from _of_tree(book)


def _of_tree(book: Reads) -> Iterator[Finding]:
    parents = book.parents()
    roots = sorted(sid for sid, parent in parents.items() if parent is None)
    if len(roots) != 1:
        yield Finding("partner", ", ".join(roots), f"{len(roots)} partners have nobody above them, not one", False)
    stored, right = book.tree(), _tree(parents)
    for ancestor, descendant, depth in sorted(stored ^ right):
        problem = "is missing" if (ancestor, descendant, depth) in right else "should not be"
        yield Finding("partner tree", descendant, f"the entry beneath {ancestor} at depth {depth} {problem}", True)


def _tree(parents: dict[str, str | None]) -> set[tuple[str, str, int]]:
    """Every partner's ancestors with their distance, itself included; a circle is followed once around."""
    return {entry for sid in parents for entry in _line(sid, parents)}


def _line(sid: str, parents: dict[str, str | None]) -> Iterable[tuple[str, str, int]]:
    above: str | None = sid
    met: set[str] = set()
    while above is not None and above not in met:
        yield above, sid, len(met)
        met.add(above)
        above = parents.get(above)
