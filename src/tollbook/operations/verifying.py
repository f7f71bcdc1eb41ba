"""`check`: what is served and counted agrees with the rows, and the rows with the laws; `mending` makes it so.

The rows are the truth. Documents, counters, balances, the directory and the partner tree follow from them and can
be made anew, as an open invoice follows from its records; what is frozen and breaks a law, or the file itself, cannot
be mended. A large book is shared by several processes, which read one snapshot.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from tollbook import errors, limits
from tollbook.billing.chain import NOTHING, imported_digest
from tollbook.billing.currencies import minor_decimals
from tollbook.billing.ledger import Billing
from tollbook.billing.model import Invoice, InvoiceItem, PayItem, TaxItem
from tollbook.errors import Refusal
from tollbook.money import format_amount
from tollbook.operations import crew
from tollbook.operations.findings import Audited, Finding
from tollbook.operations.invoice_records import BadRecord, read_invoice
from tollbook.operations.proving import Proof, Proved, Start
from tollbook.operations.standing import number_after
from tollbook.query.fields import INVOICES, Kind
from tollbook.query.records import decode_json
from tollbook.query.rendering import renderer
from tollbook.store import Reads, Span, Store, Stored, archive_files
from tollbook.store.auditing import BESIDE_INVOICES
from tollbook.store.nouns import document

_render = renderer(INVOICES.fields)
Watch = Callable[[int, int | None], None]
"""Told now and then how many invoices were looked at, of how many."""


class Task(NamedTuple):
    """A part of a check: some partners with all that is theirs; or, without any, the file and what is everybody's."""

    span: Span | None = None
    thorough: bool = False


def check_book(store: Store, watch: Watch = lambda done, total: None, *, thorough: bool = False) -> Audited:
    """Verify a whole book in one snapshot; `thorough` also compares every index with its table.

    Where that is one of each node, another node's may lack an act: only what a second check finds too is told.
    """
    audited = _checked(store, watch, thorough=thorough)
    if audited.total and store.on_nodes:
        return _checked(store, watch, thorough=thorough).confirming(audited)
    return audited


def _checked(store: Store, watch: Watch, *, thorough: bool) -> Audited:
    with store.reading() as book:
        total = book.count_invoices()
        tasks = [Task(None, thorough), *(Task(span) for span in book.spans(limits.CHECK_PART_INVOICES))]
    if total >= limits.CHECK_ALONE_INVOICES_MAX and crew.processors() > 1:
        try:
            return _together(store, tasks, total, watch)
        except crew.Alone:
            pass
    return _alone(store, tasks, total, watch)


def _alone(store: Store, tasks: Iterable[Task], total: int, watch: Watch) -> Audited:
    audited = Audited()
    with store.reading() as book:
        book.hold_usage()
        for task in tasks:
            audited.take(check_part(book, task, lambda done: watch(audited.invoices + done, total)))
            if "file" in audited.counts:
                break  # what a damaged file says of itself is worth nothing
    return audited


def _together(store: Store, tasks: list[Task], total: int, watch: Watch) -> Audited:
    parts: dict[int, Audited] = {}
    done = 0
    for place, part in crew.shared(store, check_part, tasks):
        parts[place] = part
        if "file" in part.counts:
            return part
        done += part.invoices
        watch(done, total)
    audited = Audited()
    for place in sorted(parts):
        audited.take(parts[place])
    return audited


def check_part(book: Reads, task: Task, watch: Callable[[int], None] = lambda done: None) -> Audited:
    """What is wrong with a part of a book."""
    audited = Audited()
    if task.span is None:
        damage = [Finding("file", "", line, False) for line in book.damage(thorough=task.thorough)]
        for finding in damage or _of_book(book):
            audited.add(finding)
        return audited
    for finding in _of_span(book, task.span, audited, watch):
        audited.add(finding)
    return audited


def _of_span(book: Reads, span: Span, audited: Audited, watch: Callable[[int], None]) -> Iterator[Finding]:
    billings = book.billings_among(span)
    decimals = minor_decimals(book.settings().get("currency", "USD"))
    beside = dict.fromkeys(BESIDE_INVOICES, 0)
    held: _Held | None = None
    for stored in book.stored_invoices(span):
        audited.invoices += 1
        made = _served(stored)
        if made != stored.document:
            yield from _of_invoice(book, stored, audited)
        _count(stored, beside)
        partner_sid = stored.key[0]
        if held is None or held.partner_sid != partner_sid:
            yield from _proved(book, held, billings, audited, decimals)
            held = _Held(partner_sid)
        if stored.origin == "computed" or partner_sid in billings:
            held.take(stored, made)
        if audited.invoices % limits.CHECK_TOLD_INVOICES == 0:
            watch(audited.invoices)
    yield from _proved(book, held, billings, audited, decimals)
    for partner_sid in list(billings):
        yield from _proved(book, _Held(partner_sid), billings, audited, decimals)
    yield from _beside(book, span, beside, audited)
    yield from _counted(book, span)


class _Held:
    """What is kept of a billed partner's invoices until all of them were read."""

    def __init__(self, partner_sid: str) -> None:
        self.partner_sid = partner_sid
        self.made: list[Proved] = []
        self.imported: list[bytes] = []

    def take(self, stored: Stored, made: bytes | None) -> None:
        """Keep an invoice; one that breaks law 11 is told already, and is missed by the others."""
        if made is None:
            return
        if stored.origin == "imported":
            self.imported.append(made)
        else:
            self.made.append(Proved(_noun(stored.values), made))


_CHILDREN: dict[str, type[InvoiceItem | PayItem | TaxItem]] = {
    "invoice_items": InvoiceItem,
    "pay_items": PayItem,
    "tax_items": TaxItem,
}


def _noun(values: list[Any]) -> Invoice:
    found = dict(zip((field.name for field in INVOICES.fields), values, strict=True))
    for name, shape in _CHILDREN.items():
        found[name] = tuple(shape(**dict(zip(shape.__struct_fields__, row, strict=True))) for row in found[name])
    return Invoice(**found | {"paid": bool(found["paid"])})


def _proved(
    book: Reads, held: _Held | None, billings: dict[str, Billing], audited: Audited, decimals: int
) -> Iterator[Finding]:
    """Prove a billed partner, once all its invoices were read."""
    if held is None:
        return
    billing = billings.pop(held.partner_sid, None)
    if billing is None:
        for each in held.made:
            yield Finding("law 4", each.invoice.invoice_sid, "is computed, and its partner is not billed", False)
        return
    try:
        proof = Proof(book, billing, held.made, start_of(book, held.partner_sid, held.imported), decimals)
    except Refusal as refusal:
        if refusal.problem is not errors.ARCHIVE_UNAVAILABLE:
            raise
        yield Finding("archive", held.partner_sid, f"cannot be proved: {refusal}", False)
        return
    for note in proof.notes():
        audited.note(note)
    repairable = False
    for finding in proof.findings():
        repairable = repairable or finding.repairable
        yield finding
    if repairable:
        audited.partners.append(held.partner_sid)


def start_of(book: Reads, partner_sid: str, imported: Iterable[bytes]) -> Start:
    """What a partner's computed invoices follow on, given the documents of its imported ones, oldest first."""
    predecessor = book.predecessor(partner_sid)
    if predecessor is None:
        return Start(0, NOTHING, 0)
    number = number_after(book.imported_numbers(partner_sid)) - 1
    return Start(predecessor.balance_forward, imported_digest(map(decode_json, imported)), number)


def _count(stored: Stored, beside: dict[str, int]) -> None:
    beside["invoice_document"] += stored.document is not None
    for name, place in _ARRAYS:
        beside[name] += len(stored.values[place])


_ARRAYS = tuple((field.name, place) for place, field in enumerate(INVOICES.fields) if field.kind is Kind.ROWS)


def _beside(book: Reads, span: Span, beside: dict[str, int], audited: Audited) -> Iterator[Finding]:
    """Documents and lines that belong to no invoice: looked for where there are more than belong to one."""
    for table, belonging in beside.items():
        if book.count_beside(table, span) == belonging:
            continue
        for key, rows in book.belonging_to_none(table, span):
            if table == "invoice_document":
                audited.documents.append(key)
                yield Finding("document", key[-1], "belongs to no invoice", True)
            else:
                yield Finding(table, key[-1], f"{rows} rows belong to no invoice", False)


def _of_invoice(book: Reads, stored: Stored, audited: Audited) -> Iterator[Finding]:
    """What is wrong with an invoice whose document is not what its rows make."""
    made = document(INVOICES, book.invoice_at(stored.key))
    if made != stored.document:
        audited.documents.append(stored.key)
        yield Finding("document", stored.key[-1], _difference(made, stored.document), True)
    yield from _against_the_laws(stored.key[-1], made)


def _served(stored: Stored) -> bytes | None:
    """What the rows of an invoice make; None where a value breaks law 11."""
    try:
        return _render(stored.values)
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


def _counted(book: Reads, span: Span) -> Iterator[Finding]:
    """The counters, the balances and the directory of some partners."""
    for partner_sid, status, counted, found in book.wrong_counters(span):
        yield Finding("counter", partner_sid, f"{counted} invoices with status {status} counted, {found} there", True)
    for partner_sid, has, found in book.wrong_balances(span):
        problem = f"is {format_amount(has)}, the current invoice makes it {format_amount(found)}"
        yield Finding("balance", partner_sid, problem, True)
    for *_, sid in book.not_in_directory(span):
        yield Finding("directory", sid, "does not lead to the invoice", True)


def _of_book(book: Reads) -> Iterator[Finding]:
    if book.count_directory() != book.count_invoices():
        for *_, sid in book.only_in_directory():
            yield Finding("directory", sid, "leads to no invoice", True)
    for sid in book.invoiced_strangers():
        yield Finding("partner", sid, "has invoices and is not in the book", False)
    yield from _of_tree(book)
    yield from _of_archive(book)


def _of_archive(book: Reads) -> Iterator[Finding]:
    """Files of archived records that are not what was written."""
    for archived in book.archives():
        try:
            content = book.content(archived)
            totals = archive_files.totals_of(content.path)
            if totals[:3] != (archived.records, archived.quantity, archived.units):
                yield Finding("archive", archived.file, "does not add up to what was archived", False)
            elif archive_files.digest_of(content.path) != archived.digest:
                yield Finding("archive", archived.file, "is not the file that was written: its digest differs", False)
        except Refusal as refusal:
            yield Finding("archive", archived.file, str(refusal), False)


def _of_tree(book: Reads) -> Iterator[Finding]:
    parents = book.parents()
    roots = sorted(sid for sid, parent in parents.items() if parent is None)
    if len(roots) != 1:
        yield Finding("partner", ", ".join(roots), f"{len(roots)} partners have nobody above them, not one", False)
    stored, right = book.tree(), tree_of(parents)
    for ancestor, descendant, depth in sorted(stored ^ right):
        problem = "is missing" if (ancestor, descendant, depth) in right else "should not be"
        yield Finding("partner tree", descendant, f"the entry beneath {ancestor} at depth {depth} {problem}", True)


def tree_of(parents: dict[str, str | None]) -> set[tuple[str, str, int]]:
    """Every partner's ancestors with their distance, itself included; a circle is followed once around."""
    return {entry for sid in parents for entry in _line(sid, parents)}


def _line(sid: str, parents: dict[str, str | None]) -> Iterable[tuple[str, str, int]]:
    above: str | None = sid
    met: set[str] = set()
    while above is not None and above not in met:
        yield above, sid, len(met)
        met.add(above)
        above = parents.get(above)
