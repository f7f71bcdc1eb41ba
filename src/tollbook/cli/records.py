"""Nouns and lists as the API shows them, for the verbs that print them."""

from collections.abc import Iterator
from typing import Any

from tollbook import limits
from tollbook.billing.model import Caller, Partner, Token
from tollbook.operations.reading import list_records
from tollbook.query.fields import PARTNERS, TOKENS, Resource
from tollbook.query.listing import parse_list
from tollbook.query.records import decode_json, wire_record
from tollbook.store import Store


def partner_record(partner: Partner) -> dict[str, Any]:
    """A partner as the API shows it."""
    return wire_record(PARTNERS.fields, lambda name: getattr(partner, name))


def token_record(token: Token) -> dict[str, Any]:
    """A token as the API shows it at its making, with its secrets."""
    record = wire_record(TOKENS.fields, lambda name: getattr(token, name))
    return record | {"access_token": token.access_token, "refresh_token": token.refresh_token}


def every_record(store: Store, caller: Caller, resource: Resource, arguments: str = "") -> Iterator[dict[str, Any]]:
    """All records of a list in the caller's sight, page after page."""
    after = ""
    while True:
        page = list_records(store, caller, parse_list(f"limit={limits.LIMIT_MAX}{arguments}{after}", resource))
        yield from map(decode_json, page.documents)
        if not page.has_next:
            return
        after = f"&after={page.last}"
