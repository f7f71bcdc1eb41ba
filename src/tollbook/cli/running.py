"""`tollbook bill`: runs what is due, shows what would be issued, lets invoices go that wait for a person."""

from argparse import Namespace
from collections.abc import Sequence
from typing import Any, NamedTuple

from tollbook import errors
from tollbook.billing.currencies import minor_decimals
from tollbook.cli.exits import DONE, FAILED
from tollbook.cli.opening import book_of
from tollbook.cli.output import money_cell, note, print_json, print_table, progress
from tollbook.clock import format_instant
from tollbook.errors import Flaw, Refusal
from tollbook.money import format_amount
from tollbook.operations import billing_run, standing
from tollbook.operations.billing_run import Issued, Run
from tollbook.operations.books import operator_caller
from tollbook.operations.overview import billing_of, why_withheld, withheld
from tollbook.store import Store
from tollbook.store.standing_rows import Withheld

_ISSUED_SHOWN = 20
_RIGHT = ("amount", "before", "change", "due")


class _Told(NamedTuple):
    """What is told of a run: itself, what it left alone, the partners' names, the currency."""

    run: Run
    left: list[Withheld]
    names: dict[str, str]
    currency: str
    dry_run: bool
    unrated: int


def bill(arguments: Namespace) -> int:
    """Run what is due, or approve invoices; 1 where a partner had to be parked."""
    if arguments.act != "run":
        return _approve(arguments)
    if arguments.sid:
        raise Refusal(errors.ARGUMENT_INVALID, Flaw("sid", "a run takes no invoices; one partner's with --partner SID"))
    store = book_of(arguments)
    if arguments.partner:
        with store.reading() as book:
            billing_of(book, arguments.partner)
    with progress("partners") as bar:
        made = billing_run.run(store, partner_sid=arguments.partner, dry_run=arguments.dry_run, keep=True, watch=bar)
    told = _told(store, made, dry_run=arguments.dry_run)
    if arguments.json:
        print_json(_record(told))
    else:
        _tell(told)
    return FAILED if made.parked else DONE


def _told(store: Store, made: Run, *, dry_run: bool) -> _Told:
    with store.reading() as book:
        left = withheld(book, book.present(store.clock.now()))
        names = book.partner_names([*(each.invoice.partner_sid for each in made.issued), *made.parked])
        unrated = len(book.partners_waiting("unrated"))
        return _Told(made, left, names, book.settings().get("currency", "USD"), dry_run, unrated)


def _tell(told: _Told) -> None:
    made = told.run
    if made.issued:
        _print_issued(told)
    for sid in made.parked:
        note(f"{told.names.get(sid, sid)} is parked, an invoice would break a law: tollbook notices")
    if told.left:
        _print_withheld(told)
    if told.unrated:
        have = "has" if told.unrated == 1 else "have"
        note(f"{_counted(told.unrated, 'partner')} {have} records without a rate: a run rates them once there is one")
    verb = "would be issued" if told.dry_run else "issued"
    amount = f", {money_cell(made.amount, minor_decimals(told.currency))} {told.currency}" if made.closed else ""
    print(f"{_counted(made.closed, 'invoice')} {verb}{amount}; {_counted(made.partners, 'partner')} looked at")


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _print_issued(told: _Told) -> None:
    """A row an invoice, by partner, and the totals."""
    made, decimals = told.run, minor_decimals(told.currency)
    issued = sorted(made.issued, key=lambda each: told.names.get(each.invoice.partner_sid, "").casefold())
    shown = issued if told.dry_run else issued[:_ISSUED_SHOWN]
    rows = [_row(each, told.names, decimals) for each in shown]
    change = money_cell(made.amount - made.amount_before, decimals, signed=True)
    total = ("total", made.closed, "", *(money_cell(a, decimals) for a in (made.amount, made.amount_before)), change)
    headings = ("partner", "no.", "until", "amount", "before", "change")
    print_table(headings, rows, right=_RIGHT, folded=("partner",), total=total)
    if made.closed > len(shown):
        note(f"… and {_counted(made.closed - len(shown), 'invoice')} more; the total has all")


def _row(each: Issued, names: dict[str, str], decimals: int) -> Sequence[Any]:
    invoice, before = each.invoice, each.amount_before
    return (
        names.get(invoice.partner_sid, invoice.partner_sid),
        invoice.display_id,
        format_instant(invoice.date_billing_period_end)[:10],
        money_cell(invoice.amount, decimals),
        "first" if before is None else money_cell(before, decimals),
        "" if before is None else money_cell(invoice.amount - before, decimals, signed=True),
    )


def _print_withheld(told: _Told) -> None:
    decimals = minor_decimals(told.currency)
    print()
    rows = [
        (each.name, each.display_id, money_cell(each.amount, decimals), why_withheld(each), each.invoice_sid)
        for each in told.left[:_ISSUED_SHOWN]
    ]
    headings = ("partner", "no.", "amount", "why", "invoice_sid")
    print_table(headings, rows, right=_RIGHT, folded=("partner",), own="invoice_sid", title="Due, and left alone")
    if len(told.left) > len(rows):
        note(f"… and {_counted(len(told.left) - len(rows), 'invoice')} more")


def _record(told: _Told) -> dict[str, Any]:
    """A run for a script; of very many invoices the first are shown, the totals have all."""
    made = told.run
    return {
        "dry_run": told.dry_run,
        "currency": told.currency,
        "partners": made.partners,
        "invoices": made.closed,
        "amount": format_amount(made.amount),
        "amount_before": format_amount(made.amount_before),
        "issued": [_issued_record(each) for each in made.issued],
        "partners_unrated": told.unrated,
        "left_alone": [
            {
                "invoice_sid": each.invoice_sid,
                "partner_sid": each.partner_sid,
                "amount": format_amount(each.amount),
                "why": why_withheld(each),
            }
            for each in told.left
        ],
        "parked": made.parked,
    }


def _issued_record(each: Issued) -> dict[str, Any]:
    invoice = each.invoice
    return {
        "invoice_sid": invoice.invoice_sid,
        "partner_sid": invoice.partner_sid,
        "display_id": invoice.display_id,
        "date_billing_period_start": format_instant(invoice.date_billing_period_start),
        "date_billing_period_end": format_instant(invoice.date_billing_period_end),
        "amount": format_amount(invoice.amount),
        "amount_tax": format_amount(invoice.amount_tax),
        "amount_due": format_amount(invoice.amount_due),
        "amount_before": None if each.amount_before is None else format_amount(each.amount_before),
    }


def _approve(arguments: Namespace) -> int:
    """Let invoices go, or take that back; the next run closes those that are due."""
    if not arguments.sid or arguments.dry_run or arguments.partner:
        raise Refusal(errors.ARGUMENT_INVALID, Flaw("sid", f"give the invoices to {arguments.act}, and nothing else"))
    store = book_of(arguments)
    who, approved = operator_caller(store).partner_sid, arguments.act == "approve"
    for sid in arguments.sid:
        standing.approve(store, sid, who, approved=approved)
        if not arguments.json:
            note(f"invoice {sid} is {'approved' if approved else 'not approved any more'}")
    if arguments.json:
        print_json({"invoice_sids": arguments.sid, "approved": approved})
    return DONE
