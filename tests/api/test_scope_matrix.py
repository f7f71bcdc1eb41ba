"""Every route with every scope: which let a caller in is written here by hand, a row for each route.

A new route without a row fails, and so does a row without a route. What the routes themselves say is not asked.
"""

import re
import uuid
from typing import Any

import pytest
from msgspec.structs import replace
from tests.api.client import CORE, PASSWORD, World, basic, make_world
from tests.api.shelf import put_rates
from tests.api.usage_world import BEGINS, WHEN, put_record
from tests.engine import call, message
from tests.making import CHILD, NOW, OPERATOR, invoice, put, sid

from tollbook.api.documentation import ROUTES as DOCUMENTATION
from tollbook.api.health import ROUTES as HEALTH
from tollbook.api.resources import ROUTES
from tollbook.billing.ledger import Payment
from tollbook.billing.scopes import SCOPES
from tollbook.operations.books import operator_caller
from tollbook.operations.recording import record
from tollbook.operations.sandbox import furnish
from tollbook.operations.standing import begin_billing
from tollbook.operations.tokens import fingerprint

ANY: frozenset[str | None] = frozenset((*SCOPES, None))
RATING = frozenset({"rating.manage", "rating.read"})
INVOICES = frozenset({"invoices.manage", "invoices.read"})
INVOICES_MANAGE = frozenset({"invoices.manage"})
PAYMENTS_READ = frozenset({"payments.manage", "payments.read"})
PARTNERS_READ = frozenset({"partners.manage", "partners.read"})
PARTNERS_CREATE = frozenset({"partners.manage", "partners.create"})
PARTNERS_UPDATE = frozenset({"partners.manage", "partners.update"})
OAUTH_READ = frozenset({"oauth.manage_all_tokens", "oauth.manage", "oauth.read"})
OAUTH_CREATE = frozenset({"oauth.manage_all_tokens", "oauth.manage", "oauth.create"})
OAUTH_REVOKE = frozenset({"oauth.manage_all_tokens", "oauth.manage"})
OAUTH = frozenset({"oauth.manage_all_tokens", "oauth.manage", "oauth.create", "oauth.read"})

CALLS, SMS = ({verb: frozenset({f"{area}.manage", f"{area}.{verb}"}) for verb in ("create", "read", "update", "delete")}
              for area in ("calls", "sms"))  # fmt: skip

MATRIX: dict[tuple[str, str], frozenset[Any]] = {
    ("GET", "/billing/invoices"): INVOICES,
    ("GET", "/billing/invoices/{invoice_sid}"): INVOICES,
    ("GET", "/billing/invoices/{invoice_sid}/usage"): INVOICES,
    ("POST", "/billing/usage"): frozenset({"invoices.manage", "invoices.create"}),
    ("GET", "/calls/call_drs"): CALLS["read"],
    ("GET", "/calls/call_drs/{dr_sid}"): CALLS["read"],
    ("POST", "/calls/call_drs"): CALLS["create"],
    ("PATCH", "/calls/call_drs/{dr_sid}"): CALLS["update"],
    ("DELETE", "/calls/call_drs/{dr_sid}"): CALLS["delete"],
    ("GET", "/sms/message_drs"): SMS["read"],
    ("GET", "/sms/message_drs/{dr_sid}"): SMS["read"],
    ("POST", "/sms/message_drs"): SMS["create"],
    ("PATCH", "/sms/message_drs/{dr_sid}"): SMS["update"],
    ("DELETE", "/sms/message_drs/{dr_sid}"): SMS["delete"],
    ("GET", "/billing/invoices/{invoice_sid}/explain"): INVOICES,
    ("GET", "/partners"): PARTNERS_READ,
    ("POST", "/partners"): PARTNERS_CREATE,
    ("GET", "/partners/{partner_sid}"): PARTNERS_READ,
    ("PATCH", "/partners/{partner_sid}"): PARTNERS_UPDATE,
    ("PUT", "/partners/{partner_sid}"): PARTNERS_UPDATE,
    ("POST", "/oauth/token/{partner_sid}"): OAUTH_CREATE,
    ("GET", "/oauth/tokens"): OAUTH_READ,
    ("GET", "/oauth/tokens/{token_sid}"): OAUTH_READ,
    ("POST", "/oauth/revoke"): OAUTH_REVOKE,
    ("GET", "/oauth/whoami"): OAUTH,
    ("GET", "/billing/payments"): PAYMENTS_READ,
    ("POST", "/billing/payments"): frozenset({"payments.manage", "payments.create"}),
    ("GET", "/billing/payments/{payment_sid}"): PAYMENTS_READ,
    ("POST", "/billing/adjustments"): INVOICES_MANAGE,
    ("POST", "/billing/invoices/{invoice_sid}/void"): INVOICES_MANAGE,
    ("GET", "/calls/rates/inbound/pstn"): ANY,
    ("GET", "/calls/rates/outbound/pstn"): ANY,
    ("GET", "/sms/rates/outbound/{sub_type}"): ANY,
    ("GET", "/rating/calls/pstn"): RATING,
    ("GET", "/rating/sms/{sub_type}"): RATING,
    ("GET", "/rating/mms/{sub_type}"): RATING,
    ("GET", "/sandbox/clock"): INVOICES,
    ("POST", "/sandbox/clock"): INVOICES_MANAGE,
}
"""Any one of the scopes is enough; None is a token that has none."""

PUBLIC = {
    ("POST", f"{CORE}/oauth/token"),
    ("GET", "/health/live"),
    ("GET", "/health/ready"),
    ("GET", "/openapi.json"),
    ("GET", "/docs"),
    ("GET", "/docs/{name}"),
}
"""What needs no credentials."""

Key = tuple[str, str]

SENT: dict[Key, dict[str, Any]] = {
    ("POST", "/partners"): {"json_body": {"name": "New"}},
    ("PATCH", "/partners/{partner_sid}"): {"json_body": {}},
    ("PUT", "/partners/{partner_sid}"): {"json_body": {"name": "Same"}},
    ("POST", "/oauth/token/{partner_sid}"): {"form": {}},
    ("POST", "/oauth/revoke"): {"form": {"token": "nobody's"}},
    ("POST", "/billing/payments"): {"json_body": {"amount": "1", "type": "wire", "partner_sid": CHILD}},
    ("POST", "/billing/adjustments"): {
        "json_body": {"amount": "1", "kind": "goodwill", "reason": "x", "partner_sid": CHILD}
    },
    ("POST", "/billing/invoices/{invoice_sid}/void"): {"json_body": {"reason": "x"}},
    ("POST", "/sandbox/clock"): {"json_body": {"advance": "1s"}},
    ("POST", "/billing/usage"): {"json_body": {"items": [{}]}},
    ("POST", "/calls/call_drs"): {"json_body": {"items": [{}]}},
    ("PATCH", "/calls/call_drs/{dr_sid}"): {"json_body": {"reason": "a test"}},
    ("POST", "/sms/message_drs"): {"json_body": {"items": [{}]}},
    ("PATCH", "/sms/message_drs/{dr_sid}"): {"json_body": {"reason": "a test"}},
}
"""The bodies of those that take one."""

ANSWERED = {("POST", "/billing/invoices/{invoice_sid}/void"): (409,)}
"""What those are answered who are let in, where it is no success: the invoice is open, and cannot be voided."""

ASKED = {
    ("GET", "/rating/calls/pstn"): "?direction=outbound&duration=10&to=17605692222",
    ("GET", "/rating/sms/{sub_type}"): "?direction=outbound&to=17605692222",
    ("GET", "/rating/mms/{sub_type}"): "?direction=outbound&to=17605692222",
}
"""The arguments of those that need some."""

every_route = pytest.mark.parametrize("key", MATRIX, ids=" ".join)


@pytest.fixture(scope="module")
def scoped(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A world with a token for each scope, and one for none; a sandbox, so that it has all paths."""
    world = make_world(tmp_path_factory.mktemp("scoped"))
    world.store.act(lambda act: furnish(act, NOW))
    put(world.store, invoice(1, OPERATOR))
    paid = Payment(
        partner_sid=OPERATOR, payment_sid=sid(2), kind="payment", amount=1, type="wire", date_created=NOW, who=OPERATOR
    )
    with world.store.writing() as act:
        act.add_payment(paid)
        begin_billing(act, CHILD, "a test", begins=BEGINS)
    put_rates(world)
    return world


def target(world: World, key: Key) -> str:
    """A route's path with sids that exist and belong to the caller."""
    own = {"invoice_sid": sid(1), "payment_sid": sid(2), "partner_sid": OPERATOR, "sub_type": "toll"}
    if "{token_sid}" in key[1]:
        own["token_sid"] = world.granted(OPERATOR)["token_sid"]
    if "{dr_sid}" in key[1]:
        own["dr_sid"] = a_record(world, "call" if "/calls/" in key[1] else "message", billed=key[0] != "GET")
    asked = "?reason=a+test" if key[0] == "DELETE" else ASKED.get(key, "")
    return CORE + key[1].format(**own) + asked


def a_record(world: World, kind: str, *, billed: bool) -> str:
    """A new record: of a partner that is billed, which can be corrected, or of the operator, who sees it as its own."""
    make = call if kind == "call" else message
    made: Any = make(CHILD if billed else OPERATOR, str(uuid.uuid4()), WHEN)
    if billed:
        (outcome,) = world.store.act(lambda act: record(act, operator_caller(world.store), [made]))
        assert outcome.result == "accepted"
    else:
        put_record(world.store, made)
    return str(made.dr_sid)


def test_every_route_has_its_row_and_every_row_its_route() -> None:
    guarded = {(route.method, route.path) for route in ROUTES if not route.public}
    public = {(route.method, CORE + route.path) for route in ROUTES if route.public}
    public |= {(route.method, route.path) for route in (*DOCUMENTATION, *HEALTH)}
    assert guarded == set(MATRIX)
    assert public == PUBLIC
    assert all(route.public for route in (*DOCUMENTATION, *HEALTH))


@pytest.mark.parametrize("scope", [*SCOPES, None], ids=str)
@every_route
def test_a_scope_lets_in_where_its_row_says(scoped: World, key: Key, scope: str | None) -> None:
    token = scoped.granted(OPERATOR, scope)["access_token"] if scope else unscoped(scoped)
    reply = scoped.ask(key[0], target(scoped, key), token, **SENT.get(key, {}))
    if scope in MATRIX[key]:
        assert reply.status in ANSWERED.get(key, (200, 204)), reply.body
        return
    assert (reply.status, reply.code) == (403, "scope_missing")
    (flaw,) = reply.json["errors"]
    named = set(re.findall(r"[a-z]+\.[a-z_]+", flaw["message"]))
    assert named == MATRIX[key]


def unscoped(world: World) -> str:
    """A token that was narrowed to nothing."""
    granted = world.granted(OPERATOR, "invoices.read")
    access, refresh = (fingerprint(granted[name]) for name in ("access_token", "refresh_token"))
    with world.store.writing() as act:
        token = act.token_by_refresh(refresh)
        assert token is not None
        act.renew_token(replace(token, scopes=()), access, refresh)
    return str(granted["access_token"])


@every_route
def test_all_scopes_together_let_in_everywhere(scoped: World, key: Key) -> None:
    reply = scoped.ask(key[0], target(scoped, key), scoped.token(OPERATOR), **SENT.get(key, {}))
    assert reply.status in ANSWERED.get(key, (200, 204)), reply.body


@every_route
def test_a_login_and_password_may_do_what_the_partner_may(scoped: World, key: Key) -> None:
    sent = SENT.get(key, {})
    reply = scoped.ask(key[0], target(scoped, key), Authorization=basic("operator", PASSWORD), **sent)
    assert reply.status in ANSWERED.get(key, (200, 204)), reply.body


@every_route
@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Bearer ", "Basic Og==", "Digest x", "token"])
def test_nobody_is_let_in_without_credentials(scoped: World, key: Key, authorization: str | None) -> None:
    headers: dict[str, Any] = {} if authorization is None else {"Authorization": authorization}
    reply = scoped.ask(key[0], target(scoped, key), **SENT.get(key, {}), **headers)
    assert (reply.status, reply.code) == (401, "credentials_missing")
    assert reply.headers["www-authenticate"] == "Bearer"


@every_route
def test_head_is_guarded_as_get_is(scoped: World, key: Key) -> None:
    if key[0] == "GET":
        assert scoped.ask("HEAD", target(scoped, key)).status == 401
        other = min(frozenset(SCOPES) - MATRIX[key], default="oauth.read")
        allowed = 200 if None in MATRIX[key] else 403
        assert scoped.ask("HEAD", target(scoped, key), scoped.token(OPERATOR, other)).status == allowed
    else:
        assert scoped.ask("HEAD", target(scoped, key)).status in (401, 405)


def test_a_partner_that_lost_a_scope_loses_it_in_its_tokens(world: World) -> None:
    token = world.token(CHILD, "invoices.manage", "partners.read")
    path, operator = f"{CORE}/partners/{CHILD}", world.token(OPERATOR)
    assert world.get(f"{CORE}/billing/invoices", token).status == 200
    assert world.ask("PATCH", path, operator, json_body={"available_scopes": ["partners.read"]}).status == 200
    assert world.get(f"{CORE}/billing/invoices", token).status == 403
    assert world.get(path, token).status == 200
    assert world.ask("PATCH", path, operator, json_body={"available_scopes": ["invoices.read"]}).status == 200
    assert world.get(f"{CORE}/billing/invoices", token).status == 200
