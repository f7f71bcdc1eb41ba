"""What schemathesis cannot know from a schema, and so would blame the server for.

Loaded by the `schemathesis` process that `test_schemathesis.py` starts; TOLLBOOK_HOOKS holds the server's address
and what is in its book. Requests that are meant to be wrong are left as they are; each rule has its reason.
"""

import functools
import json
import os
import random
import re
import unicodedata
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import schemathesis
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from schemathesis.specs.openapi.checks import response_schema_conformance

from tollbook import limits
from tollbook.billing.scopes import SCOPES
from tollbook.clock import format_instant
from tollbook.errors import Refusal
from tollbook.money import format_amount, format_rate
from tollbook.query.fields import RESOURCES, SCALARS, Field, Kind, Resource
from tollbook.query.filters import parse_filter
from tollbook.query.listing import ALIASES, parse_order

KNOWN: dict[str, Any] = json.loads(os.environ["TOLLBOOK_HOOKS"])
_dice = random.Random(7)

# Values of the formats that are our own, made once: to draw from a list is quick.

_SAMPLES = 400
_LETTERS = "abzAZ09 _-.,%'\"\\:;/@(){}[]<>&=+*#!?|~^`$äßéøŁжאش中あ한😀\u00a0\u200b\u2028"
_ORDERED = ("eq", "ne", "lt", "le", "gt", "ge")


def _text() -> str:
    return "".join(_dice.choices(_LETTERS, k=_dice.randrange(12)))


def _moment() -> str:
    return format_instant(_dice.randrange(10**12, 4 * 10**12))


_LITERALS: dict[Kind, Callable[[], str]] = {
    Kind.MONEY: lambda: format_amount(_dice.randrange(-(10**12), 10**12)),
    Kind.DECIMAL: lambda: format_rate(_dice.randrange(-(10**12), 10**12)),
    Kind.INTEGER: lambda: str(_dice.randrange(-(10**14), 10**14)),
    Kind.INSTANT: _moment,
    Kind.TEXT: lambda: '"' + re.sub(r'(["\\])', r"\\\1", _text()) + '"',
    Kind.SID: lambda: _dice.choice(KNOWN["sids"]),
    Kind.BOOLEAN: lambda: _dice.choice(["true", "false"]),
}


def _paths(resource: Resource, *, rows: bool) -> list[tuple[str, Kind]]:
    """The dotted paths of a resource that can be compared, or without `rows` ordered by."""

    def scalar(prefix: str, field: Field) -> list[tuple[str, Kind]]:
        if field.kind in SCALARS:
            return [(prefix + field.name, field.kind)]
        below = field.kind is Kind.OBJECT or (rows and field.kind is Kind.ROWS)
        return [found for part in field.parts for found in scalar(f"{field.name}.", part)] if below else []

    return [found for field in (*resource.fields, *resource.related) for found in scalar("", field)]


def _condition(path: str, kind: Kind) -> str:
    literal = _LITERALS[kind]
    if _dice.random() < 0.15:
        return f"{path} {_dice.choice(['eq', 'ne'])} null"
    if kind is not Kind.BOOLEAN and _dice.random() < 0.2:
        return f"{path} in ({', '.join(literal() for _ in range(_dice.randrange(1, 4)))})"
    return f"{path} {_dice.choice(_ORDERED[:2] if kind is Kind.BOOLEAN else _ORDERED)} {literal()}"


def _filter(resource: Resource) -> str:
    chosen = _dice.choices(_paths(resource, rows=True), k=_dice.randrange(4))
    return " and ".join(_condition(path, kind) for path, kind in chosen)


def _order(resource: Resource) -> str:
    if _dice.random() < 0.1:
        return "shuffle"
    names = [name for name, _ in _paths(resource, rows=False)]
    chosen = _dice.sample(names, k=_dice.randrange(limits.ORDER_KEYS_MAX + 1))
    return ",".join(name + _dice.choice(["", " asc", " desc", " DESC"]) for name in chosen)


def _fields(resource: Resource) -> str:
    return ",".join(_dice.choices([*resource.paths(), "unknown", "a.b.c"], k=_dice.randrange(5)))


def _register(name: str, make: Callable[[], str]) -> None:
    schemathesis.openapi.format(name, st.sampled_from(sorted({make() for _ in range(_SAMPLES)})))


_register("text", lambda: unicodedata.normalize("NFC", _text()))
_register("short-text", _text)
_register("scopes", lambda: " ".join(_dice.sample(SCOPES, k=_dice.randrange(4))))
for _resource in RESOURCES:
    _register(f"{_resource.name}-filter", functools.partial(_filter, _resource))
    _register(f"{_resource.name}-order", functools.partial(_order, _resource))
    _register(f"{_resource.name}-fields", functools.partial(_fields, _resource))


# Requests as they go out.


@schemathesis.auth()
class Bearer:
    """The caller's token, on every operation that wants one."""

    def get(self, _: Any, __: Any) -> str:
        """The token."""
        return str(KNOWN["token"])

    def set(self, case: Any, data: str, _: Any) -> None:
        """Put it on a request."""
        case.headers = {**(case.headers or {}), "Authorization": f"Bearer {data}"}


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Give each request an address of its own and known sids; mend what only looks valid."""
    case.headers = dict(case.headers or {})
    # The budget of wrong credentials counts by address; a scan that comes from one would measure only that.
    case.headers["X-Forwarded-For"] = ".".join(str(_dice.randrange(1, 255)) for _ in range(4))
    _aim(case)
    if "oauth/revoke" in case.path and case.headers.get("Authorization") == f"Bearer {KNOWN['token']}":
        # It may end the token in use, after which everything would be a 401.
        case.headers["Authorization"] = f"Bearer {fresh_token()['access_token']}"
    if case.meta is None or case.meta.generation.mode.is_positive:
        if "Idempotency-Key" in case.headers:  # which may come with one request only
            case.headers["Idempotency-Key"] = f"{_dice.getrandbits(100):x}"
        for mend in (_mend_arguments, _mend_body, _mend_records):
            mend(case)
    elif isinstance(case.query, dict):
        for name in [name for name, value in case.query.items() if value in ({}, [])]:
            case.query[name] = "{}"  # an empty object is nothing on the wire, and nothing means the default


def _aim(case: Any) -> None:
    """Three of four valid sids become one that exists: nobody finds one by chance."""
    for name, value in (case.path_parameters or {}).items():
        if isinstance(value, str) and re.fullmatch(r"[0-9a-f-]{36}", value) and _dice.random() < 0.75:
            case.path_parameters[name] = _dice.choice(KNOWN[name])


def _mend_arguments(case: Any) -> None:
    query = case.query
    if not isinstance(query, dict):
        return
    for alias, name in ALIASES.items():  # OpenAPI cannot say that two arguments are one
        if name in query:
            query.pop(alias, None)
    if query.get("after"):  # nor that some exclude each other
        query.pop("before", None)
    if query.get("after") or query.get("before"):
        query.pop("offset", None)
        if str(query.get("order", "")).strip() == "shuffle":
            query.pop("order")
    if "date_start" in query:  # nor which years there are
        query["date_start"] = _moment()
    if "text" in query:
        query.pop("message_segments", None)
    path = case.path.replace("/rates/inbound/", "/rates/outbound/")
    resource = next((each for each in RESOURCES if path.endswith(each.path)), None)
    if resource:  # nor the grammar of these two
        _keep_if(query, "filter", lambda text: parse_filter(text, resource))
        _keep_if(query, "order", lambda text: parse_order(text, resource))


def _keep_if(query: dict[str, Any], name: str, parse: Callable[[str], Any]) -> None:
    try:
        parse(str(query.get(name, "")))
    except Refusal:
        del query[name]


def _mend_body(case: Any) -> None:
    body = case.body
    if not isinstance(body, dict):
        return
    if body.get("login"):  # unique in the book; a schema knows one body at a time
        body["login"] = f"{body['login'][:60]}{_dice.getrandbits(100):x}"
    if body.get("parent_sid"):  # of a partner that exists, beneath the caller
        body["parent_sid"] = KNOWN["parent_sid"]
    for name, value in body.items():
        if isinstance(value, float):  # JSON Schema cannot bound decimals without binary fractions
            body[name] = int(value)
        if isinstance(value, str) and name in _TEXTS and not unicodedata.is_normalized("NFC", value):
            body[name] = unicodedata.normalize("NFC", value)
    if "billing/" in case.path:
        _mend_billing(body)
    if "{partner_sid}" in case.path and case.method != "POST":  # a partner does not set its own terms
        case.path_parameters["partner_sid"] = _dice.choice(KNOWN["partner_sid"])
    if case.path.endswith("/oauth/token/{partner_sid}"):  # whose scopes no other request of this scan narrows
        case.path_parameters["partner_sid"] = KNOWN["parent_sid"]
    if body.get("grant_type") == "password":
        body |= {"username": KNOWN["username"], "password": KNOWN["password"]}
    if body.get("grant_type") == "refresh_token" and case.path.endswith("/oauth/token"):
        body["refresh_token"] = fresh_token()["refresh_token"]


def _mend_records(case: Any) -> None:
    """When and to whom a record may be is the book's to say, and what a correction may say depends on the record.

    So a record goes among others, where each has its result; and a correction is one of a record that nobody has.
    """
    if "{dr_sid}" in case.path and case.method in ("PATCH", "DELETE"):
        case.path_parameters["dr_sid"] = "nobody-has-it"
    if case.path in _RECORDED and isinstance(case.body, dict) and "items" not in case.body:
        case.body = {"items": [case.body]}


def _mend_billing(body: dict[str, Any]) -> None:
    """What a schema knows nothing of: the currency's minor units, which years are data, what there is to refund."""
    if "amount" in body:
        digits = re.sub("[^0-9]", "", str(body["amount"]).partition(".")[0])
        body["amount"] = digits if digits.strip("0") else "1"
    body.pop("refunds_sid", None)
    if body.get("date_value"):
        body["date_value"] = "2024-12-23T00:00:00Z"


_RECORDED = ("/core/v2/calls/call_drs", "/core/v2/sms/message_drs", "/core/v2/billing/usage")
_TEXTS = frozenset({"name", "client_id", "reason"})


# Answers.


@schemathesis.check
def answer_as_described(context: Any, response: Any, case: Any) -> None:
    """`response_schema_conformance`, but for answers that were cut: there nothing is required.

    OpenAPI cannot let an answer's schema depend on an argument.
    """
    asked = case.query if isinstance(case.query, dict) else {}
    if not any(name in asked for name in ("include_fields", "exclude_fields", *ALIASES)):
        response_schema_conformance(context, response, case)
    elif response.status_code == 200:
        (content,) = case.operation.definition.raw["responses"]["200"]["content"].values()
        Draft202012Validator(content["schema"] | {"components": _optional()}).validate(response.json())


@functools.cache
def _optional() -> Any:
    """The components of the description with nothing required."""

    def without(node: Any) -> Any:
        if isinstance(node, dict):
            return {name: without(value) for name, value in node.items() if name != "required"}
        return [without(value) for value in node] if isinstance(node, list) else node

    with urllib.request.urlopen(f"{KNOWN['url']}/openapi.json", timeout=10) as answer:
        return without(json.load(answer)["components"])


def fresh_token() -> Any:
    """A token of the caller's for one request."""
    request = urllib.request.Request(
        f"{KNOWN['url']}/core/v2/oauth/token/{KNOWN['parent_sid']}",
        data=urlencode({"name": "one request"}).encode(),
        headers={"Authorization": f"Bearer {KNOWN['token']}", "Content-Type": "application/x-www-form-urlencoded"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)
