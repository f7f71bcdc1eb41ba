"""The arguments of the verbs about how partners are billed: runs, standing, notices, the journal, the book's terms."""

from pathlib import Path
from typing import Final

from tollbook.cli.verbs import Arguments, Verbs

CYCLES: Final = ("monthly", "weekly", "biweekly", "semi_monthly", "calendar_month", "quarter", "year")
_DAY = "a day like 2025-01-20, UTC"


def add_bill(verbs: Verbs) -> None:
    """`tollbook bill`."""
    verbs.add(
        "bill",
        "running:bill",
        "open, close and issue the invoices that are due; or let invoices go that wait for an approval",
        "tollbook bill --dry-run\ntollbook bill\ntollbook bill approve SID SID",
    ).add(
        "act",
        nargs="?",
        choices=("run", "approve", "withdraw"),
        default="run",
        help="run what is due; approve invoices, or withdraw an approval",
    ).add("sid", nargs="*", metavar="SID", help="the invoices to approve").add(
        "--dry-run", action="store_true", help="show what would be issued, beside the period before; change nothing"
    ).add("--partner", metavar="SID", help="one partner's only")


def add_standing(partner: Verbs) -> None:
    """What is beneath `tollbook partner` and is about its billing."""
    begin = partner.add(
        "start-billing",
        "standing:start_billing",
        "bill a partner that an import made, or that was made with --unbilled",
        "tollbook partner start-billing SID --from 2025-01-20",
    ).add("sid", metavar="SID")
    add_cycle(begin)
    partner.add(
        "billing", "standing:show", "show how a partner is billed, and what waits", "tollbook partner billing SID"
    ).add("sid", metavar="SID")
    partner.add(
        "hold",
        "standing:hold",
        "keep a partner's invoices open whatever is due; usage goes on counting",
        "tollbook partner hold SID --reason 'disputed rates'",
    ).add("sid", metavar="SID").add("--reason", required=True, help="for the journal")
    partner.add("release", "standing:release", "end a hold", "tollbook partner release SID").add(
        "sid", metavar="SID"
    ).add("--reason", help="for the journal")
    partner.add(
        "unpark",
        "standing:unpark",
        "bill what waited while a partner was parked, and what is due",
        "tollbook partner unpark SID",
    ).add("sid", metavar="SID")
    partner.add(
        "needs-approval",
        "standing:needs_approval",
        "say whether a partner's invoices wait for tollbook bill approve",
        "tollbook partner needs-approval SID yes",
    ).add("sid", metavar="SID").add("needed", choices=("yes", "no"))


def add_cycle(verb: Arguments) -> None:
    """How a partner is to be billed: fixed before its first invoice."""
    verb.add(
        "--from",
        dest="begins",
        metavar="DATE",
        help=f"the first day that is billed, {_DAY}; today, or the day after imported invoices, unless given",
    ).add("--cycle", choices=CYCLES, default="monthly", help="how long a period is; monthly unless given").add(
        "--anchor", metavar="DATE", help=f"the day that periods are counted from, {_DAY}; the first unless given"
    ).add("--needs-approval", action="store_true", help="invoices wait for tollbook bill approve")


def add_looking(verbs: Verbs) -> None:
    """`tollbook notices`, `tollbook journal` and `tollbook rerate`."""
    verbs.add(
        "notices",
        "standing:notices",
        "list what wants a person: charges to ask for, parked partners, limits that are passed",
        "tollbook notices",
    ).add("--all", action="store_true", help="those that are answered as well")
    verbs.add(
        "journal",
        "standing:journal",
        "show every move of a partner's billing, or of one invoice: when, who and why",
        "tollbook journal SID",
    ).add("sid", metavar="SID", help="a partner or an invoice")
    verbs.add(
        "rerate",
        "rerating:rerate",
        "show what rating a partner's usage anew would change; apply it",
        "tollbook rerate --partner SID --from 2025-01-01 --to 2025-02-01\n"
        "tollbook rerate --partner SID --from 2025-01-01 --to 2025-02-01 --apply --reason 'wrong deck'",
    ).add("--partner", metavar="SID", required=True, help="whose usage").add(
        "--from", dest="start", metavar="DATE", required=True, help="usage from then on"
    ).add("--to", dest="end", metavar="DATE", required=True, help="and before then").add(
        "--apply", action="store_true", help="write it: open periods change, closed ones by adjustments"
    ).add("--reason", help="the reason, for --apply")


def add_book(book: Verbs) -> None:
    """`tollbook book`."""
    book.add("show", "terms:show", "show what the book says of its billing", "tollbook book show")
    book.add("set", "terms:set_value", "change one of its settings", "tollbook book set close_delay_seconds 3600").add(
        "name", metavar="NAME"
    ).add("value", metavar="VALUE")


def add_archive(verbs: Verbs) -> None:
    """`tollbook archive`."""
    verbs.add(
        "archive",
        "archiving:archive",
        "put old months of detail records away as files, or bring one back",
        "tollbook archive --before 2024-01-01 --to /srv/tollbook/archive\ntollbook archive --restore 2023-11",
    ).add("--before", metavar="DATE", help="the months that end before that day, the first of a month").add(
        "--to", type=Path, metavar="FOLDER", help="where the files are, from now on; every server has to find it there"
    ).add("--restore", metavar="MONTH", help="bring the records of that month back, like 2023-11")
