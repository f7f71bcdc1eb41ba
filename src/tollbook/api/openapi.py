"""`/openapi.json`: the whole API as OpenAPI 3.1, made from the routes, the catalogue, the problems and the limits.

Nothing is described by hand that one of these tables knows; a new route or attribute is in the document by itself.
"""

from collections.abc import Iterable
from typing import Any

from tollbook import __version__, errors, limits
from tollbook.api import samples
from tollbook.api.parameters import headers, of_route, parameters
from tollbook.api.routing import Route
from tollbook.api.schemas import ref, schemas, title
from tollbook.errors import PROBLEMS, Problem

Json = dict[str, Any]

TAGS = {
    "billing": ("Invoices", "What partners owe, line by line. Read only: invoices come from usage or from an import."),
    "calls": ("Calls", "Records of calls, in and out: sent by the thousand, listed, corrected."),
    "sms": ("Messages", "Records of messages, in and out: sent by the thousand, listed, corrected."),
    "rating": ("Rating", "What one call or message would cost, without recording it."),
    "partners": ("Partners", "Customers and resellers, a tree. A caller sees itself and all beneath it."),
    "oauth": ("Tokens", "Keys to the API. A token never does more than its partner may."),
    "sandbox": ("Sandbox", "The clock of a book that runs on one of its own, to watch invoices close."),
    "health": ("Health", "For load balancers and supervisors. No credentials."),
    "openapi.json": ("Reference", "This description. No credentials."),
}
"""Each area's title and what it is, by the first segment of its paths."""

_ABOUT = """\
Billing for telecom: invoices, partners and the keys to both, compatible with the CarrierX Core API v2.

Amounts are strings holding exact decimals. Instants are ISO 8601 in UTC with three decimals. `HEAD` works wherever
`GET` does and `OPTIONS` everywhere. Every answer carries `X-Request-Id`; every refusal has the body `Error` and its
code in `X-Error-Code`. The same for people, with requests to try, is at `/docs`."""

_FORM = "application/x-www-form-urlencoded"
_JSON = "application/json"
_BODIES: dict[str, tuple[str, ...]] = {
    "post_partner": ("PartnerCreate",),
    "patch_partner": ("PartnerChange",),
    "put_partner": ("PartnerChange",),
    "post_token": ("PasswordGrant", "RefreshGrant"),
    "post_token_for": ("TokenWish",),
    "post_revoke": ("Revocation",),
    "post_payment": ("PaymentCreate", "RefundCreate"),
    "post_adjustment": ("CreditNoteCreate", "GoodwillCreate"),
    "post_void": ("Voiding",),
    "post_clock": ("ClockMove",),
    "post_calls": ("CallRecord", "CallRecords"),
    "post_messages": ("MessageRecord", "MessageRecords"),
    "post_usage": ("UsageRecord", "UsageRecords"),
    "patch_call": ("CallCorrection",),
    "patch_message": ("MessageCorrection",),
}
_ANSWERS = {
    "post_token": "NewToken",
    "post_token_for": "NewToken",
    "who_am_i": "Identity",
    "post_payment": "Payment",
    "post_adjustment": "Adjustment",
    "post_void": "Invoice",
    "explain_invoice": "Explanation",
    "get_clock": "Clock",
    "post_clock": "Clock",
    "get_call_price": "CallPrice",
    "get_sms_price": "MessagePrice",
    "get_mms_price": "MessagePrice",
}
_SEVERAL = {
    "post_calls": ("CallDr", "RecordResults"),
    "post_messages": ("MessageDr", "RecordResults"),
    "post_usage": ("UsageDr", "RecordResults"),
}
"""Answers that are one thing or the other, as the body was."""
_UNSEEN = "said on the command line only"
_ANYWHERE = (400, 411, 414, 500, 503)


def document(routes: Iterable[Route], public_url: str = "") -> Json:
    """The OpenAPI document of these routes, each with its full path."""
    paths: Json = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    described: Json = {
        "openapi": "3.1.0",
        "info": {
            "title": "Tollbook",
            "version": __version__,
            "summary": "Self-hosted telecom billing",
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "tags": [{"name": name, "description": doc} for name, doc in TAGS.values()],
        "paths": paths,
        "components": _components(),
    }
    return described | ({"servers": [{"url": public_url}]} if public_url else {})


def _components() -> Json:
    return {
        "schemas": schemas(),
        "parameters": parameters(),
        "headers": headers(),
        "responses": {_name(status): _refusals(status) for status in sorted({p.status for p in _seen()})},
        "securitySchemes": {
            "bearer": {"type": "http", "scheme": "bearer", "description": "An access token."},
            "basic": {"type": "http", "scheme": "basic", "description": "A partner's login and password."},
        },
    }


def _seen() -> Iterable[Problem]:
    """The problems that a client can meet; the table says of the others that it cannot."""
    return (problem for problem in PROBLEMS if _UNSEEN not in problem.when)


def _name(status: int) -> str:
    """The name of a status's shared response.

    >>> _name(404)
    'NoItemErrorOrNotFound'
    """
    messages = dict.fromkeys(problem.message for problem in _seen() if problem.status == status)
    return "Or".join(message.title().replace(" ", "") for message in messages)


def _refusals(status: int) -> Json:
    """All problems of one status as one response."""
    problems = [problem for problem in _seen() if problem.status == status]
    messages = list(dict.fromkeys(problem.message for problem in problems))
    lines = [f"- `{problem.code}`: {problem.when}" for problem in problems]
    return {
        "description": "\n".join([f"**{' / '.join(messages)}**", "", *lines]),
        "headers": _refusal_headers(status, [problem.code for problem in problems]),
        "content": {
            _JSON: {
                "schema": {"allOf": [ref("Error"), {"properties": {"message": {"enum": messages}}}]},
                "example": _refusal_example(problems[0]),
            }
        },
    }


def _refusal_headers(status: int, codes: list[str]) -> Json:
    by_status = {401: ("WWW-Authenticate",), 405: ("Allow",), 429: ("Retry-After",), 503: ("Retry-After",)}
    code = {
        "description": "Which problem of the table it is.",
        "required": True,
        "schema": {"type": "string", "enum": codes},
    }
    shared = {name: _header(name) for name in ("X-Request-Id", *by_status.get(status, ()))}
    return {"X-Error-Code": code, **shared}


def _refusal_example(problem: Problem) -> Json:
    said = "cannot find item by sid" if problem is errors.ITEM_UNKNOWN else problem.when
    return {"message": problem.message, "errors": [{"field": None, "message": said, "reference_sid": None}]}


def _header(name: str) -> Json:
    return {"$ref": f"#/components/headers/{name}"}


def _operation(route: Route) -> Json:
    doc = (route.act.__doc__ or "").strip()
    tag = next((TAGS[part][0] for part in route.path.split("/") if part in TAGS), TAGS["openapi.json"][0])
    described: Json = {
        "operationId": route.act.__name__,
        "tags": [tag],
        "summary": route.summary,
        "description": doc,
        "security": _security(route),
        "parameters": of_route(route),
        "responses": _responses(route),
    }
    if route.body:
        described["requestBody"] = _body(route)
    return described


def _security(route: Route) -> list[Json]:
    """Any one of these is enough."""
    if route.public:
        return []
    each = [[scope] for scope in route.scopes] or [[]]
    return [{scheme: scopes} for scheme in ("bearer", "basic") for scopes in each]


def _body(route: Route) -> Json:
    names = _BODIES[route.act.__name__]
    schema = ref(names[0]) if len(names) == 1 else {"oneOf": [ref(name) for name in names]}
    examples = {name: {"value": schemas()[name]["examples"][0]} for name in names}
    media_type = _FORM if route.body == "form" else _JSON
    size = f"At most {limits.BODY_BYTES_MAX} bytes."
    return {"required": True, "description": size, "content": {media_type: {"schema": schema, "examples": examples}}}


def _responses(route: Route) -> Json:
    nothing = route.method == "DELETE" or route.act.__name__ == "post_revoke"
    made = {"204": _nothing(route)} if nothing else {"200": _success(route)}
    if route.method == "GET":
        unchanged = "The client has it already: `If-None-Match` names its tag."
        made["304"] = {"description": unchanged, "headers": {name: _header(name) for name in ("ETag", "X-Request-Id")}}
    for status in sorted({*_ANYWHERE, *_refused_with(route)}):
        made[str(status)] = {"$ref": f"#/components/responses/{_name(status)}"}
    return made


def _nothing(route: Route) -> Json:
    return {"description": "Done.", "headers": {name: _header(name) for name in ("X-Request-Id", *_replayed(route))}}


def _replayed(route: Route) -> tuple[str, ...]:
    return ("Idempotency-Replayed",) if route.idempotent else ()


def _success(route: Route) -> Json:
    names = ["X-Request-Id"]
    if route.method == "GET":
        names += ["ETag", "Cache-Control"]
    if route.lists:
        names.append("Link")
    if route.lists and route.resource and route.resource.within:
        names.append("X-Archived-Before")
    names += _replayed(route)
    content = {_JSON: _content(route)}
    return {"description": route.summary, "headers": {name: _header(name) for name in names}, "content": content}


def _content(route: Route) -> Json:
    if several := _SEVERAL.get(route.act.__name__):
        return {"schema": {"oneOf": [ref(name) for name in several]}, "example": schemas()[several[-1]]["examples"][0]}
    name = _ANSWERS.get(route.act.__name__)
    if name is None and route.resource is not None:
        name = title(route.resource) + ("List" if route.lists else "")
    if name is None:
        return {"schema": ref("Health") if route.path.startswith("/health") else {"type": "object"}}
    example = samples.page(route.resource) if route.resource and route.lists else schemas()[name]["examples"][0]
    return {"schema": ref(name), "example": example}


def _refused_with(route: Route) -> Iterable[int]:
    """The statuses that this route's own ways of refusing have, beside those that any may have."""
    if not route.public:
        yield from (401, 429)
    if route.scopes:
        yield 403
    if route.lists or route.arguments or route.idempotent or "{" in route.path or route.act.__name__ == "get_clock":
        yield 404
    if route.body:
        yield from (413, 415, 422)
    if route.idempotent or route.method == "DELETE":
        yield from (409, 422)
    if route.act.__name__ == "post_token":
        yield from (401, 429)
