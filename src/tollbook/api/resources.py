"""The table of routes, and an endpoint for each: at most fifteen lines, typed values in, bytes out."""

import re
from typing import Any

from tollbook import errors, limits
from tollbook.api import billing, explaining, rates, usage
from tollbook.api.routing import Request, Route
from tollbook.api.wire import Answer, list_answer
from tollbook.billing.model import Token
from tollbook.errors import Flaw, Refusal
from tollbook.operations import partners, tokens
from tollbook.operations.reading import get_record, list_records, list_usage, show_identity, show_partner, show_token
from tollbook.operations.tokens import Wish
from tollbook.query.fields import CALL_DRS, INVOICES, MESSAGE_DRS, PARTNERS, PAYMENTS, TOKENS, USAGE, Resource
from tollbook.query.listing import parse_list, parse_view
from tollbook.query.records import read_text

CORE = "/core/v2"

_GRANT_FIELDS = (
    "grant_type", "client_id", "client_secret", "username", "password", "refresh_token",
    "scope", "name", "access_token_expires_in",
)  # fmt: skip
_SECONDS = re.compile("[1-9][0-9]{0,9}")
_REVOKE_FIELDS = ("token", "token_type", "client_id", "client_secret")


def _list(resource: Resource, request: Request) -> Answer:
    asked = parse_list(request.query, resource, strict=request.strict)
    return list_answer(asked, list_records(request.services.lists, request.caller, asked), request.url)


def _one(resource: Resource, request: Request) -> Answer:
    view = parse_view(request.query, resource, strict=request.strict)
    sid = request.params[resource.sid]
    return Answer(get_record(request.services.lists, request.caller, resource, sid, view))


def list_invoices(request: Request) -> Answer:
    """A page of the invoices in sight."""
    return _list(INVOICES, request)


def get_invoice(request: Request) -> Answer:
    """One invoice."""
    return _one(INVOICES, request)


def list_payments(request: Request) -> Answer:
    """A page of the payments in sight: those of the invoices in sight."""
    return _list(PAYMENTS, request)


def get_payment(request: Request) -> Answer:
    """One payment."""
    return _one(PAYMENTS, request)


def list_usage_of_invoice(request: Request) -> Answer:
    """A page of the records behind an invoice in sight: calls, messages and other usage, late ones too."""
    asked = parse_list(request.query, USAGE, strict=request.strict)
    page = list_usage(request.services.lists, request.caller, request.params["invoice_sid"], asked)
    return list_answer(asked, page, request.url)


def list_calls(request: Request) -> Answer:
    """A page of the call records in sight; not counted."""
    return _list(CALL_DRS, request)


def get_call(request: Request) -> Answer:
    """One call record: of the caller, or of the nearest partner beneath it that has one of that ID."""
    return _one(CALL_DRS, request)


def list_messages(request: Request) -> Answer:
    """A page of the message records in sight; not counted."""
    return _list(MESSAGE_DRS, request)


def get_message(request: Request) -> Answer:
    """One message record: of the caller, or of the nearest partner beneath it that has one of that ID."""
    return _one(MESSAGE_DRS, request)


def list_partners(request: Request) -> Answer:
    """The caller and the partners beneath it."""
    return _list(PARTNERS, request)


def get_partner(request: Request) -> Answer:
    """One partner: the caller or one beneath it."""
    return _one(PARTNERS, request)


def post_partner(request: Request) -> Answer:
    """A new partner beneath the caller."""
    view = parse_view(request.query, PARTNERS, strict=request.strict)
    create = partners.creation(request.caller, request.body)
    return request.write(lambda act: show_partner(create(act), view.projection))


def patch_partner(request: Request) -> Answer:
    """Change the attributes that the body names."""
    return _change_partner(request, whole=False)


def put_partner(request: Request) -> Answer:
    """Replace all attributes: what the body does not name is reset."""
    return _change_partner(request, whole=True)


def _change_partner(request: Request, *, whole: bool) -> Answer:
    view = parse_view(request.query, PARTNERS, strict=request.strict)
    sid = request.params["partner_sid"]
    changed = partners.change_partner(request.services.store, request.caller, sid, request.body, whole=whole)
    return Answer(show_partner(changed, view.projection))


def post_token(request: Request) -> Answer:
    """A token for a login and password, or for a refresh token; needs no bearer."""
    request.no_arguments()
    form, services = request.body, request.services
    wish = _wish(form)
    try:
        if form.get("grant_type") == "password":
            login, password = _needed(form, "username"), _needed(form, "password")
            services.door.admit(login, password, request.address)
            return _token(tokens.grant_by_password(services.store, services.passwords, login, password, wish))
        if form.get("grant_type") == "refresh_token":
            return _token(tokens.grant_by_refresh(services.store, _needed(form, "refresh_token"), wish))
    except Refusal as refusal:
        raise services.door.failed(refusal, request.address) from None
    raise Refusal(errors.OBJECT_INVALID, Flaw("grant_type", "expected password or refresh_token"))


def post_token_for(request: Request) -> Answer:
    """A token for the caller or a partner beneath it."""
    request.no_arguments()
    wish = _wish(request.body)
    return _token(tokens.grant_to(request.services.store, request.caller, request.params["partner_sid"], wish))


def list_tokens(request: Request) -> Answer:
    """The tokens in sight, without their secrets."""
    return _list(TOKENS, request)


def get_token(request: Request) -> Answer:
    """One token, without its secrets."""
    return _one(TOKENS, request)


def post_revoke(request: Request) -> Answer:
    """End the token that the body names, or the one in use."""
    request.no_arguments()
    tokens.revoke(request.services.store, request.caller, request.body.get("token") or None)
    return Answer(status=204)


def who_am_i(request: Request) -> Answer:
    """The token in use, with its partner."""
    request.no_arguments()
    return Answer(show_identity(request.services.store, request.caller))


def _needed(form: Any, name: str) -> str:
    if not form.get(name):
        raise Refusal(errors.OBJECT_INVALID, Flaw(name, "is required"))
    return str(form[name])


def _wish(form: Any) -> Wish:
    flaws: list[Flaw] = []
    seconds = form.get("access_token_expires_in") or str(limits.ACCESS_TOKEN_SECONDS_DEFAULT)
    if not (_SECONDS.fullmatch(seconds) and int(seconds) <= limits.ACCESS_TOKEN_SECONDS_MAX):
        flaws.append(Flaw("access_token_expires_in", f"expected 1 to {limits.ACCESS_TOKEN_SECONDS_MAX} seconds"))
    for name in ("name", "client_id"):
        try:
            read_text(form.get(name, ""))
        except ValueError as error:
            flaws.append(Flaw(name, str(error)))
    if flaws:
        raise Refusal(errors.OBJECT_INVALID, *flaws)
    scopes = form.get("scope", "").replace(",", " ").split()
    return Wish(scopes or None, form.get("name") or None, int(seconds), form.get("client_id") or None)


def _token(token: Token) -> Answer:
    return Answer(show_token(token), cache_control="no-store")


_PAYMENTS = ("payments.manage", "payments.read")
_CALLS = ("calls.manage", "calls.read")
_SMS = ("sms.manage", "sms.read")
_INVOICES = ("invoices.manage", "invoices.read")
_OAUTH_READ = ("oauth.manage_all_tokens", "oauth.manage", "oauth.read")
_OAUTH_ANY = ("oauth.manage_all_tokens", "oauth.manage", "oauth.create", "oauth.read")
_OAUTH_CREATE = ("oauth.manage_all_tokens", "oauth.manage", "oauth.create")
_OAUTH_REVOKE = ("oauth.manage_all_tokens", "oauth.manage")
_P = "/partners"
_P1 = "/partners/{partner_sid}"

ROUTES = (
    Route("GET", "/billing/invoices", list_invoices, "List invoices", _INVOICES, resource=INVOICES, lists=True),
    Route("GET", "/billing/invoices/{invoice_sid}", get_invoice, "Get an invoice", _INVOICES, resource=INVOICES),
    Route(
        "GET",
        "/billing/invoices/{invoice_sid}/usage",
        list_usage_of_invoice,
        "List what is behind an invoice",
        _INVOICES,
        resource=USAGE,
        lists=True,
    ),
    Route("GET", "/calls/call_drs", list_calls, "List calls", _CALLS, resource=CALL_DRS, lists=True),
    Route("GET", "/calls/call_drs/{dr_sid}", get_call, "Get a call", _CALLS, resource=CALL_DRS),
    Route("GET", "/sms/message_drs", list_messages, "List messages", _SMS, resource=MESSAGE_DRS, lists=True),
    Route("GET", "/sms/message_drs/{dr_sid}", get_message, "Get a message", _SMS, resource=MESSAGE_DRS),
    Route(
        "GET", _P, list_partners, "List partners", ("partners.manage", "partners.read"), resource=PARTNERS, lists=True
    ),
    Route(
        "POST",
        _P,
        post_partner,
        "Create a partner",
        ("partners.manage", "partners.create"),
        body="json",
        idempotent=True,
        resource=PARTNERS,
    ),
    Route("GET", _P1, get_partner, "Get a partner", ("partners.manage", "partners.read"), resource=PARTNERS),
    Route(
        "PATCH",
        _P1,
        patch_partner,
        "Change a partner",
        ("partners.manage", "partners.update"),
        body="json",
        resource=PARTNERS,
    ),
    Route(
        "PUT",
        _P1,
        put_partner,
        "Replace a partner",
        ("partners.manage", "partners.update"),
        body="json",
        resource=PARTNERS,
    ),
    Route(
        "POST",
        "/oauth/token",
        post_token,
        "Log in, or renew a token",
        public=True,
        body="form",
        form_fields=_GRANT_FIELDS,
        resource=TOKENS,
    ),
    Route(
        "POST",
        "/oauth/token/{partner_sid}",
        post_token_for,
        "Make a token",
        _OAUTH_CREATE,
        body="form",
        form_fields=_GRANT_FIELDS,
        resource=TOKENS,
    ),
    Route("GET", "/oauth/tokens", list_tokens, "List tokens", _OAUTH_READ, resource=TOKENS, lists=True),
    Route("GET", "/oauth/tokens/{token_sid}", get_token, "Get a token", _OAUTH_READ, resource=TOKENS),
    Route(
        "POST", "/oauth/revoke", post_revoke, "Revoke a token", _OAUTH_REVOKE, body="form", form_fields=_REVOKE_FIELDS
    ),
    Route("GET", "/oauth/whoami", who_am_i, "Who am I", _OAUTH_ANY, resource=TOKENS),
    Route("GET", "/billing/payments", list_payments, "List payments", _PAYMENTS, resource=PAYMENTS, lists=True),
    Route("GET", "/billing/payments/{payment_sid}", get_payment, "Get a payment", _PAYMENTS, resource=PAYMENTS),
    *billing.ROUTES,
    *usage.ROUTES,
    *rates.ROUTES,
    *explaining.ROUTES,
)
"""Every path beneath `/core/v2`."""
