"""`tollbook archive`: old months of detail records to files, and back."""

import re
from argparse import Namespace
from collections.abc import Iterable

from tollbook import errors
from tollbook.cli.exits import DONE
from tollbook.cli.opening import book_of, read_argument
from tollbook.cli.output import note, print_json, print_table, progress
from tollbook.clock import parse_instant
from tollbook.errors import Flaw, Refusal
from tollbook.operations import archiving
from tollbook.operations.archiving import Month

_SHOWN = ("month", "result", "records", "file", "words")


def archive(arguments: Namespace) -> int:
    """Put months away, or bring one back."""
    if (arguments.before is None) is (arguments.restore is None):
        raise Refusal(errors.ARGUMENT_INVALID, Flaw("before", "give --before, or --restore"))
    if arguments.restore and arguments.to:
        raise Refusal(errors.ARGUMENT_INVALID, Flaw("to", "does not go with --restore: the book knows the folder"))
    months: list[Month] = []
    try:
        with progress("restoring" if arguments.restore else "archiving") as bar:
            months.extend(_done(arguments, lambda _, done, total: bar(done, total)))
    except BaseException:
        if months:  # what is done is told, whatever stopped the rest
            _tell(months, as_json=arguments.json)
        raise
    _tell(months, as_json=arguments.json)
    return DONE


def _done(arguments: Namespace, watch: archiving.Watch) -> Iterable[Month]:
    if arguments.restore:
        month = read_argument("restore", arguments.restore, _read_month)
        return archiving.restore(book_of(arguments), month, watch)
    before = read_argument("before", arguments.before, parse_instant)
    return archiving.archive(book_of(arguments), before, arguments.to, watch)


def _read_month(text: str) -> int:
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}", text):
        raise ValueError("expected a month like 2024-01")
    return parse_instant(f"{text}-01")


def _tell(months: list[Month], *, as_json: bool) -> None:
    if as_json:
        print_json([month._asdict() for month in months])
    elif months:
        print_table(_SHOWN, months, right=("records",), folded=("words",))
    else:
        note("there is nothing to put away")
