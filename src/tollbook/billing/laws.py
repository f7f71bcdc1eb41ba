"""The laws that must hold of computed invoices and of a partner's book, as far as values can be judged.

Numbers are those of billing rules 9. Each function gives its findings in words, none where the law holds; it is the
same before a commit, in `tollbook check` and in the tests. Laws 9 and 10 speak of answers and are proved by the
tests of the API; law 11 holds of what `query.rendering` writes; imported invoices are exempt from 1 to 3.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

import msgspec

from tollbook.billing.balances import amount_due, balance_forward, paid_flags
from tollbook.billing.chain import JournalEntry, invoice_hash, journal_hash
from tollbook.billing.deriving import ItemKey, ItemSum, display_id, items_of
from tollbook.billing.model import Invoice, InvoiceItem
from tollbook.billing.periods import printed_period
from tollbook.billing.states import BILLING_MOVES, INVOICE_MOVES
from tollbook.money import format_amount

NOT_FROM_EVENTS: Final = frozenset(("did", "sms_enablement", "subscription", "commitment", "discount", "credit"))
"""Item types whose usage no event brought."""


class Broken(msgspec.Struct, frozen=True):
    """A broken law: its number, the invoice it shows on (None: the partner's book), and what is wrong."""

    law: int
    invoice_sid: str | None
    words: str


def items_law(
    invoice: Invoice, sums: Mapping[ItemKey, ItemSum], fixed: Iterable[InvoiceItem] = (), minor_decimals: int = 2
) -> list[Broken]:
    """Law 1: as `amount_law`, and each item is the rounded value of its exact sums."""
    if invoice.invoice_items == items_of(sums, fixed, minor_decimals):
        return amount_law(invoice)
    return [Broken(1, invoice.invoice_sid, "its items are not what its events add up to"), *amount_law(invoice)]


def amount_law(invoice: Invoice) -> list[Broken]:
    """Law 1: `amount` is the sum of the items; usage is no debt."""
    found = _sum_law(1, invoice, "amount", invoice.amount, sum([item.amount for item in invoice.invoice_items]))
    found += [
        Broken(1, invoice.invoice_sid, f"the usage of an item {item.type} is negative: {item.usage}")
        for item in invoice.invoice_items
        if item.usage < 0 and item.type != "adjustment"
    ]
    return found


def taxes_law(invoice: Invoice) -> list[Broken]:
    """Law 2: `amount_tax` is the sum of the tax items."""
    return _sum_law(2, invoice, "amount_tax", invoice.amount_tax, sum(tax.amount for tax in invoice.tax_items))


def balances_law(invoice: Invoice, previous: int = 0) -> list[Broken]:
    """Law 3: the balances follow their formulas; `previous` is the predecessor's `balance_forward`, 0 for the first."""
    forward = balance_forward(invoice.balance_previous, invoice.amount, invoice.amount_tax, invoice.pay_items)
    return [
        *_sum_law(3, invoice, "balance_forward", invoice.balance_forward, forward),
        *_sum_law(3, invoice, "amount_due", invoice.amount_due, amount_due(invoice.balance_forward)),
        *_sum_law(3, invoice, "balance_previous", invoice.balance_previous, previous),
    ]


def periods_law(invoices: Sequence[Invoice]) -> list[Broken]:
    """Law 4: a partner's computed invoices, in their order: periods touch, dates rise, closing was in order."""
    found = []
    for invoice in invoices:
        try:
            printed_period(invoice.date_billing_period_start, invoice.date_billing_period_end)
        except ValueError as error:
            found.append(Broken(4, invoice.invoice_sid, str(error)))
    for former, latter in pairwise(invoices):
        if former.date_billing_period_end + 1_000 != latter.date_billing_period_start:
            found.append(Broken(4, latter.invoice_sid, f"its period does not touch that of {former.display_id}"))
        if former.date_created >= latter.date_created:
            found.append(Broken(4, latter.invoice_sid, f"was not created after {former.display_id}"))
        if former.status == "open" != latter.status:
            found.append(Broken(4, latter.invoice_sid, f"was closed before {former.display_id}"))
    return found


def usage_law(invoices: Iterable[Invoice], billed: int, pending: int = 0) -> list[Broken]:
    """Law 5: over all items, usage equals the billed usage of the latest versions of all events, less the pending."""
    items = (item for invoice in invoices for item in invoice.invoice_items)
    shown = sum(item.usage for item in items if item.type not in NOT_FROM_EVENTS)
    if shown == billed - pending:
        return []
    return [Broken(5, None, f"the items show {shown} of usage, the events {billed}, of which {pending} are pending")]


def numbers_law(invoices: Sequence[Invoice], first: int = 1) -> list[Broken]:
    """Law 6: numbers, of invoices in their order, are unique and gapless from the first one on."""
    return [
        Broken(6, invoice.invoice_sid, f"its number is {invoice.display_id}, expected {display_id(number)}")
        for number, invoice in enumerate(invoices, first)
        if invoice.display_id != display_id(number)
    ]


def chain_law(closed: Iterable[tuple[Mapping[str, Any], bytes]], start: bytes) -> list[Broken]:
    """Law 6: the (wire form, stored hash) of a partner's closed computed invoices, oldest first, hold together.

    `start` is `imported_digest` of those before. The walk goes on from the stored hash, so that each break is told
    once.
    """
    found, previous = [], start
    for record, stored in closed:
        if invoice_hash(record, previous) != stored:
            words = "is not what was closed, or its predecessor is not: the hash differs"
            found.append(Broken(6, record["invoice_sid"], words))
        previous = stored
    return found


def journal_chain_law(entries: Iterable[tuple[JournalEntry, bytes]], start: bytes) -> list[Broken]:
    """Law 6: the (entry, stored hash) of a partner's journal hold together, their positions counting from 1."""
    found, previous = [], start
    for position, (entry, stored) in enumerate(entries, 1):
        if entry.position != position:
            found.append(Broken(6, entry.invoice_sid, f"journal entry {position} has the position {entry.position}"))
        if journal_hash(entry, previous) != stored:
            found.append(Broken(6, entry.invoice_sid, f"journal entry {position} was changed: the hash differs"))
        previous = stored
    return found


def paid_law(invoices: Sequence[Invoice]) -> list[Broken]:
    """Law 7: `paid` of a partner's invoices, oldest first, is what later ones settle; `date_charged` goes with it."""
    found = []
    for invoice, paid in zip(invoices, paid_flags(invoices), strict=True):
        if invoice.paid != paid:
            found.append(Broken(7, invoice.invoice_sid, f"paid is {invoice.paid}, expected {paid}"))
        if (invoice.date_charged is not None) != invoice.paid:
            found.append(Broken(7, invoice.invoice_sid, "date_charged does not go with paid"))
    return found


def references_law(references: Iterable[tuple[str, str]]) -> list[Broken]:
    """Law 7: a payment's (provider, reference) counts once in a partner's book."""
    counted = Counter(references)
    return [
        Broken(7, None, f"the payment {reference} of {provider} counts {count} times")
        for (provider, reference), count in counted.items()
        if count > 1
    ]


def moves_law(entries: Iterable[JournalEntry]) -> list[Broken]:
    """Law 8: only legal moves are in a partner's journal, each from where the one before had left its invoice."""
    found = []
    statuses: dict[str | None, Any] = {}
    for entry in entries:
        moves: Mapping[Any, str] = BILLING_MOVES if entry.invoice_sid is None else INVOICE_MOVES
        status = statuses.get(entry.invoice_sid)
        after = moves.get((status, entry.move))
        if after is None:
            found.append(Broken(8, entry.invoice_sid, f"journal entry {entry.position}: {entry.move} while {status}"))
        else:
            statuses[entry.invoice_sid] = after
    return found


def _sum_law(law: int, invoice: Invoice, name: str, said: int, expected: int) -> list[Broken]:
    if said == expected:
        return []
    words = f"{name} is {format_amount(said)}, expected {format_amount(expected)}"
    return [Broken(law, invoice.invoice_sid, words)]
