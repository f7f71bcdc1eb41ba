"""`tollbook rerate`: what rating a partner's usage anew changes."""

from argparse import Namespace
from typing import Any

from tollbook import errors, limits
from tollbook.cli.exits import DONE
from tollbook.cli.opening import book_of, read_argument
from tollbook.cli.output import note, print_json, print_table, progress
from tollbook.clock import parse_instant
from tollbook.errors import Flaw, Refusal
from tollbook.money import format_rate
from tollbook.operations import correcting
from tollbook.operations.books import operator_caller
from tollbook.operations.correcting import Difference
from tollbook.operations.overview import billing_of
from tollbook.query.records import read_text

_SHOWN = 20


def rerate(arguments: Namespace) -> int:
    """Show the records whose price changes, with totals; apply it where that is asked for."""
    start = read_argument("from", arguments.start, parse_instant)
    end = read_argument("to", arguments.end, parse_instant)
    if arguments.apply and not arguments.reason:
        raise Refusal(errors.ARGUMENT_INVALID, Flaw("reason", "give the reason: it is kept with every record"))
    why = read_argument("reason", arguments.reason or "a dry run", read_text)
    store = book_of(arguments)
    with store.reading() as book:
        billing_of(book, arguments.partner)
    who = operator_caller(store).partner_sid
    differences: list[Difference] = []
    with progress("records") as bar:
        for each in correcting.rerate(store, arguments.partner, start, end, who=who, why=why, apply=arguments.apply):
            differences.append(each)
            bar(len(differences))
    if arguments.json:
        print_json(_record(differences, applied=arguments.apply))
    else:
        _tell(differences, applied=arguments.apply)
    return DONE


def _sums(differences: list[Difference]) -> tuple[int, int]:
    return sum(each.before or 0 for each in differences), sum(each.after or 0 for each in differences)


def _tell(differences: list[Difference], *, applied: bool) -> None:
    if not differences:
        print("no price changes")
        return
    largest = sorted(differences, key=lambda each: (-abs(_change(each)), each.dr_sid))
    before, after = _sums(differences)
    rows = [(each.dr_sid, _price(each.before), _price(each.after), _signed(_change(each))) for each in largest[:_SHOWN]]
    total = (f"{len(differences):,} in all", format_rate(before), format_rate(after), _signed(after - before))
    print_table(("dr_sid", "before", "after", "change"), rows, right=("before", "after", "change"), total=total)
    if len(differences) > _SHOWN:
        note(f"… the {_SHOWN} largest are shown; the total has all")
    note("applied" if applied else "nothing is changed: --apply --reason … does it")


def _change(each: Difference) -> int:
    return (each.after or 0) - (each.before or 0)


def _price(price: int | None) -> str:
    return "no rate" if price is None else format_rate(price)


def _signed(price: int) -> str:
    return f"{'+' if price > 0 else ''}{format_rate(price)}"


def _record(differences: list[Difference], *, applied: bool) -> dict[str, Any]:
    before, after = _sums(differences)
    return {
        "applied": applied,
        "records": len(differences),
        "before": format_rate(before),
        "after": format_rate(after),
        "differences": [
            {
                "dr_sid": each.dr_sid,
                "before": None if each.before is None else format_rate(each.before),
                "after": None if each.after is None else format_rate(each.after),
            }
            for each in differences[: limits.ISSUED_SHOWN_MAX]
        ],
    }
