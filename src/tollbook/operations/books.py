"""A new book: its operator, the root of the partner tree, and the first token."""

import re
from typing import NamedTuple

from tollbook import errors, limits
from tollbook.billing.model import Caller, Partner, Token
from tollbook.billing.scopes import SCOPES
from tollbook.clock import Clock, in_range
from tollbook.errors import Flaw, Refusal
from tollbook.operations.partners import new_partner, read_name
from tollbook.operations.sandbox import furnish
from tollbook.operations.tokens import Wish, grant_to
from tollbook.store import Store, book_files, create_store, is_served, open_store, store_path

FIRST_TOKEN_SECONDS = limits.ACCESS_TOKEN_SECONDS_MAX
_CURRENCY = re.compile(r"[A-Z]{3}")


class Founded(NamedTuple):
    """A new book, open, with its operator and the first token, whose secret is shown once."""

    store: Store
    operator: Partner
    token: Token


def create_book(
    url: str,
    clock: Clock,
    *,
    name: str = "Operator",
    currency: str = "USD",
    partner_sid: str | None = None,
    sandbox_clock: int | None = None,
    unfinished: str = "",
    distributed: bool = False,
) -> Founded:
    """Make a book at a path or URL where nothing is; it appears there whole, or not at all.

    With `sandbox_clock` it is a sandbox that begins at that instant. `unfinished` is why more is done to it before
    others may open it, where a server has it: until `finish_store`. With `distributed` it is spread over a cluster.
    """
    _check(name, currency, sandbox_clock)
    if distributed or is_served(url):
        store = create_store(url, clock, unfinished, distributed=distributed)
        return Founded(store, *_found(store, name, currency, partner_sid, sandbox_clock))
    target = store_path(url)
    book_files.refuse_present(target)
    part = target.with_name(target.name + ".making")
    book_files.remove_book(part)
    store = create_store(str(part), clock)
    founded = _found(store, name, currency, partner_sid, sandbox_clock)
    store.close()
    book_files.put_first(part, target)
    return Founded(open_store(url, clock), *founded)


def _found(
    store: Store, name: str, currency: str, partner_sid: str | None, sandbox_clock: int | None
) -> tuple[Partner, Token]:
    """Give an empty book its operator, who may do everything, and the first token."""
    if sandbox_clock is not None:
        store.act(lambda act: furnish(act, sandbox_clock))
    with store.writing() as act:
        operator = new_partner(act, name=name, parent_sid=None, available_scopes=SCOPES, partner_sid=partner_sid)
        act.add_partner(operator)
        act.set_book("currency", currency)
    wish = Wish(name="first token", expires_in=FIRST_TOKEN_SECONDS)
    return operator, grant_to(store, operator_caller(store), operator.partner_sid, wish)


def _check(name: str, currency: str, sandbox_clock: int | None) -> None:
    """Refuse what the book would be stuck with."""
    try:
        read_name(name)
    except ValueError as error:
        raise Refusal(errors.SETTING_INVALID, Flaw("name", str(error))) from None
    if not _CURRENCY.fullmatch(currency):
        raise Refusal(errors.SETTING_INVALID, Flaw("currency", "expected an ISO 4217 code of three capitals like USD"))
    if sandbox_clock is not None and not in_range(sandbox_clock):
        raise Refusal(errors.SETTING_INVALID, Flaw("clock", "expected a year from 2000 to 2100"))


def operator_caller(store: Store) -> Caller:
    """The operator at the command line: whoever can read the file may do everything."""
    with store.reading() as book:
        sid = book.operator_sid()
    return Caller(partner_sid=sid, scopes=frozenset(SCOPES), is_operator=True)
