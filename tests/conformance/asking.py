"""Short ways to ask a store: a list by its decoded arguments, its sids, its pages laid end to end."""

import json
from typing import Any
from urllib.parse import quote

from tests.making import CHILD, EVERYTHING

from tollbook.billing.model import Sight
from tollbook.query.fields import INVOICES, PARTNERS, Resource
from tollbook.query.listing import ListQuery, parse_list
from tollbook.store import Page, Reads, Store


def query(resource: Resource = INVOICES, **arguments: Any) -> ListQuery:
    """The list that decoded arguments ask for; those that are None are left out."""
    given = {name: value for name, value in arguments.items() if value is not None}
    return parse_list("&".join(f"{name}={quote(str(value))}" for name, value in given.items()), resource)


def page(store: Store, sight: Sight = EVERYTHING, resource: Resource = INVOICES, **arguments: Any) -> Page:
    """One page, in a snapshot of its own."""
    with store.reading() as book:
        return book.page(sight, query(resource, **arguments))


def sids(page: Page) -> list[str]:
    """The sids of a page, in order."""
    return [row.sid for row in page.rows]


def found(store: Store, filter: str, resource: Resource = INVOICES, sight: Sight = EVERYTHING) -> list[str]:  # noqa: A002
    """The sids of all that match a filter, in the order of the sid."""
    answer = page(store, sight, resource, filter=filter, limit=1000, order=resource.sid)
    assert answer.total == len(answer.rows)
    return sids(answer)


def records(page: Page) -> list[dict[str, Any]]:
    """The records of a page as a client sees them."""
    return [json.loads(row.document) for row in page.rows]


def balance(book: Reads, partner_sid: str = CHILD) -> str:
    """A partner's balance as a client sees it."""
    (shown,) = [one for one in records(book.page(EVERYTHING, query(PARTNERS))) if one["partner_sid"] == partner_sid]
    return str(shown["balance"])


def laid_end_to_end(store: Store, sight: Sight = EVERYTHING, **arguments: Any) -> list[str]:
    """All sids of a list, page after page by offset."""
    laid: list[str] = []
    while True:
        answer = page(store, sight, **arguments, offset=len(laid))
        laid += sids(answer)
        if not answer.has_next:
            return laid


def walked(store: Store, name: str, start: str | None, sight: Sight = EVERYTHING, **arguments: Any) -> list[str]:
    """All sids of a list on one side of a record (`after`, `before`), page after page by cursor, nearest first."""
    laid: list[str] = []
    while True:
        cursor: dict[str, Any] = {name: start}
        answer = page(store, sight, **arguments, **cursor)
        came = sids(answer) if name == "after" else sids(answer)[::-1]
        laid += came
        if not (answer.has_next if name == "after" else answer.has_previous):
            return laid
        start = came[-1]
