"""How partners are billed, at the command line: begun, held, freed; what wants a person; the journal."""

from argparse import Namespace
from datetime import date
from typing import Any, cast

import msgspec

from tollbook import limits
from tollbook.billing.chain import JournalEntry
from tollbook.billing.currencies import minor_decimals
from tollbook.billing.ledger import Billing
from tollbook.billing.periods import CycleName, day_of
from tollbook.cli.exits import DONE
from tollbook.cli.opening import book_of, read_argument
from tollbook.cli.output import money_cell, note, print_json, print_table, readable
from tollbook.clock import format_instant, parse_instant
from tollbook.money import format_amount, parse_amount
from tollbook.operations import billing_run, correcting
from tollbook.operations import standing as operations
from tollbook.operations.books import operator_caller
from tollbook.operations.overview import Overview, billing_of, overview_of
from tollbook.query.records import read_text
from tollbook.store import Reads, Store


def cycle_of(arguments: Namespace) -> dict[str, Any]:
    """How a partner is to be billed, as `begin_billing` takes it."""
    return {
        "begins": _day("from", arguments.begins),
        "cycle": cast("CycleName", arguments.cycle),
        "anchor": _day("anchor", arguments.anchor),
        "needs_approval": arguments.needs_approval,
    }


def _day(name: str, text: str | None) -> date | None:
    return None if text is None else day_of(read_argument(name, text, parse_instant))


def start_billing(arguments: Namespace) -> int:
    """Begin a partner's billing; its first invoice is there at once."""
    store = book_of(arguments)
    operations.start_billing(store, arguments.sid, _who(store), **cycle_of(arguments))
    return show(arguments)


def show(arguments: Namespace) -> int:
    """Show how a partner is billed."""
    store = book_of(arguments)
    seen = overview_of(store, arguments.sid)
    if arguments.json:
        print_json(msgspec.structs.asdict(seen))
        return DONE
    with store.reading() as book:
        currency = book.settings().get("currency", "USD")
    print_table(("billing", "value"), _facts(seen, currency), folded=("value",))
    print()
    _print_open(seen, minor_decimals(currency))
    return DONE


def _facts(seen: Overview, currency: str) -> list[tuple[str, str]]:
    """What there is to say, but for what would say nothing."""
    anchored = f", counted from {seen.date_anchor[:10]}" if seen.date_anchor != seen.date_begins else ""
    balance = money_cell(parse_amount(seen.balance), minor_decimals(currency))
    facts = [
        ("partner", seen.name),
        ("status", _STATUS[seen.status]),
        ("why", seen.why_parked or ""),
        ("cycle", f"{seen.cycle.replace('_', ' ')} since {seen.date_begins[:10]}{anchored}"),
        ("approval", "invoices wait for tollbook bill approve" if seen.needs_approval else ""),
        ("balance", f"{balance} {currency}, {seen.payment_type}"),
        ("next due", readable(seen.date_due) or "nothing, until someone lets it go"),
        ("unrated", f"{_records(seen.usage_unrated)} without a rate yet" if seen.usage_unrated else ""),
        ("waiting", _waiting(seen)),
    ]
    return [fact for fact in facts if fact[1]]


_STATUS = {
    "billed": "billed",
    "held": "on hold: invoices stay open until tollbook partner release",
    "parked": "parked: usage and payments wait until tollbook partner unpark",
    "parked_held": "parked, and on hold: usage and payments wait until tollbook partner unpark",
}


def _waiting(seen: Overview) -> str:
    if not seen.usage_parked and seen.payments_waiting == "0":
        return ""
    return f"{_records(seen.usage_parked)} and payments of {seen.payments_waiting}"


def _records(number: int) -> str:
    return f"{number:,} record{'' if number == 1 else 's'}"


def _print_open(seen: Overview, decimals: int) -> None:
    if not seen.invoices_open:
        note("no invoice is open")
        return
    rows = [
        (
            each["display_id"],
            each["date_billing_period_end"][:10],
            money_cell(parse_amount(each["amount"]), decimals),
            f"{_closes(each['date_closes'])}{', approved' if each['approved'] else ''}",
            each["invoice_sid"],
        )
        for each in seen.invoices_open
    ]
    headings = ("open", "until", "amount", "closes", "invoice_sid")
    print_table(headings, rows, right=("amount",), own="invoice_sid" if seen.needs_approval else None)


def _closes(date_closes: str) -> str:
    """A day, with its time where that is not midnight."""
    return date_closes[:10] if date_closes[11:] == "00:00:00.000Z" else readable(date_closes)[:16]


def hold(arguments: Namespace) -> int:
    """Keep a partner's invoices open."""
    store = book_of(arguments)
    why = read_argument("reason", arguments.reason, read_text)
    return _moved(arguments, operations.change_standing(store, arguments.sid, "hold", _who(store), why))


def release(arguments: Namespace) -> int:
    """End a hold; the next run closes what is due."""
    store = book_of(arguments)
    return _moved(arguments, operations.change_standing(store, arguments.sid, "release", _who(store), arguments.reason))


def needs_approval(arguments: Namespace) -> int:
    """Say whether invoices wait for an approval."""
    billing = operations.need_approval(book_of(arguments), arguments.sid, needed=arguments.needed == "yes")
    return _moved(arguments, billing)


def unpark(arguments: Namespace) -> int:
    """Bill what waited, then what is due; 1 where the partner is parked again."""
    store = book_of(arguments)
    placed = correcting.unpark(store, arguments.sid, _who(store))
    run = billing_run.run(store, partner_sid=arguments.sid)
    with store.reading() as book:
        billing = billing_of(book, arguments.sid)
    if not arguments.json:
        note(f"{_records(placed)} billed at last; invoices closed: {run.closed:,}")
    return _moved(arguments, billing) or int(billing.is_parked)


def _moved(arguments: Namespace, billing: Billing) -> int:
    if arguments.json:
        print_json(
            {
                "partner_sid": billing.partner_sid,
                "status": billing.status,
                "needs_approval": billing.needs_approval,
                "why_parked": billing.why_parked,
            }
        )
    else:
        approval = "; its invoices wait for an approval" if billing.needs_approval else ""
        why = f"; why: {billing.why_parked}" if billing.why_parked else ""
        note(f"the partner is {_STATUS[billing.status]}{approval}{why}")
    return DONE


def notices(arguments: Namespace) -> int:
    """List what wants a person, newest first."""
    store = book_of(arguments)
    with store.reading() as book:
        found = book.notices(limits.NOTICES_SHOWN_MAX, answered=arguments.all)
        names = book.partner_names(each.partner_sid for each in found)
        currency = book.settings().get("currency", "USD")
    if arguments.json:
        print_json([_notice_record(msgspec.structs.asdict(each)) for each in found])
        return DONE
    if not found:
        note("there is nothing to tell")
        return DONE
    rows = [
        (
            format_instant(each.date_created)[:10],
            names.get(each.partner_sid, each.partner_sid),
            each.kind.replace("_", " "),
            money_cell(each.amount, minor_decimals(currency)),
            each.words + ("; answered" if each.date_answered else ""),
        )
        for each in found
    ]
    headings = ("date", "partner", "what", "amount", "why")
    print_table(headings, rows, right=("amount",), folded=("partner", "what", "why"))
    if len(found) == limits.NOTICES_SHOWN_MAX:
        note(f"… these are the newest {limits.NOTICES_SHOWN_MAX:,}")
    return DONE


def _notice_record(values: dict[str, Any]) -> dict[str, Any]:
    dates = {name: format_instant(value) for name, value in values.items() if name.startswith("date_") and value}
    amount = None if values["amount"] is None else format_amount(values["amount"])
    return values | dates | {"amount": amount}


def journal(arguments: Namespace) -> int:
    """Show the moves of a partner's billing, or of one invoice."""
    store = book_of(arguments)
    with store.reading() as book:
        owner, invoice_sid = _owner(book, arguments.sid)
        entries = [entry for entry, _ in book.journal(owner) if invoice_sid in (None, entry.invoice_sid)]
        names = book.partner_names({entry.who for entry in entries})
        numbers = {sid: book.invoice(sid).display_id for sid in {e.invoice_sid for e in entries if e.invoice_sid}}
    if arguments.json:
        print_json([msgspec.structs.asdict(entry) | {"date": format_instant(entry.date)} for entry in entries])
    else:
        rows = [_journal_row(entry, names, numbers) for entry in entries]
        print_table(("date", "no.", "move", "who", "why"), rows, folded=("who", "why"))
    return DONE


def _journal_row(entry: JournalEntry, names: dict[str, str], numbers: dict[str, str]) -> tuple[str, ...]:
    return (
        readable(format_instant(entry.date)),
        numbers.get(entry.invoice_sid or "", ""),
        entry.move.replace("_", " "),
        names.get(entry.who, entry.who),
        entry.why or "",
    )


def _owner(book: Reads, sid: str) -> tuple[str, str | None]:
    """The partner whose journal a sid asks for, and the invoice if it is one's; 404 for neither."""
    if book.billing(sid) is not None:
        return sid, None
    owner = book.directory(sid)
    if owner is not None:
        return owner, sid
    return billing_of(book, sid).partner_sid, None


def _who(store: Store) -> str:
    return operator_caller(store).partner_sid
