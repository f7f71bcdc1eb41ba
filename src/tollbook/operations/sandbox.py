"""A sandbox: a book whose time stands still until somebody moves it, so that anyone can watch an invoice close.

Its instant is in the book, so that every process has the same. It moves forward only, and what then falls due is run
at once. Logins and tokens keep the machine's time.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from tollbook import errors
from tollbook.billing.model import Caller
from tollbook.clock import format_instant, in_range, parse_span, parse_zoned_instant
from tollbook.errors import Flaw, Refusal
from tollbook.operations.billing_run import Run
from tollbook.operations.ticking import run_due
from tollbook.query.records import Number, encode_json
from tollbook.store import Reads, Store, Writes

CLOCK = "sandbox_clock"


class Move(NamedTuple):
    """Where a clock is to be moved: to an instant, or by so many milliseconds."""

    to: int | None = None
    by: int = 0


def furnish(act: Writes, instant: int) -> None:
    """Make a new book a sandbox that begins at an instant; its invoices close as soon as their period is over."""
    act.set_book(CLOCK, str(instant))
    act.set_book("close_delay_seconds", "0")


def read_move(body: Mapping[str, Any]) -> Move:
    """The move that a body asks for, by `now` or by `advance`; one 422 names all that is wrong.

    >>> read_move({"advance": "31d"}).by
    2678400000
    >>> read_move({"advance": "31d", "now": "2025-01-20T00:00:00Z"})
    Traceback (most recent call last):
    tollbook.errors.Refusal: now: give now or advance, not both
    """
    flaws = [Flaw(name, "unknown attribute; give now or advance") for name in body if name not in ("advance", "now")]
    values: dict[str, int] = {}
    for name, read in (("advance", parse_span), ("now", parse_zoned_instant)):
        if name in body:
            try:
                values[name] = read(_text(body[name]))
            except ValueError as error:
                flaws.append(Flaw(name, str(error)))
    if "now" in body and "advance" in body:
        flaws.append(Flaw("now", "give now or advance, not both"))
    elif not body:
        flaws.append(Flaw("advance", "give now or advance"))
    if flaws:
        raise Refusal(errors.OBJECT_INVALID, *flaws)
    return Move(values.get("now"), values.get("advance", 0))


def _text(value: Any) -> str:
    if not isinstance(value, str) or isinstance(value, Number):
        raise ValueError("expected a text")
    return value


def clock_of(book: Reads) -> int:
    """The instant of a sandbox; 404 where the book is none."""
    instant = book.instants().sandbox_clock
    if instant is None:
        said = "this book is not a sandbox: its time is the machine's"
        raise Refusal(errors.PATH_UNKNOWN, Flaw(None, said))
    return instant


def show(store: Store) -> bytes:
    """A sandbox's instant as the wire has it; 404 where the book is none."""
    with store.reading() as book:
        return _shown(clock_of(book))


def move_as_asked(act: Writes, caller: Caller, body: Mapping[str, Any]) -> bytes:
    """The same by a body; what is wrong with it is told only where there is a clock."""
    clock_of(act)
    return move(act, caller, read_move(body))


def move(act: Writes, caller: Caller, wished: Move) -> bytes:
    """Move a sandbox's clock and answer with its instant; 403 for anyone but the operator, 422 for the past."""
    now = clock_of(act)
    if not caller.is_operator:
        raise Refusal(errors.OPERATOR_ONLY, Flaw(None, "the clock is everybody's: only the operator moves it"))
    act.hold_book(CLOCK, str(now))
    now = clock_of(act)  # somebody else may have moved it
    name, to = ("advance", now + wished.by) if wished.to is None else ("now", wished.to)
    if to < now:
        raise Refusal(errors.OBJECT_INVALID, Flaw(name, f"is in the past: it is {format_instant(now)} already"))
    if not in_range(to):
        raise Refusal(errors.OBJECT_INVALID, Flaw(name, "leads beyond the year 2100"))
    act.set_book(CLOCK, str(to))
    return _shown(to)


def move_and_run(store: Store, caller: Caller, wished: Move) -> tuple[bytes, Run]:
    """Move a sandbox's clock, then run what falls due; its instant as the wire has it, and what was done."""
    shown = store.act(lambda act: move(act, caller, wished))
    return shown, run_due(store)


def _shown(instant: int) -> bytes:
    return encode_json({"now": format_instant(instant)})
