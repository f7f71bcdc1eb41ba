"""`tollbook invoices` and `tollbook explain-query`: the API's list at the command line."""

import shlex
import sys
from argparse import Namespace
from typing import Any
from urllib.parse import quote, urlencode

from tollbook import errors
from tollbook.billing.model import Caller
from tollbook.cli.exits import DONE
from tollbook.cli.opening import book_of, settings_of
from tollbook.cli.output import note, print_json, print_table, readable
from tollbook.cli.secrets import token_in
from tollbook.clock import format_instant
from tollbook.config import Settings
from tollbook.errors import Flaw, Refusal
from tollbook.money import format_amount, format_rate
from tollbook.operations.books import operator_caller
from tollbook.operations.reading import Listed, list_records
from tollbook.operations.sights import sight_of
from tollbook.operations.tokens import caller_of_partner, caller_of_token
from tollbook.query.fields import INVOICES, Kind
from tollbook.query.filters import Condition
from tollbook.query.listing import ListQuery, OrderKey, parse_list
from tollbook.query.records import decode_json, encode_json
from tollbook.store import Store

_ARGUMENTS = {
    "filter": "filter",
    "order": "order",
    "limit": "limit",
    "offset": "offset",
    "after": "after",
    "before": "before",
    "fields": "include_fields",
}
_SHOWN = ("display_id", "date_created", "status", "amount", "amount_tax", "amount_due", "partner_sid", "invoice_sid")
_NESTED = tuple(name for name, field in INVOICES.by_name.items() if field.kind in (Kind.ROWS, Kind.OBJECT))
_MONEY = tuple(field.name for field in INVOICES.fields if field.kind is Kind.MONEY)


def invoices(arguments: Namespace) -> int:
    """List invoices as the API would."""
    settings, _ = settings_of(arguments)
    query = _query_string(arguments)
    asked = parse_list(query, INVOICES)
    address = f"{_base(settings)}/core/v2{INVOICES.path}"
    if arguments.curl:
        print(_curl(f"{address}?{query}" if query else address))
        return DONE
    store = book_of(arguments)
    page = list_records(store, _caller(store, arguments), asked)
    if arguments.json or not sys.stdout.isatty():
        from tollbook.api.wire import list_answer

        print(list_answer(asked, page, address).body.decode())
    else:
        _print_page(asked, page, whole=not arguments.fields)
    return DONE


def _query_string(arguments: Namespace) -> str:
    given = {name: getattr(arguments, flag) for flag, name in _ARGUMENTS.items()}
    if arguments.with_related:
        given["with_related"] = "true"
    return urlencode({name: value for name, value in given.items() if value is not None}, quote_via=quote, safe=",:")


def _base(settings: Settings) -> str:
    return settings.public_url.rstrip("/") or f"http://{settings.host}:{settings.port}"


def _curl(url: str) -> str:
    """The request as a command; the token stays in the environment."""
    return f'curl -H "Authorization: Bearer $TOLLBOOK_TOKEN" {shlex.quote(url)}'


def _caller(store: Store, arguments: Namespace) -> Caller:
    """As whom to look: the holder of a token, a partner, or the operator."""
    if arguments.token_file and arguments.partner:
        raise Refusal(errors.ARGUMENT_INVALID, Flaw("partner", "does not go with --token-file"))
    if arguments.token_file:
        return caller_of_token(store, token_in(arguments.token_file, "") or "")[0]
    return caller_of_partner(store, arguments.partner) if arguments.partner else operator_caller(store)


def _print_page(asked: ListQuery, page: Listed, *, whole: bool) -> None:
    """A page for a person; what is left is said below."""
    records = [decode_json(document) for document in page.documents]
    names = [name for name in _SHOWN if whole or any(name in record for record in records)]
    names += [name for name in INVOICES.by_name if name not in names and not whole and name in _met(records)]
    rows = [[_cell(record.get(name)) for name in names] for record in records]
    print_table(names, rows, right=_MONEY, folded=_NESTED, own="invoice_sid")
    note(f"{len(records)} of {page.total} invoices")
    if page.has_next and not asked.shuffle:
        more = f"--after {page.last}" if asked.cursor else f"--offset {asked.offset + asked.limit}"
        note(f"more: {more}")


def _met(records: list[dict[str, Any]]) -> set[str]:
    return {name for record in records for name in record}


def _cell(value: Any) -> str:
    if isinstance(value, (list, dict)):
        return encode_json(value).decode()
    return readable(value)


def explain_query(arguments: Namespace) -> int:
    """Show what a filter and an order become, down to the database's plan."""
    store = book_of(arguments)
    caller = caller_of_partner(store, arguments.partner) if arguments.partner else operator_caller(store)
    given = {"filter": arguments.filter, "order": arguments.order or ""}
    asked = parse_list(urlencode(given, quote_via=quote), INVOICES)
    conditions = [_condition(condition) for condition in asked.conditions]
    order = ["shuffle"] if asked.shuffle else [_order(key) for key in asked.order]
    steps = store.explain(sight_of(caller, INVOICES), asked)
    if arguments.json:
        print_json({"conditions": conditions, "order": order, "statements": [step._asdict() for step in steps]})
        return DONE
    headings = ("attribute", "kind", "operator", "values", "inside")
    print_table(
        headings,
        [[_cell(row[heading]) for heading in headings] for row in conditions],
        folded=headings,
        title="Conditions",
    )
    print(f"Order: {', '.join(order)}\n")
    for number, step in enumerate(steps, 1):
        print(f"Statement {number}:\n  {step.statement}\nParameters: {list(step.parameters)}\nPlan:")
        print("\n".join(f"  {line}" for line in step.plan) + "\n")
    return DONE


def _order(key: OrderKey) -> str:
    return f"{'.'.join(field.name for field in key.path)} {'desc' if key.descending else 'asc'}"


def _condition(condition: Condition) -> dict[str, Any]:
    """One condition: what was asked, and the values that are compared inside."""
    path = [field.name for field in condition.path] + ([condition.key] if condition.key else [])
    return {
        "attribute": ".".join(path),
        "kind": condition.field.kind.value,
        "operator": condition.operator.value,
        "values": [_wire(condition.field.kind, value) for value in condition.values] or None,
        "inside": list(condition.values) or None,
    }


def _wire(kind: Kind, value: Any) -> Any:
    if kind is Kind.MONEY:
        return format_amount(value)
    if kind is Kind.DECIMAL:
        return format_rate(value)
    return format_instant(value) if kind is Kind.INSTANT else value
