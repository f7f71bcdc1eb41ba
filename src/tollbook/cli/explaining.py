"""`tollbook explain`: what stands behind an invoice, an item of it or a record, for a person or as JSON."""

import json
import shutil
import sys
import textwrap
from argparse import Namespace
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, Final

from tollbook import errors
from tollbook.cli.exits import DONE
from tollbook.cli.opening import book_of
from tollbook.cli.output import plain, print_json, print_table, readable
from tollbook.errors import Flaw, Refusal
from tollbook.operations.books import operator_caller
from tollbook.operations.explaining import encode_tidy, explain_invoice, find_invoice
from tollbook.operations.explaining_records import explain_records

_WIDE: Final = 90  # columns of a terminal from which on tables are easier to read than sentences
_RATES: Final = ("prefix", "rate", "records", "measured", "billed", "exact price")


def explain(arguments: Namespace) -> int:
    """Explain an invoice, one of its items, or a record."""
    if (arguments.sid is None) is (arguments.record is None):
        raise Refusal(errors.ARGUMENT_INVALID, Flaw("SID", "give an invoice, or a record with --record"))
    store = book_of(arguments)
    caller = operator_caller(store)
    if arguments.record:
        found: Any = [_tidy(each) for each in explain_records(store, caller, arguments.record)]
        tell: Any = _tell_records
    else:
        found = _tidy(explain_invoice(store, caller, find_invoice(store, caller, arguments.sid)))
        if arguments.item is not None:
            found["invoice_items"] = [_item(found["invoice_items"], arguments.item)]
        tell = _tell_item if arguments.item is not None else _tell_invoice
    if arguments.json or not sys.stdout.isatty():
        print_json(found)
    else:
        tell(found)
    return DONE


def _tidy(found: Any) -> Any:
    return json.loads(encode_tidy(found))


def _item(items: Sequence[Any], place: int) -> Any:
    if not 0 <= place < len(items):
        raise Refusal(errors.ITEM_UNKNOWN, Flaw("ITEM", f"the invoice has {len(items)} items, counted from 0"))
    return items[place]


def _tell_invoice(found: dict[str, Any]) -> None:
    period = _period(found)
    _say(f"Invoice {found['display_id']} of {period}, {found['status']}, {found['origin']}, in {found['currency']}")
    _say(found["invoice_sid"])
    _tell_item(found)
    for name, title in (("tax_items", "Taxes"), ("pay_items", "Payments")):
        if found[name]:
            _say(f"\n{title}")
            for each in found[name]:
                _say(f"{each['words']} = {each['amount']}", "  ")
    _say("\nBalance")
    for line in found["balance"]["words"]:
        _say(line, "  ")


def _tell_item(found: dict[str, Any]) -> None:
    for each in found["invoice_items"]:
        what = " ".join(filter(None, (each["type"], each["direction"], each["country_code"])))
        _say(f"\nItem {each['item']}: {what}, {_period(each)}: {each['amount']}")
        if each["rates"]:
            _tell_rates(each["rates"])
        for correction in each["corrections"]:
            _say(correction["words"], "  ")
        if each["more_corrections"]:
            _say(each["more_corrections"]["words"], "  ")
        for line in each["words"]:
            _say(line, "  ")


def _tell_rates(rates: list[dict[str, Any]]) -> None:
    """Sheet by sheet, a table where there is room for one, else a sentence for each rate."""
    for by, of in groupby(rates, _sheet):
        each = list(of)
        if _columns() >= _WIDE:
            _say(by, "  ")
            print_table(_RATES, list(map(_rate_row, each)), right=_RATES[1:])
            for rate in each:
                if ", and " in rate["words"]:  # more than quantity times rate
                    _say(rate["words"], "  ")
        else:
            for rate in each:
                _say(rate["words"] + (f"; {by}" if rate["sheet"] else ""), "  ")


def _sheet(rate: dict[str, Any]) -> str:
    sheet = rate["sheet"]
    return (
        f"{sheet['name']}, version of {sheet['effective_date'][:10]}" if sheet else "prices that came with the records"
    )


def _rate_row(rate: dict[str, Any]) -> Sequence[str]:
    per = {"call": " a minute", "message": " a segment", "usage": ""}[rate["kind"]]
    return (
        "" if rate["rate"] is None else rate["prefix"] or "any",
        "" if rate["rate"] is None else rate["rate"] + per,
        rate["records"],
        "" if rate["seconds_measured"] is None else f"{rate['seconds_measured']} s",
        f"{rate['usage']} s" if rate["kind"] == "call" else rate["usage"],
        rate["exact"],
    )


def _tell_records(found: list[dict[str, Any]]) -> None:
    for each in found:
        _say(f"Record {each['dr_sid']} of partner {each['partner_sid']}: {each['state']}")
        for line in _steps(each):
            _say(line, "  ")


def _steps(record: dict[str, Any]) -> Iterator[str]:
    yield from record["words"]
    for correction in record["corrections"]:
        by = f", by {correction['who']}" if correction["who"] else ""
        yield f"corrected {readable(correction['date_replaced'])}{by}: {correction['words']}"


def _period(part: dict[str, Any]) -> str:
    return f"{part['date_billing_period_start'][:10]} to {part['date_billing_period_end'][:10]}"


def _columns() -> int:
    return shutil.get_terminal_size().columns


def _say(text: str, indent: str = "") -> None:
    """A line for a person, broken between words where the window ends."""
    begin = "\n" * text.startswith("\n")
    lines = textwrap.wrap(
        plain(text.lstrip("\n")),
        max(40, _columns() - 1),
        initial_indent=indent,
        subsequent_indent=indent * 2,
        break_long_words=False,
        break_on_hyphens=False,
    )
    print(begin + "\n".join(lines))
