"""`tollbook clock`: the time of a sandbox."""

from argparse import Namespace

from tollbook.cli.exits import DONE
from tollbook.cli.opening import book_of, read_argument
from tollbook.cli.output import note, print_json, readable
from tollbook.clock import parse_instant, parse_span
from tollbook.operations import sandbox
from tollbook.operations.books import operator_caller
from tollbook.operations.sandbox import Move
from tollbook.query.records import decode_json


def show(arguments: Namespace) -> int:
    """Show what time it is."""
    return _shown(arguments, sandbox.show(book_of(arguments)))


def advance(arguments: Namespace) -> int:
    """Move the clock forward, and run what falls due."""
    return _move(arguments, Move(by=read_argument("span", arguments.span, parse_span)))


def set_to(arguments: Namespace) -> int:
    """Move the clock to an instant, and run what falls due."""
    return _move(arguments, Move(to=read_argument("instant", arguments.instant, parse_instant)))


def _move(arguments: Namespace, wished: Move) -> int:
    store = book_of(arguments)
    answer, run = sandbox.move_and_run(store, operator_caller(store), wished)
    if run.closed and not arguments.json:
        note(f"{run.closed:,} invoice{'' if run.closed == 1 else 's'} closed and issued: tollbook invoices")
    return _shown(arguments, answer)


def _shown(arguments: Namespace, answer: bytes) -> int:
    record = decode_json(answer)
    if arguments.json:
        print_json(record)
    else:
        print(readable(record["now"]))
    return DONE
