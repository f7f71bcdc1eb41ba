"""Proving one partner's billing: every law of money, from the records of usage up to the hash of the last invoice.

Everything is computed anew by the functions that computed it, and compared with what the book says.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from tollbook.billing import balances, composing, explaining, laws
from tollbook.billing.chain import NOTHING
from tollbook.billing.deriving import ItemKey, ItemSum
from tollbook.billing.laws import Broken
from tollbook.billing.ledger import Billing, Payment
from tollbook.billing.model import Invoice
from tollbook.billing.periods import Period, midnight, period_around
from tollbook.billing.states import BILLING_MOVES, INVOICE_MOVES
from tollbook.clock import format_instant
from tollbook.money import format_amount
from tollbook.operations.findings import Finding, Note
from tollbook.query.records import decode_json
from tollbook.store import Reads
from tollbook.store.usage_sums import Item, item_of

Sums = dict[str, dict[ItemKey, ItemSum]]


class Proved(NamedTuple):
    """A computed invoice as its rows have it, and the document that they make."""

    invoice: Invoice
    document: bytes


class Used(NamedTuple):
    """What a partner's records add up to: the sums of each invoice, what is billed in all, and what waits."""

    sums: Sums
    billed: int
    unrated: Counter[str]
    parked: int
    lost: list[int]
    """Instants of records that belong to no period."""


def used(book: Reads, billing: Billing) -> Used:
    """All records of a partner, summed as its invoices must have them."""
    made = Used(defaultdict(dict), 0, Counter(), 0, [])
    billed = parked = 0
    periods = _Periods(book, billing)
    at = book.first_usage(billing.partner_sid, 0)
    while at is not None:
        period = periods.around(at)
        if period is None:
            made.lost.append(at)
            at = book.first_usage(billing.partner_sid, at + 1)
            continue
        for part in book.usage_sums(billing.partner_sid, midnight(period.start), midnight(period.end)):
            if part.state == "unrated":
                made.unrated[part.item.country_code or part.item.type] += part.sum.events
            elif part.state == "parked":
                parked += part.sum.events
            else:
                billed += part.sum.usage
            if part.state == "billed" and not part.adjusted:
                _add(made.sums[part.invoice_sid], _key(part.item, period), part.sum)
        at = book.first_usage(billing.partner_sid, midnight(period.end))
    for frozen_sid, placed in book.frozen_versions(billing.partner_sid):
        period = periods.around(placed.event.time)
        if period is not None:
            _add(made.sums[frozen_sid], _key(item_of(placed), period), ItemSum(placed.units, placed.quantity, 1))
    for correction in book.corrections_on(billing.partner_sid):
        for side, part_sum in correction.parts():
            period = periods.around(side.date)
            if period is not None:
                key = _key(side.item._replace(type="adjustment"), period)
                _add(made.sums[correction.adjusted_sid or ""], key, part_sum)
    return made._replace(billed=billed, parked=parked)


class _Periods:
    """A partner's periods, imported ones too."""

    def __init__(self, book: Reads, billing: Billing) -> None:
        self._book = book
        self._billing = billing
        self._known: list[Period] = []

    def around(self, instant: int) -> Period | None:
        """The period that holds an instant; None before the first."""
        for period in self._known:
            if period.holds(instant):
                return period
        if instant >= self._billing.begins:
            found: Period | None = period_around(self._billing.time, instant)
        else:
            found = self._book.imported_period(self._billing.partner_sid, instant)
        if found is not None:
            self._known.insert(0, found)
        return found


def _key(item: Item, period: Period) -> ItemKey:
    return ItemKey(item.type, item.direction or None, item.country_code or None, period)


def _add(sums: dict[ItemKey, ItemSum], key: ItemKey, added: ItemSum) -> None:
    total = sums.get(key, ItemSum()) + added
    if total == ItemSum():
        sums.pop(key, None)
    else:
        sums[key] = total


class Start(NamedTuple):
    """What a partner's computed invoices follow on: a balance, a link of the chain, and the number before the first."""

    balance: int
    hash: bytes
    number: int


class Proof:
    """One partner's billing, read whole."""

    def __init__(self, book: Reads, billing: Billing, made: list[Proved], start: Start, decimals: int) -> None:
        sid = billing.partner_sid
        self._billing = billing
        self._made = made
        self._invoices = [each.invoice for each in made]
        self._start = start
        self._decimals = decimals
        self._used = used(book, billing)
        self._sums = book.sums_of(sid)
        self._lines = book.lines_of(sid)
        self._payments = book.payments_of(sid)
        self._closings = book.closings_of(sid)
        self._journal = list(book.journal(sid))
        self._elsewhere = list(book.seen_elsewhere(sid))
        self._open = {each.invoice_sid for each in self._invoices if each.status == "open"}

    def notes(self) -> Iterator[Note]:
        """What waits: records without a rate, and all that waits for a parked partner."""
        sid = self._billing.partner_sid
        for destination, records in sorted(self._used.unrated.items()):
            yield Note("unrated", sid, f"{explaining.counted(records, 'record')} to {destination} without a rate yet")
        if self._used.parked:
            yield Note(
                "parked", sid, f"{explaining.counted(self._used.parked, 'record')} until the partner is unparked"
            )
        waiting = [payment.amount for payment in self._payments if payment.invoice_sid is None]
        if waiting:
            payments = explaining.counted(len(waiting), "payment")
            yield Note("parked", sid, f"{payments} until the partner is unparked, {format_amount(sum(waiting))} in all")

    def findings(self) -> Iterator[Finding]:
        """All that is wrong."""
        yield from self._told(laws.periods_law(self._invoices))
        yield from self._told(laws.numbers_law(self._invoices, self._start.number + 1))
        yield from self._periods()
        yield from self._usage()
        yield from self._money()
        yield from self._chains()
        yield from self._moves()
        yield from self._payments_once()
        yield from self._counters()

    def _told(self, broken: Iterable[Broken], *, repairable: bool = False) -> Iterator[Finding]:
        for each in broken:
            sid = each.invoice_sid or self._billing.partner_sid
            yield Finding(f"law {each.law}", sid, each.words, repairable)

    def _periods(self) -> Iterator[Finding]:
        """Law 4: the first invoice is of the first day, and each of a whole period of the partner's cycle."""
        expected = self._billing.begins
        for invoice in self._invoices:
            period = period_around(self._billing.time, expected)
            if invoice.date_billing_period_start != expected or invoice.date_billing_period_end != period.date_end:
                problem = f"is not of the period {period.start} to {period.end}"
                yield Finding("law 4", invoice.invoice_sid, problem, False)
            expected = midnight(period.end)

    # Usage.

    def _usage(self) -> Iterator[Finding]:
        sid = self._billing.partner_sid
        for invoice_sid in sorted({*self._sums, *self._used.sums}):
            said, found = self._sums.get(invoice_sid, {}), self._used.sums.get(invoice_sid, {})
            for key in said.keys() | found.keys():
                if said.get(key) != found.get(key):
                    has, is_ = (_in_words(sums.get(key)) for sums in (said, found))
                    what = " ".join(filter(None, (key.type, key.direction, key.country_code)))
                    problem = f"the item {what} of {key.period.start} says {has}, its records are {is_}"
                    yield Finding("law 5", invoice_sid or sid, problem, invoice_sid in self._open)
        yield from self._told(laws.usage_law(self._invoices, self._used.billed), repairable=bool(self._open))
        for instant in self._used.lost:
            yield Finding("law 5", sid, f"a record of {format_instant(instant)} is in no period", False)
        for dr_sid, counted in self._elsewhere:
            problem = "is counted where it should not be" if counted else "is known and not there"
            yield Finding("record", sid, f"the record {dr_sid} {problem}", False)

    # Money.

    def _money(self) -> Iterator[Finding]:
        previous, settled = self._start.balance, 0
        paid = defaultdict(list)
        for payment in self._payments:
            paid[payment.invoice_sid].append(payment)
        for invoice in self._invoices:
            yield from self._of_one(invoice, paid[invoice.invoice_sid], previous)
            if invoice.status != "open":
                yield from self._frozen(invoice, settled)
                settled += balances.settling(invoice)
            previous = invoice.balance_forward
        known = {invoice.invoice_sid for invoice in self._invoices}
        for sid in sorted(sid for sid in {*self._sums, *self._lines, *paid} if sid is not None and sid not in known):
            yield Finding("law 1", sid, "has sums, lines or payments, and is no computed invoice", False)
        yield from self._told(laws.paid_law(self._invoices), repairable=True)

    def _of_one(self, invoice: Invoice, payments: list[Payment], previous: int) -> Iterator[Finding]:
        """Laws 1 to 3 of one invoice, and that its lines are those that were written."""
        lines = self._lines.get(invoice.invoice_sid, [])
        sums = self._sums.get(invoice.invoice_sid, {})
        repairable = invoice.status == "open"
        broken = laws.items_law(invoice, sums, composing.credit_items(lines), self._decimals)
        broken += [*laws.taxes_law(invoice), *laws.balances_law(invoice, previous)]
        if invoice.tax_items != composing.tax_items(lines):
            broken.append(Broken(2, invoice.invoice_sid, "its taxes are not those that were written"))
        if invoice.pay_items != composing.pay_items(payments):
            broken.append(Broken(3, invoice.invoice_sid, "its pay items are not the payments that were recorded"))
        yield from self._told(broken, repairable=repairable)

    def _frozen(self, invoice: Invoice, settled: int) -> Iterator[Finding]:
        """What closing froze of an invoice."""
        closed = self._closings.get(invoice.invoice_sid)
        if closed is None:
            yield Finding("law 6", invoice.invoice_sid, "is closed, and nothing says what closing froze", False)
            return
        paid_from = composing.paid_from(invoice, settled)
        if closed.paid_from != paid_from:
            yield Finding(
                "law 7",
                invoice.invoice_sid,
                f"counts as paid from {format_amount(closed.paid_from)}, expected {format_amount(paid_from)}",
                False,
            )
        if closed.paid != invoice.paid:
            yield Finding("law 7", invoice.invoice_sid, "its row and what closing froze differ in paid", True)
        if invoice.date_issued != closed.date_closed:
            yield Finding("law 6", invoice.invoice_sid, "date_issued is not when it was closed", False)

    # Chains and moves.

    def _chains(self) -> Iterator[Finding]:
        closed: list[tuple[Mapping[str, Any], bytes]] = [
            (decode_json(each.document), self._closings[each.invoice.invoice_sid].hash)
            for each in self._made
            if each.invoice.invoice_sid in self._closings
        ]
        yield from self._told(laws.chain_law(closed, self._start.hash))
        end = closed[-1][1] if closed else self._start.hash
        billing, sid = self._billing, self._billing.partner_sid
        if billing.invoice_hash != end:
            yield Finding("law 6", sid, "the end of the chain of invoices is not the last closed one", False)
        yield from self._told(laws.journal_chain_law(self._journal, NOTHING))
        last = self._journal[-1][1] if self._journal else NOTHING
        if (billing.journal_hash, billing.journal_entries) != (last, len(self._journal)):
            yield Finding("law 6", sid, "the end of the journal is not its last entry", False)
        for extra in sorted(self._closings.keys() - {i.invoice_sid for i in self._invoices if i.status != "open"}):
            yield Finding("law 6", extra, "was closed, and is no closed invoice", False)

    def _moves(self) -> Iterator[Finding]:
        """Law 8, and that status, `paid` and `date_charged` are what the journal leads to."""
        entries = [entry for entry, _ in self._journal]
        yield from self._told(laws.moves_law(entries))
        statuses: dict[str | None, Any] = {}
        charged: dict[str | None, int | None] = {}
        for entry in entries:
            moves: Mapping[Any, str] = BILLING_MOVES if entry.invoice_sid is None else INVOICE_MOVES
            statuses[entry.invoice_sid] = moves.get((statuses.get(entry.invoice_sid), entry.move))
            if entry.move in ("settle", "unsettle"):
                charged[entry.invoice_sid] = entry.date if entry.move == "settle" else None
        for invoice in self._invoices:
            if statuses.get(invoice.invoice_sid) != invoice.status:
                yield Finding("law 8", invoice.invoice_sid, "its status is not what its moves lead to", False)
            if charged.get(invoice.invoice_sid) != invoice.date_charged:
                yield Finding("law 7", invoice.invoice_sid, "date_charged is not when it was settled", False)
        if statuses.get(None) != self._billing.status:
            yield Finding("law 8", self._billing.partner_sid, "its standing is not what its moves lead to", False)

    def _payments_once(self) -> Iterator[Finding]:
        references = ((each.provider, each.reference) for each in self._payments if each.reference is not None)
        yield from self._told(laws.references_law(references))

    def _counters(self) -> Iterator[Finding]:
        """What is kept so that nobody has to add it up."""
        right = counted(self._billing, self._invoices, self._start)
        for name, value in right.items():
            has = getattr(self._billing, name)
            if has != value:
                yield Finding("counter", self._billing.partner_sid, f"{name} is {has}, expected {value}", True)
        if self._billing.date_due is None and not self._billing.is_parked:
            yield Finding("counter", self._billing.partner_sid, "no billing run would ever take it up", True)


def counted(billing: Billing, invoices: Iterable[Invoice], start: Start) -> dict[str, Any]:
    """The counters of a partner's billing that follow from its computed invoices, oldest first."""
    made = list(invoices)
    closed = [each for each in made if each.status != "open"]
    settled = sum(map(balances.settling, closed))
    right: dict[str, Any] = {
        "balance_closed": closed[-1].balance_forward if closed else start.balance,
        "first_open": closed[-1].date_billing_period_end + 1_000 if closed else billing.begins,
        "number_next": start.number + len(made) + 1,
        "settled": settled,
        "settling": settled + sum(balances.settling(each) for each in made if each.status == "open"),
    }
    if made:
        right["date_last_created"] = made[-1].date_created
    return right


def _in_words(total: ItemSum | None) -> str:
    total = total or ItemSum()
    return f"{total.events} records with {total.usage} of usage and {total.units} units"
